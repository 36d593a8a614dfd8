"""Shells of intruders and of people: what is run in them, with its labels."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from simulation.clock import MILLISECOND
from simulation.sensors.processes import Program

if TYPE_CHECKING:
    from simulation.attacks.scene import Scene

IN_PLACE = frozenset({"chroot", "env", "ionice", "nice", "nohup", "proxychains4", "setsid", "stdbuf", "unshare"})
"""Programs that become the program that they are given: its process is theirs."""
BUILTINS = frozenset({"cd", "echo", "export", "history", "set", "unset", "exit", "read", "umask", "alias", "true", ":"})


@dataclass(frozen=True)
class Started:
    """A program of a shell text that starts others itself, such as the `sh` of `base64 -d | sh`."""

    command: str | Sequence[str]
    runs: Sequence[Step] = ()
    binary: str = ""
    """Path of the program, where its first argument names another (`exec -a`)."""
    cwd: str = ""
    """Its working folder, where that is not the shell's."""


Step: TypeAlias = "str | Sequence[str] | Started"
"""A program that a shell text starts."""


class Shell:
    """Somebody's shell: what is run in it is labelled.

    Parameters
    ----------
    scene
        The episode that it is part of.
    program
        The process that runs what is typed: a shell, or the server that was broken into.
    """

    def __init__(self, scene: Scene, program: Program) -> None:
        self.scene = scene
        self.program = program
        self.machine = program.machine

    def run(
        self,
        command: str | Sequence[str],
        *raises: str,
        seconds: float | None = 0.1,
        after: int = 0,
        under: Program | None = None,
        runs: Sequence[Step] = (),
        **fields: Any,
    ) -> Program:
        """Run one program now: a command line without shell syntax, or its arguments.

        Parameters
        ----------
        command
            For example `nmap -sS 10.0.0.0/24`, or `("python3", "-c", "import os")`.
        raises
            Alert types that this should raise; of a near miss those that it must not are known from the episode.
        seconds, after, fields
            As `Machine.run` takes them: how long it runs, when, and `cwd`, `uid`, `binary` ...
        under
            What runs it, if not the shell itself.
        runs
            The programs that it starts itself; the first of them takes its place if it is made for that (`nohup`).
        """
        argv = shlex.split(command) if isinstance(command, str) else command
        mark = self.scene.mark(*raises)
        longer = seconds if seconds is None else max(seconds, _lasts(runs))
        ends = None if runs and _base(argv[0]) in IN_PLACE else longer
        program = self.machine.run(under or self.program, argv, ends, after=after, mark=mark, **fields)
        self._start(runs, program, after, raises, fields)
        return program

    def line(
        self,
        text: str,
        *raises: str,
        runs: Sequence[Step] | None = None,
        interpreter: str = "sh",
        seconds: float = 0.4,
        **fields: Any,
    ) -> Program:
        """Run a line of shell text now, as `sh -c TEXT`; every program that it starts is reported too.

        Parameters
        ----------
        text
            What the shell is given.
        raises
            Alert types that the text should raise, and the programs with it.
        runs
            The programs that it starts, one after the other; None: the parts of the text between `;`, `&&`, `||` and
            `|`, which suits simple lines. What a shell does itself (echo, cd, history) starts no program: leave it
            out. A `Started` starts others in its turn.
        interpreter
            `sh`, `bash` or a path.
        """
        steps = _parts(text) if runs is None else runs
        started = self.run((interpreter, "-c", text), *raises, seconds=max(seconds, _lasts(steps)), **fields)
        self._start(steps, started, fields.pop("after", 0), raises, fields)
        return started

    def _start(
        self, steps: Sequence[Step], under: Program, after: int, raises: Sequence[str], fields: dict[str, Any]
    ) -> None:
        mark = self.scene.mark(*raises)
        fields = {name: value for name, value in fields.items() if name != "binary"}
        for each in steps:
            step = each if isinstance(each, Started) else Started(each)
            after += self.scene.chance.between(4_000, 70_000)
            argv = shlex.split(step.command) if isinstance(step.command, str) else step.command
            seconds = None if step.runs and _base(argv[0]) in IN_PLACE else _lasts(step.runs)
            if _base(under.argv[0]) in IN_PLACE and not step.binary:
                program = self.machine.replace(under, argv, seconds, after=after, mark=mark)
            else:
                told = {"binary": step.binary, "cwd": step.cwd}
                own = fields | {name: value for name, value in told.items() if value}
                program = self.machine.run(under, argv, seconds, after=after, mark=mark, **own)
            self._start(step.runs, program, after, raises, fields)

    def connect(self, program: Program, address: str, port: int, *raises: str, after: int = 60 * MILLISECOND) -> None:
        """A program opens a TCP connection."""
        self.machine.connect(program, address, port, after=after, mark=self.scene.mark(*raises))

    def touch(self, program: Program, path: str, *raises: str, write: bool = False) -> None:
        """A program reads or writes a file that the sensor watches."""
        self.machine.touch(program, path, write=write, after=20 * MILLISECOND, mark=self.scene.mark(*raises))


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _lasts(steps: Sequence[Step]) -> float:
    """Seconds until the last of these has ended, and what they start."""
    return 0.1 + sum(0.08 + (_lasts(step.runs) if isinstance(step, Started) else 0) for step in steps)


def _parts(text: str) -> list[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for token in lexer:
        if token and set(token) <= set(";|&"):
            commands.append([])
        else:
            commands[-1].append(token)
    return [_argv(command) for command in commands if command and command[0] not in BUILTINS]


def _argv(command: list[str]) -> list[str]:
    """The arguments of a command without its redirections."""
    kept: list[str] = []
    skip = False
    for token in command:
        if token and set(token) <= set("<>&"):
            skip = True
        elif skip:
            skip = False
        else:
            kept.append(token)
    return kept
