"""What something usually shows: a categorical distribution that counts active hours and forgets slowly."""

from __future__ import annotations

import math
import random
from typing import Any, TypeAlias

import msgspec
from river import base

HOUR = 3_600_000_000
DAY = 24 * HOUR
"""Microseconds, the unit of time of the defaults."""
Known: TypeAlias = tuple[float, int, int, float]
"""Of a value: its weight, the last and the first bucket in which it was seen, and its surprisal in the last one."""
PlainHabit: TypeAlias = tuple[int, float, int, dict[str, Known]]
_LONGEST = 1000.0
"""Half-lives after which nothing of a weight is left; 2.0 to this power is a float still."""
_RESCALED = 30
"""Half-lives after which weights are counted from a later origin, by a power of two: no bit of them changes."""


class Habit(base.Base):
    """Categorical distribution with forward decay, and a probability for what was never seen.

    A value counts once in each bucket of time (an hour) in which it is seen, however often: repetition makes
    nothing common. Weights are in units of `2 ** ((t - origin) / half_life)`, so that nothing has to be aged
    later. What was never seen has the probability of a Pitman-Yor process; a known value has that of all values
    as rare as itself or rarer, so that it never outscores a new one. Within a bucket a value keeps the surprisal
    that it had when it was first seen there. At the cap new values are counted and not kept: if they replaced
    old ones, whoever shows many could make a habit forget.

    It has the methods of `river.proba.base.DiscreteDistribution` with a time besides. It does not inherit from
    it, since importing that module imports all of scipy.stats, half a second; nor is there a random generator,
    which would be most of the state.

    Parameters
    ----------
    theta
        Concentration: the weight of what was never seen.
    discount
        Active buckets that are taken from each known value, in favour of new ones: from 0 to less than 1.
    half_life
        After which an observation weighs half.
    bucket
        Length of a bucket, in the unit of time.
    cap
        Values that are kept.

    Examples
    --------
    >>> habit = Habit()
    >>> for hour in range(100):
    ...     habit.update("get", hour * HOUR)
    >>> round(habit.surprisal("get", 100 * HOUR), 2), round(habit.surprisal("delete", 100 * HOUR), 2)
    (0.0, 4.16)

    References
    ----------
    .. [1] Cormode, G., Shkapenyuk, V., Srivastava, D. and Xu, B., 2009. Forward decay: a practical time decay model
       for streaming systems. ICDE.
    .. [2] Pitman, J. and Yor, M., 1997. The two-parameter Poisson-Dirichlet distribution derived from a stable
       subordinator. The Annals of Probability 25(2).
    """

    def __init__(
        self,
        theta: float = 1.0,
        discount: float = 0.5,
        half_life: int = 30 * DAY,
        bucket: int = HOUR,
        cap: int = 128,
    ) -> None:
        self.theta = theta
        self.discount = discount
        self.half_life = half_life
        self.bucket = bucket
        self.cap = cap
        self.known: dict[str, Known] = {}
        self.weight = 0.0
        self.origin = 0
        self.newest = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self.known)

    def __call__(self, x: str, t: int | None = None) -> float:
        """The probability of a value as rare as this one; 1 if nothing was seen yet."""
        return math.exp(-self.surprisal(x, self.newest if t is None else t))

    @property
    def n_samples(self) -> float:
        """Active buckets of all values, as they weigh at the newest time."""
        return self.weighs(self.weight, self.newest)

    @property
    def mode(self) -> str | None:
        """The value with the largest weight, of equal ones the older; None if nothing was seen yet."""
        return max(self.known, key=lambda value: self.known[value][0], default=None)

    def sample(self, seed: int | None = None) -> str:
        """A known value, drawn by weight; the seed is an argument, so that a habit keeps no generator."""
        weights = [known[0] for known in self.known.values()]
        return random.Random(seed).choices(list(self.known), weights)[0]  # noqa: S311  nothing secret is drawn

    def surprisal(self, x: str, t: int) -> float:
        """Nats: -ln of the probability of a value as rare as this one, before it is learned in the bucket of `t`."""
        known = self.known.get(x)
        if known is not None and t // self.bucket <= known[1]:
            return known[3]
        return self._nats(known, self._growth(t))

    def update(self, x: str, t: int | None = None) -> None:
        """Learn that a value was seen."""
        self.score_update(x, self.newest if t is None else t)

    def score_update(self, x: str, t: int) -> float:
        """The surprisal, and then the update, in one pass."""
        bucket, known = t // self.bucket, self.known.get(x)
        if known is not None and bucket <= known[1]:
            return known[3]
        growth = self._growth(t)
        nats = self._nats(known, growth)
        if self._turn(t):
            growth, known = self._growth(t), self.known.get(x)
        if known is not None:
            self.known[x] = (known[0] + growth, bucket, known[2], nats)
        elif len(self.known) < self.cap:
            self.known[x] = (growth, bucket, bucket, nats)
        else:
            self.dropped += 1
            return nats
        self.weight += growth
        return nats

    def since(self, x: str) -> int | None:
        """When a value was first seen, as the beginning of its bucket; None if it is not known."""
        known = self.known.get(x)
        return None if known is None else known[2] * self.bucket

    def weighs(self, weight: float, t: int) -> float:
        """What a weight is at this time, in active buckets."""
        return weight / self._growth(t)

    def revert(self, x: str) -> None:
        """Not possible: when a value was seen is not kept.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(f"a habit cannot unlearn {x!r}")

    def to_plain(self) -> PlainHabit:
        """What was learned, as plain values that nobody alters."""
        return self.origin, self.weight, self.dropped, self.known.copy()

    def learned(self, plain: Any) -> None:
        """Take over what `to_plain` gave.

        Raises
        ------
        msgspec.ValidationError
            It has another form.
        """
        self.origin, self.weight, self.dropped, self.known = msgspec.convert(plain, PlainHabit)
        self.newest = self.bucket * max((known[1] for known in self.known.values()), default=0)

    def _growth(self, t: int) -> float:
        return math.exp2(min((t - self.origin) / self.half_life, _LONGEST))

    def _nats(self, known: Known | None, growth: float) -> float:
        seen, values = self.weight / growth, len(self.known)
        mass = self.theta + self.discount * min(values, seen)
        if known is not None:
            weight, least = known[0], self.discount * growth
            mass += sum([one[0] - least for one in self.known.values() if least < one[0] <= weight]) / growth
        probability = mass / (seen + self.theta)
        return -math.log(probability) if probability < 1.0 else 0.0

    def _turn(self, t: int) -> bool:
        """Begin to count time, or count it from a later origin before weights leave their range; whether it did."""
        if t > self.newest:
            self.newest = t
        if not self.known:
            self.origin = t
            return True
        halvings = (t - self.origin) // self.half_life
        if halvings < _RESCALED:
            return False
        scale = 2.0**-halvings
        self.origin += halvings * self.half_life
        self.weight *= scale
        self.known = {value: (known[0] * scale, *known[1:]) for value, known in self.known.items()}
        return True
