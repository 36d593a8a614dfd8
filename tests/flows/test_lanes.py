"""A lane: which of its inputs it reads, how far it says that it has come, and what it keeps of them."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.stateful import Plain
from flows import followed, lanes
from flows.clock import ALL_READ, UNKNOWN, Clock, Report
from flows.files import BLOCK, LEAST_BLOCK, Chunk, block_for
from flows.followed import REMEMBERED, Entry, Finished, Followed, by_identity
from flows.identity import COPY
from flows.inputs import EMPTY, Planned
from flows.judge import Judge
from flows.lanes import Inputs, Lane, LaneSource
from flows.leaving import Leaving
from flows.stepnames import CLOCK
from flows.tally import Tally

SECOND = 1_000_000
PAUSED = 100
"""What an input says when it has nothing at the moment."""


class Told:
    """A reader that gives what it is told: times of events, or nothing for a while."""

    def __init__(self, path: str, says: Sequence[int], *, live: bool = False, after: Any = None) -> None:
        self.path, self.says, self.live, self.awaits = path, deque(says), live, live
        self.after, self.asked, self.done, self.goes_on = after, 0, 0, live
        self.fingerprint: str | None = None

    @property
    def ended(self) -> bool:
        return not self.says and not self.goes_on

    @property
    def position(self) -> Plain:
        return (self.done,)

    def successor(self) -> Any:
        return self.after if self.ended else None

    def peek(self, number: int = 0) -> Chunk | None:
        if number:
            return None
        return Chunk(self.path, 1, [str(self.says[0]).encode()]) if self.says and self.says[0] != PAUSED else None

    def next(self) -> Chunk | None:
        self.asked += 1
        chunk = self.peek()
        if self.says:
            self.says.popleft()
        self.done += chunk is not None
        return chunk


def decode(_: bytes) -> list[Any]:
    """The judge of these tests reads lines itself."""
    return []


class Seen:
    """A judge that notes what it is given."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.lines: list[tuple[str, int]] = []

    def __call__(self, stream: Any, chunk: Chunk) -> list[Any]:
        for line in chunk.lines:
            self.lines.append((chunk.path, int(line)))
            stream.newest = max(stream.newest, int(line) * SECOND)
        return []


