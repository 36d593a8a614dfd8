"""What a command line does with files that may have been downloaded: fetch, move, run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import re2

from detectors.commands import Command, options, read, script, takes_program_from_input
from detectors.commands.memory import remembered
from detectors.commands.options import SHELLS, interpreter, named
from detectors.runtime.download_familiar import FAMILIAR, OWNED
from detectors.runtime.download_fetchers import TALKERS, fetched, guessed
from detectors.runtime.download_moves import COMPILERS, ENDINGS, MOVERS, READERS, UNPACKERS, moved, unpacked
from detectors.runtime.download_paths import in_search_path, resolved
from detectors.runtime.download_runs import loaded, runs_its_input
from detectors.runtime.download_scripts import fetching_text, run_by_name, runs_what_it_fetches, saved, source_of
from detectors.selection import shell_text
from events import Process

MOST = 32
"""Acts of one command line that are kept."""
_HELD = 4
"""Operands of one command whose content is followed through pipes."""
GET, MOVE, COPY, UNPACK, RUN, PIPE = "get", "move", "copy", "unpack", "run", "pipe"
STREAM, FEED, MARK = "stream", "feed", "mark"
"""What a lone program does whose output and input the sensor does not show: fetch to the standard output, run what
stands on the standard input, make a file executable."""

_WORTH = re2.compile(
    "(?i)"
    + "|".join(
        shell_text(
            r"curl|wget|fetch|aria2|axel|lwp-|ftp|http|lynx|links|w3m|url|LWP|/dev/tcp|/tmp/|/shm/|\./|\$\{IFS"
            r"|\b(?:nc|ncat|netcat|socat|scp|sftp|ssh|rsync|aws|gsutil|az|GET|xh|mc|rclone|telnet)\b"
            r"|\b(?:s_client|dig|nslookup|host)\b|(?:^|[ ;&|\"'(])(?:\.|source) "
        )
    )
)
"""Shell text that is worth reading: the other programs that it starts are seen by themselves."""
_ELSEWHERE = ("kubectl", "oc ", "docker", "podman", "nerdctl", "crictl", "ctr ", "ssh")
_INLINE_OPTIONS = frozenset({"-c", "-e", "-E", "-r", "--eval", "-p"})
_EXECUTABLE = re2.compile(r"^(?:0?[0-7]?[1357][0-7]{2}|[ugoa]*\+[rwst]*x[rwxst]*)$")
_DATA = ("/proc/", "/sys/", "/etc/")
_TOOL_FOLDERS = frozenset({"/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"})
_TOOLS = frozenset(
    {*MOVERS, *READERS, *UNPACKERS, *ENDINGS, *("curl", "wget", "chmod", "tee", "busybox", "nc", "java")}
)


class Act(NamedTuple):
    """One thing done: its kind, the file or source that it begins with, and the file or program that it ends with."""

    kind: str
    subject: str
    target: str = ""


def carries(process: Process) -> bool:
    """Whether a shell is given its text in an option (`-c`)."""
    words = process.arguments.split(" ", 8)[:8]
    return any(word.startswith("-") and word[1:2] != "-" and "c" in word for word in words)


def is_familiar(path: str) -> bool:
    """Whether a program belongs to an image or node, and lies where it belongs."""
    return path in FAMILIAR or path.startswith(OWNED)


@remembered()
def acts(process: Process) -> tuple[Act, ...]:
    """What a process does, in order.

    Examples
    --------
    >>> acts(Process(binary="/bin/sh", arguments='-c "wget http://h/x && ./x"', cwd="/srv"))
    (Act(kind='get', subject='http://h/x', target='/srv/x'), Act(kind='run', subject='/srv/x', target=''))
    >>> acts(Process(binary="/bin/sh", arguments='-c "curl -s http://h/x | jq . | grep y"'))
    ()
    """
    if is_familiar(process.binary):
        return ()
    if process.name in SHELLS and carries(process) and not _WORTH.search(process.command_line):
        return ()
    reading = Reading(process.cwd, read(process))
    # Whatever it seems to be, such as a busybox (`/tmp/x telnet h`): the file itself is run.
    itself = reading.program(process.binary) if "/" in process.binary else ()
    return tuple(dict.fromkeys((*itself, *reading.acts())))[:MOST]


class Reading:
    """Goes through the commands of one process, in the order of the text.

    Parameters
    ----------
    folder
        Working folder of the process; empty if it is not known.
    commands
        As they were read.
    """

    def __init__(self, folder: str, commands: Sequence[Command]) -> None:
        self.folder = folder
        self.commands = commands
        self.brought: dict[int, str] = {}
        """Sources of what the outputs of commands hold, by the index of the command."""
        self.held: dict[int, tuple[str, ...]] = {}
        """Files whose content goes through a pipe, by the index of the command that prints it."""
        self.descriptors: dict[str, str] = {}
        """Sources of what can be read from descriptors that were opened (`exec 3<>/dev/tcp/h/80`), by number."""
        self.written: set[str] = set()
        wrappers = commands[0].wrappers if len(commands) == 1 else ("text -c",)
        self.alone = not any(" " in wrapper or wrapper == "eval" for wrapper in wrappers)
        """No shell text around it: what it reads and where its output goes is not shown."""

    def acts(self) -> Iterator[Act]:
        """What the commands do with files."""
        for index, command in enumerate(self.commands):
            if command.name in ("cd", "pushd"):
                self._enter(command)
                continue
            there = not any(wrapper.startswith(_ELSEWHERE) for wrapper in command.wrappers)
            for act in self._command(index, command):
                if there or act.kind == PIPE:
                    self.written.add(act.target)
                    yield act

    def program(self, path: str) -> Iterator[Act]:
        """The run of a program that is called by its path."""
        path = self._path(path)
        if not is_familiar(path) and not _is_tool(path):
            yield Act(RUN, path)

    def _enter(self, command: Command) -> None:
        """`cd A || cd B`: the first is taken to succeed."""
        words = [word for word in command.arguments if not word.startswith("-")]
        if not command.alternative:
            self.folder = resolved(words[0], self.folder) if words else ""

    def _path(self, word: str) -> str:
        return resolved(word, self.folder)

    def _command(self, index: int, command: Command) -> Iterator[Act]:
        carried = self._carried(command)
        if text := fetching_text(command):
            yield from self._one_liner(command, text)
        yield from self._runs(command, carried)
        self.held[index] = held = self._held(command)
        self._open(command, carried)
        fetch = fetched(command)
        source = carried
        if fetch is not None:
            yield from (Act(GET, fetch.source, self._path(name)) for name in fetch.files)
            source = fetch.source if fetch.printed else carried
            if fetch.printed and self.alone and not fetch.local and command.name not in TALKERS:
                yield Act(STREAM, fetch.source, self._guess(fetch.source))
        outputs = [self._path(name) for name in _outputs(command)]
        yield from (Act(GET, source, path) for path in outputs if source)
        if source and (not outputs or command.name == "tee"):
            self.brought[index] = source
        yield from self._moves(command, source, outputs)
        if not source:
            yield from (Act(COPY, path, target) for path in held for target in outputs)

    def _held(self, command: Command) -> tuple[str, ...]:
        """The files that a command prints, or passes on."""
        words = command.arguments if command.name in READERS else ()
        given = [word.removeprefix("if=") for word in words if not word.startswith("-")]
        given += [one.target for one in command.redirections if one.operator == "<" and not one.descriptor]
        paths = [self._path(word) for word in given[:_HELD] if not word.startswith(("<(", "/dev/"))]
        passed = () if command.input is None else self.held.get(command.input, ())
        return (*(path for path in paths if not is_familiar(path)), *passed)[: 2 * _HELD]

    def _open(self, command: Command, carried: str) -> None:
        for one in command.redirections:
            if one.descriptor and one.operator in ("<", "<>"):
                source = one.target if one.target.startswith("/dev/tcp/") else carried
                if source and one.target.startswith(("/dev/tcp/", "<(")):
                    self.descriptors[str(one.descriptor)] = source

    def _descriptor(self, command: Command) -> str:
        """The source of the open descriptor that a command reads."""
        file = script(command) or ""
        read_from = [file.removeprefix("/dev/fd/")] if file.startswith("/dev/fd/") else []
        read_from += [one.target for one in command.redirections if one.operator == "<&" and not one.descriptor]
        return next((self.descriptors[number] for number in read_from if number in self.descriptors), "")

    def _guess(self, source: str) -> str:
        """The file into which someone would have the output written."""
        name = guessed(source)
        return self._path(name) if name else ""

    def _carried(self, command: Command) -> str:
        """The source of what reaches a command by a pipe, in its words or by a descriptor."""
        feeding = (command.input, *command.substitutions)
        found = (self.brought[index] for index in feeding if index is not None and index in self.brought)
        return next(found, "") or (self._descriptor(command) if self.descriptors else "")

    def _one_liner(self, command: Command, text: str) -> Iterator[Act]:
        source = source_of(text)
        yield from (Act(GET, source, self._path(name)) for name in saved(text))
        yield from (Act(RUN, self._path(name)) for name in run_by_name(text))
        if runs_what_it_fetches(text):
            yield Act(PIPE, source, command.name)

    def _runs(self, command: Command, carried: str) -> Iterator[Act]:
        runs_input = script(command) is not None or takes_program_from_input(command)
        if carried and (_is_fetched_program(command) or (runs_input and self._descriptor(command))):
            yield Act(PIPE, carried, command.name or "a shell")
            return
        if "/" in command.path and command.name:
            yield from self.program(command.path)
        elif command.name:
            yield from (Act(RUN, path) for path in in_search_path(command.name) if path in self.written)
        yield from (Act(RUN, path) for path in self._scripts(command))
        if self.alone and ((script(command) or "").startswith("/dev/fd/") or takes_program_from_input(command)):
            yield Act(FEED, command.name)

    def _scripts(self, command: Command) -> Iterator[str]:
        """Files that a command runs, by their paths."""
        yield from map(self._path, loaded(command))
        if takes_program_from_input(command):
            given = [r.target for r in command.redirections if r.operator == "<" and not r.descriptor]
            yield from (self._path(name) for name in given if not name.startswith(("<(", "/dev/")))
            yield from () if command.input is None else self.held.get(command.input, ())

    def _moves(self, command: Command, source: str, outputs: list[str]) -> Iterator[Act]:
        found = unpacked(command)
        if found is not None and (found[0] or source):
            yield Act(UNPACK, self._path(found[0]) if found[0] else source, self._path(found[1]))
        if source:
            return
        for given, target in moved(command) if command.name not in ENDINGS or not outputs else ():
            path = self._path(given)
            if not is_familiar(path) and not path.startswith(_DATA):
                whole = command.name == "mv" and target == command.arguments[-1]
                yield Act(MOVE if whole else COPY, path, self._path(target))
        if command.name == "chmod" and self.alone:
            mode, *words = [word for word in command.arguments if not word.startswith("-")] or [""]
            yield from (Act(MARK, self._path(word)) for word in words[:2] if _EXECUTABLE.search(mode))


def _outputs(command: Command) -> list[str]:
    """Files into which the output of a command goes."""
    files = [r.target for r in command.redirections if r.operator[0] in ">&" and r.descriptor in (None, 1)]
    if command.name == "tee":
        files += [word for word in command.arguments if not word.startswith("-")]
    if command.name in COMPILERS:
        files += options(command, named("-o"))[0].get("-o", [])
    if command.name == "dd":
        files += [word[3:] for word in command.arguments if word.startswith("of=")]
    return [name for name in files[:8] if name not in ("/dev/null", "/dev/stdout", "/dev/stderr", "1", "2", "-")]


def _is_fetched_program(command: Command) -> bool:
    """Whether what a command runs is what its input or its words hold, something fetched being among them."""
    if not command.name:
        read_line = command.input is not None and command.wrappers[-1:] != () and command.path.startswith("$")
        carried = command.path.startswith(("$(", "`")) and command.path.endswith((")", "`"))
        return carried or (read_line and command.wrappers[-1].endswith((" -c", "eval")))
    file = script(command)
    if file is not None:
        return file.startswith("<(")
    if takes_program_from_input(command):
        return command.input is not None or any(r.operator.startswith("<<") for r in command.redirections)
    words = command.arguments
    if command.input is not None and runs_its_input(command):
        return True
    return interpreter(command.name) != "" and any(
        option in _INLINE_OPTIONS and text.lstrip().startswith(("$(", "`"))
        for option, text in itertools.pairwise(words)
    )


def _is_tool(path: str) -> bool:
    """Interpreters and fetchers where they belong: they are looked at for what they are told."""
    folder, _, name = path.rpartition("/")
    return folder in _TOOL_FOLDERS and (interpreter(name) != "" or name in _TOOLS)
