"""What is kept of texts that records bring."""

from events.remembered import ANSWERS, LONGEST, Memory, remembered


def test_short_texts_are_computed_once_and_long_ones_are_never_kept() -> None:
    computed: list[int] = []

    def length(text: str) -> int:
        computed.append(len(text))
        return len(text)

    recall = remembered(length)
    assert [recall("x" * size) for size in (5, 5, LONGEST + 1, LONGEST + 1)] == [5, 5, LONGEST + 1, LONGEST + 1]
    assert computed == [5, LONGEST + 1, LONGEST + 1]


def test_a_full_memory_is_emptied() -> None:
    memory: Memory[str, int] = Memory(int)
    for number in range(ANSWERS + 1):
        assert memory[str(number)] == number
    assert memory == {str(ANSWERS): ANSWERS}
