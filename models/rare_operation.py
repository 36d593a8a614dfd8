"""How strange an event is for the one whose habits are kept: the sum of the surprisals of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from river import base

from models.habit import DAY, HOUR, Habit


class Surprise(NamedTuple):
    """How one field of an event adds to its score."""

    field: str
    value: str
    nats: float
    """Its surprisal."""
    buckets: float
    """Active buckets in which the value was seen before this one, as they weigh now; 0 if in none."""
    values: int
    """Values of the field that were known before this bucket."""
    age: int
    """Since the field's first value, in the unit of time."""


class RareOperation(base.AnomalyDetector):
    """Sum of the surprisals of some categorical fields, each by a habit of its own.

    Features are `t`, the time (microseconds with the defaults), and each of the fields; events come in order of
    time. Scores are in nats and mean the same for everybody, so one fixed threshold fits all. Everything is
    learned, anomalies too: if they were not, they would be anomalies for ever. The warm-up is in the formula,
    since a new value surprises little while little is known; whoever decides may wait longer.

    Parameters
    ----------
    fields
        The features that are scored.
    theta, discount, half_life, bucket
        Of each habit.
    cap
        Values of each field that are kept.
    caps
        Of fields for which it is another number.

    Examples
    --------
    >>> model = RareOperation(("verb", "place"))
    >>> for hour in range(100):
    ...     model.learn_one({"t": hour * HOUR, "verb": "get", "place": "own"})
    >>> round(model.score_one({"t": 100 * HOUR, "verb": "get", "place": "other"}), 2)
    4.16
    >>> [surprise.field for surprise in model.explain_one({"t": 100 * HOUR, "verb": "get", "place": "other"})]
    ['place', 'verb']
    """

    def __init__(
        self,
        fields: tuple[str, ...],
        theta: float = 1.0,
        discount: float = 0.5,
        half_life: int = 30 * DAY,
        bucket: int = HOUR,
        cap: int = 128,
        caps: Mapping[str, int] | None = None,
    ) -> None:
        self.fields = fields
        self.theta = theta
        self.discount = discount
        self.half_life = half_life
        self.bucket = bucket
        self.cap = cap
        self.caps = caps
        larger = caps or {}
        self.habits = {
            field: Habit(theta, discount, half_life, bucket, larger.get(field, cap)) for field in self.fields
        }

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"fields": ("verb", "place")}

    def score_one(self, x: Mapping[Any, Any]) -> float:
        t, score = x["t"], 0.0
        for field, habit in self.habits.items():
            score += habit.surprisal(x[field], t)
        return score

    def learn_one(self, x: Mapping[Any, Any]) -> None:
        t = x["t"]
        for field, habit in self.habits.items():
            habit.update(x[field], t)

    def score_learn_one(self, x: Mapping[Any, Any]) -> tuple[float, tuple[str, ...]]:
        """Score, then learn, in one pass: the score, and the fields whose value was never seen before."""
        t, score = x["t"], 0.0
        bucket = t // self.bucket
        new: tuple[str, ...] = ()
        for field, habit in self.habits.items():
            value = x[field]
            known = habit.known.get(value)
            if known is not None and bucket <= known[1]:
                score += known[3]
                continue
            if known is None:
                new = (*new, field)
            score += habit.score_update(value, t)
        return score, new

    def knew_one(self, x: Mapping[Any, Any], t: int) -> bool:
        """Whether each value was seen before the bucket of this time, in whatever event."""
        first = [habit.since(x[field]) for field, habit in self.habits.items()]
        return all(since is not None and since // self.bucket < t // self.bucket for since in first)

    def explain_one(self, x: Mapping[Any, Any]) -> list[Surprise]:
        """The surprise of each field, largest first.

        As things stood when the bucket began: the answer is the same before and after the event is learned.
        """
        surprises = [self._surprise(habit, field, x[field], x["t"]) for field, habit in self.habits.items()]
        return sorted(surprises, key=lambda surprise: -surprise.nats)

    def to_plain(self) -> tuple[Any, ...]:
        """What was learned, as plain values that nobody alters; parameters are not in it."""
        return tuple([habit.to_plain() for habit in self.habits.values()])

    def learned(self, plain: Any) -> None:
        """Take over what `to_plain` gave.

        Raises
        ------
        msgspec.ValidationError
            It has another form.
        """
        if not isinstance(plain, (list, tuple)) or len(plain) != len(self.fields):
            raise msgspec.ValidationError(f"expected the habits of {', '.join(self.fields)}")
        for habit, one in zip(self.habits.values(), plain, strict=True):
            habit.learned(one)

    def _surprise(self, habit: Habit, field: str, value: str, t: int) -> Surprise:
        bucket = t // self.bucket
        before = sum(first < bucket for _, _, first, _ in habit.known.values())
        first = next((known[2] for known in habit.known.values()), bucket)
        nats = habit.surprisal(value, t)
        weight, last, since, _ = habit.known.get(value, (0.0, -1, bucket, 0.0))
        hours = 0.0 if since == bucket else habit.weighs(weight, t) - (last == bucket)
        return Surprise(field, value, nats, max(hours, 0.0), before, (bucket - first) * self.bucket)
