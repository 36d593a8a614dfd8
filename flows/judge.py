"""The step that every record passes: bytes are decoded and judged, and only what was found goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from alerts.signal import Evidence, Origin, Signal
from detectors.contract import Detector, DetectorKind, Match, Quiet
from detectors.summaries import summary
from detectors.windows import Observation, ValueCount
from events import HEAD_BYTES, Event, Item, Malformed, Skipped
from flows.dispatch import Detectors, Dispatch
from flows.files import Chunk
from flows.tally import Tally

NO_EVENT = (Malformed, Skipped)


class DeadLetter(Struct, frozen=True):
    """A record that could not be read or judged, and where it stood."""

    origin: Origin
    malformed: Malformed


class Observed(Struct, frozen=True, array_like=True):
    """What a stateful detector wants to keep of one event."""

    detector: str
    cluster: str
    observation: Observation


Decode: TypeAlias = Callable[[bytes], Sequence[Item]]
Found: TypeAlias = tuple[str, Signal | Observed | DeadLetter]
"""Signals are keyed by alert id, observations by entity, dead letters by nothing."""


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
        grows=detector.kind is DetectorKind.WINDOW,
    )
    try:
        return msgspec.convert(msgspec.to_builtins(made, str_keys=True), Signal)
    except msgspec.ValidationError as error:
        raise TypeError(f"no alert can say this match: {error}") from None


class Judge:
    """Decodes chunks and lets every detector judge the events that it wants.

    Parameters
    ----------
    decoder
        Gives for a file the function that decodes its records: `events.decoder.Decoder.decode`, or another that
        never raises.
    dispatch
        The selections of the detectors.
    tally
        Counts what is read.
    """

    def __init__(self, decoder: Callable[[str], Decode], dispatch: Dispatch, tally: Tally) -> None:
        self.decoder = decoder
        self.reached = dispatch.reached
        self.tally = tally

    def __call__(self, chunks: Iterable[Chunk]) -> list[Found]:
        """What the events of these chunks show: signals, observations for the stateful step, dead letters."""
        found: list[Found] = []
        reached, count = self.reached, self.tally.count
        for chunk in chunks:
            decode = self.decoder(chunk.path)
            for number, line in enumerate(chunk.lines, chunk.first):
                items = decode(line)
                for index, item in enumerate(items):
                    count(item)
                    detectors = () if isinstance(item, NO_EVENT) else reached(item)
                    if detectors or type(item) is Malformed:
                        origin = Origin(path=chunk.path, line=number, item=index if len(items) > 1 else None)
                        found += self.judge(item, detectors, origin, line)
            if chunk.damage:
                found.append(self._damaged(chunk))
        return found

    def judge(self, item: Item, detectors: Detectors, origin: Origin, line: bytes) -> Iterator[Found]:
        """What one item shows. A detector that fails is counted and reported, and stops nothing."""
        if isinstance(item, Malformed):
            whole = item if origin.item is not None else msgspec.structs.replace(item, head=line[:HEAD_BYTES])
            yield "", DeadLetter(origin, whole)
            return
        assert not isinstance(item, Skipped)
        evidence = Evidence(item.event_id, item.time, origin, summary(item))
        for detector in detectors:
            try:
                yield from evaluated(detector, item, evidence)
            except (Exception, SystemExit) as error:  # noqa: BLE001  one poisoned event must not end the flow; it is kept and counted
                self.tally.failed[detector.alert_type] += 1
                yield "", DeadLetter(origin, failure(detector.alert_type, error, line))

    def _damaged(self, chunk: Chunk) -> Found:
        malformed = Malformed("damaged file", b"", chunk.damage)
        self.tally.count(malformed)
        return "", DeadLetter(Origin(path=chunk.path, line=chunk.first + len(chunk.lines)), malformed)


def evaluated(detector: Detector[Any], event: Event, evidence: Evidence) -> Iterator[Found]:
    """What one detector says of one event."""
    if isinstance(detector, ValueCount):
        observed = detector.observe(event, evidence)  # type: ignore[arg-type]  # its selection gives runtime events only
        if observed is not None:
            key, observation = observed
            yield key, Observed(detector.__name__, event.cluster, observation)
        return
    verdict = detector(event)
    if isinstance(verdict, Match):
        made = signal(detector, event.cluster, verdict, (evidence,))
        yield made.alert_id, made
    elif verdict is not None and not isinstance(verdict, Quiet):
        raise TypeError(f"a detector answers Match, Quiet or None, not {type(verdict).__name__}")


def failure(alert_type: str, error: BaseException, line: bytes) -> Malformed:
    """Why a detector could not judge a record."""
    reason = "body of unexpected form" if isinstance(error, msgspec.MsgspecError) else "detector failed"
    detail = f"{alert_type}: {type(error).__name__}: {error}"
    return Malformed(reason, line[:HEAD_BYTES], detail[:HEAD_BYTES])
