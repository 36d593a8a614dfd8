"""Calls of programs, functions and builtins: what they start, and what they print where that can be told."""

from __future__ import annotations

import re

import msgspec

from detectors.commands.builtins import CHANGE_VARIABLES, declare
from detectors.commands.command import Command
from detectors.commands.filters import output
from detectors.commands.launchers import Step
from detectors.commands.lexer import NESTING, Budget
from detectors.commands.options import SHELLS, script, takes_program_from_input
from detectors.commands.place import Place, command_at, program_name
from detectors.commands.scope import Scope
from detectors.commands.syntax import Node
from detectors.commands.wrappers import is_busybox, is_wrapper, unwrap

TEXT_LENGTH = 65_536
"""Longer command lines and shell texts are read up to here, and marked unknown."""
COMMANDS = 256
LOOPS = 32
"""How many words of a `for`, and of the input of `xargs -I`, are followed."""
_STEPS = 4096
_CHARACTERS = 524_288
_SHELL_LINE = re.compile(rb"sh( |$)")
_SILENT = frozenset({"cd", ":", "true", "set", "export", "unset", "sleep", "mkdir", "chmod"})


class Calls:
    """Reads the words of commands, through wrappers and shells; what reads their texts is added to it."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.budget = Budget()
        self.steps = _STEPS
        self.characters = _CHARACTERS
        self.active: set[str] = set()
        """Functions that are being called: a call inside themselves is not followed."""
        self.printed: dict[str, tuple[int, int | None, bytes | None]] = {}
        """What substitutions of unknown value print, by their source: depth of texts, command, output. They stand
        as written in the texts made of them, where they must not be read again."""
        self.files: dict[str, bytes] = {}
        """What the text itself wrote into files, by path as written."""
        self.told: set[int] = set()
        """Commands of which the output is known."""

    @property
    def exhausted(self) -> bool:
        """Whether a bound was reached: nothing more is read."""
        return self.steps <= 0 or self.characters <= 0 or len(self.commands) >= COMMANDS

    def spend(self, length: int) -> bool:
        """Count text that was made; False if there was too much."""
        self.characters -= length
        return self.characters > 0

    def note(self, command: Command) -> int:
        """Add a command, or in the last place a mark that there were more; its index."""
        if len(self.commands) == COMMANDS - 1:
            command = Command("", "", wrappers=command.wrappers, unknown=True)
        if len(self.commands) < COMMANDS:
            self.commands.append(command)
        return len(self.commands) - 1

    def cut(self, place: Place) -> None:
        """Note that something here was not read."""
        self.note(Command("", "", wrappers=place.wrappers, input=place.input, unknown=True))

    def in_background(self, start: int) -> None:
        """Say of the commands from here on that they run in the background."""
        for index in range(start, len(self.commands)):
            self.commands[index] = msgspec.structs.replace(self.commands[index], background=True)

    def printing_since(self, before: int) -> int | None:
        """The command noted since then that feeds what follows: the last of unknown output, or else the last."""
        since = range(len(self.commands) - 1, before - 1, -1)
        return next((index for index in since if index not in self.told), since[0] if since else None)

    def text(self, text: str, scope: Scope, place: Place, *, same_shell: bool = False) -> bytes | None:
        """Read the text of a shell; what it prints, if that is known."""
        raise NotImplementedError

    def node(self, node: Node, scope: Scope, place: Place) -> bytes | None:
        """Read a statement; what it prints, if that is known."""
        raise NotImplementedError

    def call(self, words: list[str], scope: Scope, place: Place) -> bytes | None:
        """Read one command: words of which the first names the program; what it prints, if that is known."""
        if self.exhausted:
            return None
        self.steps -= 1
        name = program_name(words[0])
        if name in scope.functions and name not in self.active:
            return self._function(name, words, scope, place)
        if name in CHANGE_VARIABLES:
            declare(name, words[1:], scope)
        steps, stays = unwrap(name, words) if is_wrapper(name) or is_busybox(words) else ([], False)
        if place.depth >= NESTING and steps:
            self.cut(place)
            return None
        if stays or not steps:
            index = self.note(command_at(words, place))
        if not steps:
            printed = self._finished(self.commands[index], words, scope, place)
            if printed is not None:
                self.told.add(index)
            return printed
        outputs = [self._started(step, scope, place) for step in steps]
        return outputs[0] if len(outputs) == 1 and not stays else None

    def _function(self, name: str, words: list[str], scope: Scope, place: Place) -> bytes | None:
        inner = scope.subshell()
        inner.positional, inner.functions, inner.exported = tuple(words), scope.functions, scope.exported
        body = scope.functions[name]
        scope.uncalled.pop(name, None)
        within = msgspec.structs.replace(place, depth=place.depth + 1, assignments=(), substitutions=())
        self.active.add(name)
        printed = self.node(body, inner, within)
        self.active.discard(name)
        scope.variables |= inner.variables
        return printed

    def _started(self, step: Step, scope: Scope, place: Place) -> bytes | None:
        within = msgspec.structs.replace(
            place,
            wrappers=(*place.wrappers, step.label),
            assignments=place.assignments + tuple((name, str(value)) for name, value in step.assignments),
            depth=place.depth + 1,
        )
        if step.text is not None:
            if step.same_shell:
                return self.text(step.text, scope, within, same_shell=True)
            text, positional = _whole(step) if place.loose else (step.text, step.positional)
            return self.text(text, scope.started(positional, within.assignments), within)
        if step.takes_input:
            return self._with_input(step, scope, within)
        return self.call(step.words, scope, within)

    def _with_input(self, step: Step, scope: Scope, place: Place) -> bytes | None:
        given = place.stdin
        if given is None:
            return self.call(step.words, scope, msgspec.structs.replace(place, unknown=True))
        added = given[:TEXT_LENGTH].decode(errors="replace").split()
        if not step.replaces:
            return self.call([*step.words, *added], scope, place)
        for word in added[:LOOPS]:
            self.call([own.replace(step.replaces, word) for own in step.words], scope, place)
        return None

    def _finished(self, command: Command, words: list[str], scope: Scope, place: Place) -> bytes | None:
        """What a command prints that starts nothing by its words; a shell may be given its text otherwise."""
        program = self._program(command, place)
        if program is not None:
            kept = tuple(redirection for redirection in place.redirections if redirection.operator[0] != "<")
            within = msgspec.structs.replace(
                place, wrappers=(*place.wrappers, command.name), stdin=None, input=None, redirections=kept
            )
            return self.text(program.decode(errors="replace"), scope.started(None), within)
        arguments = words[1:]
        if not all(type(word) is str for word in arguments):
            return None
        return b"" if command.name in _SILENT else output(command.name, arguments, place.stdin)

    def _program(self, command: Command, place: Place) -> bytes | None:
        """The shell text that a command runs, if the process itself wrote or printed it."""
        if command.path in self.files:
            text = self.files[command.path]
            first = text.partition(b"\n")[0]
            return text if first[:2] != b"#!" or _SHELL_LINE.search(first) else None
        if command.name not in SHELLS and command.name not in (".", "source"):
            return None
        if takes_program_from_input(command):
            return place.stdin
        file = script(command) or ""
        _, _, printed = self.printed.get(file, (0, None, None))
        return self.files.get(file, printed)


def _whole(step: Step) -> tuple[str, tuple[str, ...] | None]:
    """The text of a shell of which a sensor may have joined the words: it goes to the end of the string."""
    text = step.text or ""
    if " " in text or not step.rest or (len(step.rest) == 1 and step.rest[0] in SHELLS):
        return text, step.positional
    return " ".join([text, *(f'"{word}"' if " " in word or not word else word for word in step.rest)]), None
