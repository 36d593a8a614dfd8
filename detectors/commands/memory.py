"""Memory for what is asked again and again of the same command lines: healthy workloads run few, and run them often."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import TypeVar

from events import Process

Answer = TypeVar("Answer")
LONGEST = 1024
"""Characters of command line and folder. The lines come from records: this bounds the memory."""


def remembered(answers: int = 2048) -> Callable[[Callable[[Process], Answer]], Callable[[Process], Answer]]:
    """Let a function keep its last answers to short command lines.

    It sees nothing of a process but program, arguments and folder. Its answers are shared: they must not be altered.
    """

    def decorate(function: Callable[[Process], Answer]) -> Callable[[Process], Answer]:
        @lru_cache(maxsize=answers)
        def recall(binary: str, arguments: str, argv: tuple[str, ...] | None, cwd: str) -> Answer:
            return function(Process(binary=binary, arguments=arguments, argv=argv, cwd=cwd))

        def answer(process: Process) -> Answer:
            binary, arguments, argv, cwd = process.binary, process.arguments, process.argv, process.cwd
            length = len(binary) + len(arguments) + len(cwd) + (sum(map(len, argv)) + len(argv) if argv else 0)
            return recall(binary, arguments, argv, cwd) if length <= LONGEST else function(process)

        return update_wrapper(answer, function)

    return decorate