class Time:
    """The monotonic clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 10**12
        monkeypatch.setattr(followed, "monotonic_ns", lambda: self.now)
        monkeypatch.setattr(lanes, "monotonic_ns", lambda: self.now)

    def goes_by(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000_000)


@pytest.fixture
def time_(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def lane(*readers: Told, gone: dict[str, Plain] | None = None) -> Lane:
    inputs = [
        Followed(Planned(one.path, EMPTY, one.says[0] * SECOND if one.says else 0), one, decode) for one in readers
    ]
    return Lane("lane-00", inputs, gone or {}, Seen(), Clock(1, {}), Leaving())  # type: ignore[arg-type]  # a stand-in


def reports(one: Lane, batches: int = 1) -> list[Report]:
    return [item for _ in range(batches) for step, _, item in one.next_batch() if step == CLOCK]


def seen(one: Lane) -> list[tuple[str, int]]:
    assert isinstance(one.judge, Seen)
    return one.judge.lines


@given(st.lists(st.lists(st.integers(101, 999), min_size=1, max_size=8).map(sorted), min_size=1, max_size=6))
def test_files_in_order_of_time_are_read_as_if_they_were_one(files: list[list[int]]) -> None:
    one = lane(*(Told(str(number), times) for number, times in enumerate(files)))
    lows = []
    while not one.ended:
        lows += [report.low for report in reports(one)]
    read = [moment for _, moment in seen(one)]
    heads = {str(number): deque(times) for number, times in enumerate(files)}
    came = {path: times[0] for path, times in heads.items()}
    for path, moment in seen(one):
        assert came[path] == min(came[other] for other, times in heads.items() if times)
        assert heads[path].popleft() == moment
        came[path] = moment
    assert len(read) == sum(map(len, files))
    assert lows == sorted(lows)
    assert lows[-1] == ALL_READ
    with pytest.raises(StopIteration):
        one.next_batch()


def test_an_input_that_pauses_holds_up_no_other(time_: Time) -> None:
    quiet, busy = Told("quiet", [PAUSED], live=True), Told("busy", [500, 501, 502])
    quiet.says.extend([PAUSED] * 50)
    one = lane(quiet, busy)
    assert [report.low for report in reports(one, 4)] == [500 * SECOND, 501 * SECOND, 502 * SECOND]
    assert quiet.asked == 1
    time_.goes_by(1)
    reports(one)
    assert quiet.asked == 2


def test_while_all_pause_time_goes_on_from_the_newest(time_: Time) -> None:
    old, new = Told("old", [101, *[PAUSED] * 90], live=True), Told("new", [500, *[PAUSED] * 90], live=True)
    one = lane(old, new)
    reports(one, 4)
    for _ in range(3):
        time_.goes_by(1)
        [said] = reports(one)
        assert (said.low, said.idle, said.came) == (500 * SECOND, True, 500 * SECOND)
    assert 3 * SECOND <= said.paused < 4 * SECOND
    new.says.appendleft(501)
    time_.goes_by(1)
    assert [(said.low, said.idle) for said in reports(one)] == [(501 * SECOND, False)]
    time_.goes_by(0.5)
    assert [(said.came, said.paused) for said in reports(one)] == [(501 * SECOND, 0)]


def test_many_that_pause_are_not_asked_more_often_than_one(time_: Time) -> None:
    readers = [Told(str(number), [101, *[PAUSED] * 900], live=True) for number in range(50)]
    one = lane(*readers)
    for _ in range(1_000):
        one.next_batch()
        time_.goes_by(0.02)
    assert 300 < sum(reader.asked for reader in readers) < 900


def test_times_of_the_future_move_no_clock_while_all_pause() -> None:
    one = lane(Told("ahead", [10**10, PAUSED, PAUSED], live=True))
    said = reports(one, 3)
    assert said[0].low == 10**16
    assert said[-1].idle
    assert said[-1].came < 10**16


def test_a_lane_that_has_ended_says_how_far_it_came() -> None:
    assert reports(lane(Told("a", [101, 300])), 2)[-1] == Report("lane-00", 0, ALL_READ, idle=False, came=300 * SECOND)
    assert reports(lane()) == [Report("lane-00", 0, ALL_READ, idle=False, came=UNKNOWN)]


def test_what_has_ended_waits_for_its_successor_and_holds_up_nothing(time_: Time) -> None:
    damaged, other = Told("a", [101], live=True), Told("b", [200, *[PAUSED] * 20], live=True)
    damaged.goes_on = False
    one = lane(damaged, other)
    assert [said.idle for said in reports(one, 3)] == [False, True]
    time_.goes_by(1)
    reports(one, 2)
    damaged.after = Told("a", [102], live=True)
    time_.goes_by(1)
    reports(one, 2)
    assert seen(one) == [("a", 101), ("b", 200), ("a", 102)]
    assert [entry.state[0] for entry in one.finished.gone] == ["a"]
    assert not one.ended


def test_a_checkpoint_names_each_file_by_the_most_that_was_seen_of_it() -> None:
    first, second, empty = Told("a", [101, 102]), Told("b", [101, 102]), Told("c", [PAUSED], live=True)
    one = lane(first, second, empty, gone={"4:aa": ("a.1", (7,), 5, True), "4:aa#2": ("a.2", (8,), 6, True)})
    first_input = next(read for read in one.inputs if read.planned.path == "a")
    first_input.planned = Planned("a", "2:aa#3", 101)
    first.fingerprint = second.fingerprint = None
    _, low, files = one.snapshot()
    assert set(files) == {"4:aa", "4:aa#2", "2:aa"}
    first.fingerprint = second.fingerprint = "4:aa"
    _, low, files = one.snapshot()
    assert {name: state[0] for name, state in files.items()} == {
        "4:aa": "a.1",
        "4:aa#2": "a.2",
        "4:aa#3": "a",
        "4:aa#4": "b",
    }
    assert low == 101
    assert one.epoch == 2


def test_old_files_that_are_gone_are_forgotten_and_those_that_are_there_never() -> None:
    finished = Finished({f"4:{number:05}": (f"{number}", (1,), number, True) for number in range(REMEMBERED + 10)})
    assert [entry.newest for entry in finished.gone] == list(range(10, REMEMBERED + 10))
    for number in range(REMEMBERED * 2):
        finished.ended(Entry(f"5:{number}", ("x", (1,), 5, True)))
    assert len(finished.here) == REMEMBERED * 2
    finished.replaced(Entry("6:a", ("y", (1,), 3, True)))
    assert "6:a" not in by_identity(finished.gone), "older than all that are kept"
    assert finished.newest == REMEMBERED + 9


@given(st.lists(st.sampled_from(["2:a", "2:b", EMPTY]), max_size=20))
def test_no_name_is_given_twice(fingerprints: list[str]) -> None:
    named = by_identity(Entry(one, number) for number, one in enumerate(fingerprints))
    assert sorted(named.values()) == [number for number, one in enumerate(fingerprints) if one != EMPTY]
    assert all(fingerprints[number] == name.partition(COPY)[0] for name, number in named.items())


def test_a_lane_goes_on_where_an_earlier_run_was() -> None:
    opened = []

    def reader(path: str, position: Plain) -> Told:
        opened.append((path, position))
        return Told(path, [101])

    planned = [Planned("a", "4:aa#2", 5), Planned("b", "4:bb", 6)]
    inputs = Inputs({"lane-00": planned}, lambda _: decode, reader)
    source = LaneSource(inputs, Judge.__new__(Judge), Clock(1, {}), Leaving())
    files = {"4:aa": ("x", (1,), 1, True), "4:aa#2": ("a", (2,), 9 * SECOND, False)}
    one = source.build_part("source", "lane-00", (1, 0, files))
    assert isinstance(one, Lane)
    assert opened == [("a", (2,)), ("b", None)]
    assert {file.planned.path: file.low for file in one.inputs} == {"a": 9 * SECOND, "b": 6}
    assert [entry.state[0] for entry in one.finished.gone] == ["x"]


def test_blocks_get_smaller_the_more_files_there_are() -> None:
    assert [block_for(files) for files in (0, 1, 256, 1024, 10**6)] == [BLOCK, BLOCK, BLOCK, BLOCK // 4, LEAST_BLOCK]
