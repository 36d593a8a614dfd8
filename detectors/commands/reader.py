"""The commands of a process, from what a sensor tells of its command line."""

from __future__ import annotations

import msgspec

from detectors.commands.calls import TEXT_LENGTH
from detectors.commands.command import Command
from detectors.commands.evaluation import Evaluation
from detectors.commands.memory import remembered
from detectors.commands.place import Place
from detectors.commands.scope import Scope
from detectors.commands.words import split
from detectors.commands.wrappers import is_busybox, is_wrapper
from events import Process

_MULTI_CALL = frozenset({"busybox", "toybox", "coreutils"})
_READINGS = 256
"""Kept: enough for the detectors that an event reaches one after another, and for what runs all day."""


@remembered(_READINGS)
def read(process: Process) -> tuple[Command, ...]:
    """Read the command line of a process into commands, in the order in which they would run.

    A program that starts no other is one command. Shell text gives one for each command in it. Nothing is run or looked
    up, and nothing raises, whatever the words are.

    Parameters
    ----------
    process
        The execution; `argv` is preferred to `binary` and `arguments`.

    Examples
    --------
    >>> process = Process(binary="/bin/sh", argv=("sh", "-c", "cd /tmp; wget http://h/x -O- | sudo bash"))
    >>> [(command.name, command.wrappers, command.input) for command in read(process)]
    [('cd', ('sh -c',), None), ('wget', ('sh -c',), None), ('bash', ('sh -c', 'sudo'), 1)]
    """
    argv = process.argv
    path = process.binary or (argv[0].lstrip("-") if argv else "")
    name = path.rpartition("/")[2]
    if argv is not None:
        plain = not is_wrapper(name) and name not in _MULTI_CALL and not is_busybox((path, *argv[1:]))
        if plain and sum(map(len, argv)) <= TEXT_LENGTH:
            return (Command(name, path, argv[1:]),)
        return _given(name, path, argv)
    arguments = process.arguments
    words = [path, *split(arguments[:TEXT_LENGTH])]
    if len(arguments) <= TEXT_LENGTH and not is_wrapper(name) and not is_busybox(words):
        return (Command(name, path, tuple(words[1:])),)
    return _called(words, Place(loose=True, unknown=len(arguments) > TEXT_LENGTH))


def _given(name: str, path: str, argv: tuple[str, ...]) -> tuple[Command, ...]:
    words: list[str] = []
    room = TEXT_LENGTH
    for word in argv[1:]:
        if room < 0:
            break
        words.append(word[:room])
        room -= len(word) + 1
    place = Place(unknown=room < 0)
    applet = argv[0].rpartition("/")[2] if argv else ""
    if name in _MULTI_CALL and applet and applet not in _MULTI_CALL:
        return _called([argv[0], *words], msgspec.structs.replace(place, wrappers=(name,)))
    return _called([path, *words], place)


def _called(words: list[str], place: Place) -> tuple[Command, ...]:
    evaluation = Evaluation()
    evaluation.call(words, Scope(), place)
    if place.unknown and not any(command.unknown for command in evaluation.commands):
        evaluation.cut(place)
    return tuple(evaluation.commands)
