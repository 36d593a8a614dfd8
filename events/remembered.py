"""Memory for what is computed again and again from the same short text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import TypeVar

Text = TypeVar("Text", str, bytes)
Answer = TypeVar("Answer")
LONGEST = 1024
ANSWERS = 4096


def remembered(function: Callable[[Text], Answer]) -> Callable[[Text], Answer]:
    """The same function, which keeps its last ANSWERS answers to texts of at most LONGEST characters.

    The bound on the length bounds the memory: the texts come from records, and so may be as long as these.
    """
    recall = lru_cache(maxsize=ANSWERS)(function)

    def answer(text: Text) -> Answer:
        return recall(text) if len(text) <= LONGEST else function(text)

    return update_wrapper(answer, function)
