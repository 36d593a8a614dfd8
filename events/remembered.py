"""Memory for what is computed again and again from the same short text."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TypeVar

Text = TypeVar("Text", str, bytes)
Answer = TypeVar("Answer")
LONGEST = 1024
ANSWERS = 4096


class Memory(dict[Text, Answer]):
    """The answers of a function to the texts that it was last asked.

    At most ANSWERS are kept, to texts of at most LONGEST characters: the texts come from records, and so may be as
    long as these. A full memory is emptied, for that is quicker than to know which answer is the oldest.

    Parameters
    ----------
    function
        What is computed; the same text must give the same answer.
    """

    def __init__(self, function: Callable[[Text], Answer]) -> None:
        super().__init__()
        self.function: Callable[[Text], Answer] = function

    def __missing__(self, text: Text) -> Answer:
        answer = self.function(text)
        if len(text) <= LONGEST:
            if len(self) >= ANSWERS:
                self.clear()
            self[text] = answer
        return answer


def remembered(function: Callable[[Text], Answer]) -> Callable[[Text], Answer]:
    """The same function, with a memory."""
    recall = Memory(function).__getitem__

    def answer(text: Text) -> Answer:
        return recall(text)

    return update_wrapper(answer, function)
