"""Small windows over the words of a command line, and observations for them."""

from datetime import timedelta
from typing import Any

from alerts.signal import Entity, Origin
from detectors.contract import Quiet
from detectors.parameters import written
from detectors.selection import executes
from detectors.stateful import Finding, Observation
from detectors.windows import (
    AtLeast,
    Correlation,
    CountParameters,
    Sighting,
    Span,
    SpanParameters,
    event_count,
    temporal,
    temporal_ordered,
    value_count,
)
from events import RuntimeEvent

SECOND = 1_000_000
ALERT = "K8S.NODE_ReconnaissanceArtifactsBurst"
TEN = SpanParameters(within=timedelta(seconds=10))


class Words(CountParameters, frozen=True, extra="forbid"):
    """Three words of two groups in ten seconds."""

    least: int = 3
    within: Span = timedelta(seconds=10)

    def enough(self, values: int, groups: int) -> bool:
        return values >= self.least and groups >= 2

    @property
    def required(self) -> str:
        return f"{self.least} words of 2 groups within {written(self.within)}"


def by_node(event: RuntimeEvent) -> tuple[Entity, str]:
    return Entity("node", event.node), event.node


@value_count(ALERT, on=executes(), by=by_node, names=("words", "groups"), parameters=Words())
def words(event: RuntimeEvent, parameters: Words) -> tuple[Sighting, ...] | Quiet:
    """Words of an argument; the group is the first letter."""
    found = event.process.arguments.split()
    return tuple(Sighting(word, word[0]) for word in found) if found else Quiet("words")


@event_count(ALERT, on=executes(), by=by_node, called="lines", parameters=AtLeast(at_least=3, within=TEN.within))
def lines(event: RuntimeEvent) -> str | None:
    """Every line counts."""
    return event.process.arguments or None


@temporal(ALERT, on=executes(), of=("a", "b", "c"), by=by_node, parameters=TEN)
def together(event: RuntimeEvent) -> tuple[str, ...]:
    """A line is of the kinds that its words name."""
    return tuple(event.process.arguments.split())


@temporal_ordered(ALERT, on=executes(), of=("a", "b", "c"), by=by_node, parameters=TEN)
def one_after_the_other(event: RuntimeEvent) -> tuple[str, ...]:
    """A line is of the kinds that its words name."""
    return tuple(event.process.arguments.split())


def observation(at: float, *names: str, event_id: str = "", node: str = "n") -> Observation:
    time = round(at * SECOND)
    event_id = event_id or f"e{time}-{'-'.join(names)}"
    what = (("node", node), tuple((name, name[:1]) for name in names))
    return Observation(time, event_id, "words", Origin().to_plain(), "prod|n", "prod", what, "")


def findings(detector: Correlation[RuntimeEvent, Any], *observed: Observation) -> list[Finding | None]:
    """What each observation amounts to."""
    state = detector.form()
    found = [list(detector.step(state, one)) for one in observed]
    assert all(len(one) <= 1 for one in found)
    return [one[0] if one and isinstance(one[0], Finding) else None for one in found]


def occurrences(detector: Correlation[RuntimeEvent, Any], *observed: Observation) -> list[str]:
    """The occurrence of the burst after each observation; empty where there is none."""
    return ["" if one is None else one.match.occurrence for one in findings(detector, *observed)]
