"""What made the dataflow fail first: where there are several processes, bytewax raises what it was stopped by last."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_noticed: list[BaseException] = []


def noticed(function: Callable[P, R]) -> Callable[P, R]:
    """Remember what a function that bytewax calls raises, before it goes through bytewax."""

    @functools.wraps(function)
    def noticing(*args: P.args, **keywords: P.kwargs) -> R:
        try:
            return function(*args, **keywords)
        except StopIteration:
            raise
        except BaseException as error:
            _noticed.append(error)
            raise

    return noticing


def failed_here() -> bool:
    """Whether something failed in this process, and not in another one that took it along."""
    return bool(_noticed)


def root_cause(error: BaseException) -> BaseException:
    """What raised first: bytewax wraps it once for each layer, or loses it."""
    if _noticed:
        return _noticed[0]
    while error.__cause__ is not None:
        error = error.__cause__
    return error
