"""The register of episodes: attacks on each alert type, straight and careful, and near misses of each."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from alerts import find
from simulation.labels import Variant
from simulation.schedule import Life

if TYPE_CHECKING:
    from simulation.attacks.scene import Scene

Play: TypeAlias = "Callable[[Scene], Life]"
STORY = "story"
"""Class of the episodes that cross sources."""


@dataclass(frozen=True)
class Episode:
    """Something that somebody does from beginning to end."""

    name: str
    """Unique, lower case, words joined by hyphens."""
    variant: Variant
    alert_types: tuple[str, ...]
    """What should be raised; of a near miss, what must not."""
    kind: str
    """Class of attack, such as `secrets theft`; empty for most."""
    sources: frozenset[str]
    """What a run must write for it to make sense: audit, runtime, arm."""
    play: Play
    days: float = 0
    """How long it may take; 0: hours at most."""

    @property
    def story(self) -> str:
        """What happens, in one sentence."""
        return (self.play.__doc__ or "").strip().partition("\n")[0]


_EPISODES: dict[str, Episode] = {}


def enter(
    name: str,
    variant: Variant,
    alert_types: Sequence[str],
    play: Play,
    *,
    kind: str = "",
    sources: Sequence[str] = (),
    days: float = 0,
) -> None:
    """Take an episode into the register.

    Raises
    ------
    ValueError
        The name is taken.
    UnknownAlertTypeError
        The catalogue has no such type.
    """
    if name in _EPISODES:
        raise ValueError(f"two episodes are called {name}")
    named = [find(alert_type) for alert_type in alert_types]
    needed = frozenset(sources) or frozenset(str(alert_type.source) for alert_type in named)
    types = tuple(alert_type.id for alert_type in named)
    _EPISODES[name] = Episode(name, variant, types, kind, needed, play, days)


def _decorator(variant: Variant, alert_types: Sequence[str], **more: Any) -> Callable[[Play], Play]:
    def register(play: Play) -> Play:
        enter(play.__name__.replace("_", "-"), variant, alert_types, play, **more)
        return play

    return register


def straight(*alert_types: str, kind: str = "", sources: Sequence[str] = (), days: float = 0) -> Callable[[Play], Play]:
    """An attack as the catalogue describes it; it must raise these types.

    The function plays it on a Scene, and yields for how long it then waits. Its name is the episode's, its docstring
    says what happens. `sources` are those of the alert types, unless it needs others; one that takes `days` is begun
    early enough.
    """
    return _decorator(Variant.STRAIGHT, alert_types, kind=kind, sources=sources, days=days)


def careful(*alert_types: str, kind: str = "", sources: Sequence[str] = (), days: float = 0) -> Callable[[Play], Play]:
    """An attack by someone who knows the usual rules; it must raise these types all the same."""
    return _decorator(Variant.CAREFUL, alert_types, kind=kind, sources=sources, days=days)


def near_miss(*alert_types: str, sources: Sequence[str] = ()) -> Callable[[Play], Play]:
    """An ordinary act that looks like an attack; it must not raise these types."""
    return _decorator(Variant.NEAR_MISS, alert_types, sources=sources)


def episodes() -> Sequence[Episode]:
    """All of `simulation.attacks`, in order of their names."""
    from simulation import attacks

    for module in sorted(info.name for info in pkgutil.iter_modules(attacks.__path__)):
        importlib.import_module(f"{attacks.__name__}.{module}")
    return [_EPISODES[name] for name in sorted(_EPISODES)]
