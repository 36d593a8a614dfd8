"""Where records become what they show: bytes are decoded and judged, and only what was found goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, islice
from statistics import median_low
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from alerts.alert import rfc3339
from alerts.signal import Evidence, Origin, Signal
from detectors.contract import Detector, DetectorKind, Match, Quiet
from detectors.stateful import Finding, Noted, Observation, Stateful, handed_on, noted
from detectors.summaries import summary
from events import HEAD_BYTES, ActivityEvent, AuditEvent, Event, Item, Malformed, RuntimeEvent, Skipped
from flows.clock import UNKNOWN
from flows.dispatch import Detectors, Dispatch
from flows.files import Chunk
from flows.stepnames import ALERTS, DEAD_LETTERS
from flows.tally import Tally

SOURCES = {AuditEvent: "audit", RuntimeEvent: "runtime", ActivityEvent: "arm"}
FUTURE = 300_000_000
"""Microseconds by which an event may be ahead of all before it, unless those that follow are as well."""
LOOKED_THROUGH = 4 << 20
"""Bytes in which they are looked for."""
FOLLOWERS = 5
"""Events that tell whether one is ahead of its time, or the file went on after a pause."""


class DeadLetter(Struct, frozen=True):
    """A record that could not be read or judged, and where it stood."""

    origin: Origin
    malformed: Malformed


Decode: TypeAlias = Callable[[bytes], Sequence[Item]]
Found: TypeAlias = tuple[str, str, Any]
"""Step, key, and what it is to take: signals by alert id, observations by entity, dead letters by nothing."""


class Batch(Protocol):
    """Some records of one file or one partition, in their order."""

    @property
    def lines(self) -> list[bytes]:
        """The records."""

    @property
    def damage(self) -> str:
        """Why what follows them could not be read; empty if nothing is wrong."""

    def origin(self, at: int, item: int | None) -> Origin:
        """Where a record stands, counted from 0; or an item of it."""


B = TypeVar("B", bound=Batch)
Place: TypeAlias = tuple[Batch, int, int | None]
"""What its `origin` takes."""


def signal(detector: Detector[Any], cluster: str, match: Match, evidence: tuple[Evidence, ...]) -> Signal:
    """A match with what the detector and the flow know about it.

    Raises
    ------
    TypeError
        The match holds something that no alert can say.
    """
    made = Signal(
        alert_type=detector.alert_type,
        cluster=cluster,
        entity=match.entity,
        occurrence=match.occurrence,
        because=match.because,
        fields=dict(match.fields),
        evidence=evidence,
        detector=detector.__name__,
        revision=detector.revision,
        conditions=tuple(f"not: {condition.sentence}" for condition in detector.unless),
        actor=match.actor,
        grows=detector.kind is not DetectorKind.RULE,
    )
    try:
        return msgspec.convert(msgspec.to_builtins(made, str_keys=True), Signal)
    except msgspec.ValidationError as error:
        raise TypeError(f"no alert can say this match: {error}") from None


class Stream(Generic[B]):
    """Records of one input, one after the other: how far they have come in time.

    Parameters
    ----------
    decode
        Gives the items of a record: `events.decoder.Decoder.decode`, or another that never raises.
    newest
        Microseconds: time of the newest event before.
    """

    asked_beyond: int
    """Microseconds: whether an event is dated rightly is asked if it is newer than all before by more than this."""

    def __init__(self, decode: Decode, newest: int = UNKNOWN) -> None:
        self.decode = decode
        self.newest = newest

    def takes(self, moment: int, rest: Sequence[Item], batch: B, at: int, lateness: Mapping[Any, int]) -> bool:
        """Whether an event that is newer than all before is dated rightly; then it is the newest.

        Parameters
        ----------
        moment
            Its time.
        rest
            The items behind it in its record.
        batch, at
            Where its record stands.
        lateness
            Microseconds by type of event.
        """
        raise NotImplementedError


class FileStream(Stream[Chunk]):
    """Records of one file, one after the other; those that follow tell whether one is ahead of its time.

    Parameters
    ----------
    peek
        Gives the chunk that comes so many after the one that is judged; None if there is none (yet).
    live
        Whether the file goes on while it is read.
    """

    asked_beyond = FUTURE

    def __init__(
        self,
        decode: Decode,
        peek: Callable[[int], Chunk | None] = lambda _: None,
        *,
        live: bool = False,
        newest: int = UNKNOWN,
    ) -> None:
        super().__init__(decode, newest)
        self.peek = peek
        self.live = live

    def takes(self, moment: int, rest: Sequence[Item], batch: Chunk, at: int, lateness: Mapping[Any, int]) -> bool:
        """Not if those that follow lie back again; as late as they may be, they prove nothing."""
        if self._is_ahead(moment, chain(rest, self._following(batch, at)), lateness):
            return False
        self.newest = moment
        return True

    def _is_ahead(self, moment: int, items: Iterable[Item], lateness: Mapping[Any, int]) -> bool:
        times = (item.time + lateness[type(item)] for item in items if not isinstance(item, (Malformed, Skipped)))
        followers = list(islice(times, FOLLOWERS))
        if followers:
            return bool(median_low(followers) < moment - FUTURE)
        return self.live and moment > time.time_ns() // 1_000 + FUTURE

    def _following(self, chunk: Chunk, at: int) -> Iterator[Item]:
        """The items of the lines that follow."""
        lines = chunk.lines[at + 1 :]
        looked_through = 0
        for ahead in count():
            for line in lines:
                yield from self.decode(line)
                looked_through += len(line)
                if looked_through > LOOKED_THROUGH:
                    return
            following = self.peek(ahead)
            if following is None:
                return
            lines = following.lines


class Judge:
    """Lets every detector judge the events that it wants.

    Parameters
    ----------
    dispatch
        The selections of the detectors.
    lateness
        Microseconds by source: how much older than the newest event of its file an event may be.
    tally
        Counts what is read.
    """

    def __init__(self, dispatch: Dispatch, lateness: Mapping[str, int], tally: Tally) -> None:
        self.reached = dispatch.reached
        self.remembering = frozenset(one for one in dispatch.detectors if isinstance(one, Stateful))
        self.lateness = {kind: lateness[source] for kind, source in SOURCES.items()}
        self.tally = tally

    def __call__(self, stream: Stream[B], batch: B) -> list[Found]:
        """What the events of this batch show: signals, observations for the steps, dead letters."""
        found: list[Found] = []
        count, decode, reached, lateness = self.tally.count, stream.decode, self.reached, self.lateness
        asked_beyond = stream.asked_beyond
        for at, line in enumerate(batch.lines):
            items = decode(line)
            for index, item in enumerate(items):
                place = (batch, at, index if len(items) > 1 else None)
                allowed, late = lateness.get(type(item)), False
                if allowed is not None:
                    ahead = item.time - stream.newest  # type: ignore[union-attr]  # an event: it has a lateness
                    if 0 < ahead <= asked_beyond:
                        stream.newest += ahead
                    elif (
                        ahead > asked_beyond
                        and not stream.takes(
                            item.time,  # type: ignore[union-attr]  # as above
                            items[index + 1 :],
                            batch,
                            at,
                            lateness,
                        )
                    ):
                        item = Malformed("future", line[:HEAD_BYTES], rfc3339(item.time))  # type: ignore[union-attr]  # as above
                    elif -ahead > allowed:
                        late = True
                        self.tally.count_late(SOURCES[type(item)], -ahead)
                count(item)
                if type(item) is Malformed:
                    found.append(_letter(item, place, line))
                elif allowed is not None and (detectors := reached(item)):  # type: ignore[arg-type]  # as above
                    self.judge(found, item, detectors, place, line, late)  # type: ignore[arg-type]  # as above
        if batch.damage:
            found.append(self._damaged(batch))
        return found

    def judge(
        self, found: list[Found], event: Event, detectors: Detectors, place: Place, line: bytes, late: bool
    ) -> None:
        """Add what one event shows. A detector that fails is counted and reported, and stops nothing.

        What comes later than is allowed is judged by rules, and taken by no state: there order matters.
        """
        for detector in detectors:
            try:
                if detector not in self.remembering:
                    found += evaluated(detector, event, origin_of(place))
                elif not late:
                    told = detector.observe(event)
                    if not isinstance(told, Quiet):
                        found.append(observed(detector, event, told, origin_of(place)))
            except (Exception, SystemExit) as error:  # noqa: BLE001  one poisoned event must not end the flow; it is kept and counted
                self.tally.failed[detector.alert_type] += 1
                why = failure(detector.alert_type, error, line)
                found.append((DEAD_LETTERS, "", DeadLetter(origin_of(place), why)))

    def _damaged(self, batch: Batch) -> Found:
        malformed = Malformed("damaged file", b"", batch.damage)
        self.tally.count(malformed)
        return DEAD_LETTERS, "", DeadLetter(batch.origin(len(batch.lines), None), malformed)


def origin_of(place: Place) -> Origin:
    """Where a record or an item stands."""
    batch, at, item = place
    return batch.origin(at, item)


def _letter(malformed: Malformed, place: Place, line: bytes) -> Found:
    whole = malformed if place[2] is not None else msgspec.structs.replace(malformed, head=line[:HEAD_BYTES])
    return DEAD_LETTERS, "", DeadLetter(origin_of(place), whole)


def evaluated(detector: Detector[Any], event: Event, origin: Origin) -> Iterator[Found]:
    """What one detector says of one event."""
    if isinstance(detector, Stateful):
        told = detector.observe(event)
        if not isinstance(told, Quiet):
            yield observed(detector, event, told, origin)
        return
    verdict = detector(event)
    if isinstance(verdict, Match):
        made = signal(detector, event.cluster, verdict, (Evidence(event.event_id, event.time, origin, summary(event)),))
        yield ALERTS, made.alert_id, made
    elif verdict is not None and not isinstance(verdict, Quiet):
        raise TypeError(f"a detector answers Match, Quiet or None, not {type(verdict).__name__}")


def observed(detector: Stateful[Any, Any], event: Event, told: object, origin: Origin) -> Found:
    """What a detector that remembers noted of one event, on its way to the state."""
    if not isinstance(told, Noted):
        raise TypeError(f"a detector that remembers notes something or is Quiet: {type(told).__name__} is neither")
    observation = noted(detector, event, told, origin, summary(event))
    return detector.scope, observation.key, observation


def told(detector: Stateful[Any, Any], found: Finding | Noted, observation: Observation) -> Found:
    """What a detector that remembers found, on its way: an alert, or what its second stage is to judge."""
    if isinstance(found, Noted):
        assert detector.then is not None
        later = handed_on(detector, found, observation)
        return detector.then.scope, later.key, later
    made = signal(detector, observation.cluster, found.match, found.evidence)
    return ALERTS, made.alert_id, made


def failure(alert_type: str, error: BaseException, line: bytes) -> Malformed:
    """Why a detector could not judge a record."""
    reason = "body of unexpected form" if isinstance(error, msgspec.MsgspecError) else "detector failed"
    detail = f"{alert_type}: {type(error).__name__}: {error}"
    return Malformed(reason, line[:HEAD_BYTES], detail[:HEAD_BYTES])
