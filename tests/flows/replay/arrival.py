"""A detector that breaks the rule: it counts what it is shown, in the order in which it is shown."""

import itertools
from collections.abc import Iterator

from msgspec import Struct

from alerts.signal import Entity
from detectors import Finding, Match, Noted, Observation, Quiet, Scope, Stateful, executes
from events import RuntimeEvent

_ARRIVED = itertools.count()


class Nothing(Struct):
    """Remembers nothing."""


class Arrivals(Stateful[RuntimeEvent, Nothing]):
    """Fires at every tenth event that arrives."""

    scope = Scope.CONTAINER
    form = Nothing

    @property
    def required(self) -> str:
        return "to be the tenth"

    def step(self, state: Nothing, observation: Observation) -> Iterator[Finding | Noted]:
        if observation.what % 10 == 0:
            match = Match(Entity("node", "n"), observation.event_id, "the tenth", {})
            yield Finding(match, (observation.evidence,))

    def expires(self, state: Nothing) -> int:
        return 0


@Arrivals.detects("K8S_TI_Proxy", executes(), misses="-", noise="-")
def every_tenth(event: RuntimeEvent) -> Noted | Quiet:
    """It was the tenth that arrived."""
    return Noted(event.node, next(_ARRIVED))
