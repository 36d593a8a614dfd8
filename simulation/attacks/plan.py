"""When and where episodes are played."""

from __future__ import annotations

from collections.abc import Sequence

from alerts import find
from simulation.attacks.register import Episode, episodes
from simulation.attacks.scene import Scene
from simulation.chance import Chance
from simulation.clock import DAY, HOUR
from simulation.cluster import Cluster
from simulation.errors import UnusableError
from simulation.labels import Variant
from simulation.platforms import Platform
from simulation.profile import Profile
from simulation.schedule import Life

ALL = "all"
NONE = "none"
QUIET_START = 0.25
"""The share of the time, from the beginning, in which nobody attacks: models need ordinary days first."""


def chosen(asked: str) -> list[Episode]:
    """The attacks that a call asks for: `all`, `none`, or alert types, classes, variants and episodes, by commas.

    Raises
    ------
    UnusableError
        Nothing is called so.
    """
    attacks = [episode for episode in episodes() if episode.variant is not Variant.NEAR_MISS]
    if asked == ALL:
        return attacks
    if asked == NONE:
        return []
    wanted = [word.strip().lower() for word in asked.split(",") if word.strip()]
    for word in wanted:
        if not any(word in _words(episode) for episode in attacks):
            raise UnusableError(f"no attack is of the type, class, variant or name {word!r} (see simulate --list)")
    return [episode for episode in attacks if _words(episode) & set(wanted)]


def _words(episode: Episode) -> set[str]:
    names = {episode.name, episode.kind, str(episode.variant), *episode.alert_types}
    return {name.lower() for name in names if name}


def played_on(cluster: Cluster, episode: Episode) -> bool:
    """Whether what the episode does would be in this cluster's logs."""
    left_out = cluster.platform is Platform.GKE and any("no-gke" in find(kind).flags for kind in episode.alert_types)
    return episode.sources <= cluster.sources and not left_out


def enter(
    clusters: Sequence[Cluster], attacks: Sequence[Episode], profile: Profile, seed: int, end: int
) -> list[Episode]:
    """Let these attacks, and near misses of every alert type, be played until `end`; each at least once.

    Returns
    -------
    list of Episode
        Those that no cluster's logs could show.
    """
    begin = clusters[0].now
    span = end - begin
    near = [episode for episode in episodes() if episode.variant is Variant.NEAR_MISS and profile.near_miss_rounds]
    left_out = []
    for episode in [*attacks, *near]:
        chance = Chance(seed, "plan", episode.name)
        places = [cluster for cluster in clusters if played_on(cluster, episode)]
        if not places:
            left_out.append(episode)
            continue
        is_attack = episode.variant is not Variant.NEAR_MISS
        rounds = profile.attack_rounds if is_attack else profile.near_miss_rounds
        quiet = round(span * QUIET_START) if is_attack else 0
        lasts = max(min(HOUR, span // 8), round(episode.days * DAY))
        room = max(span - quiet - lasts, 1)
        for number in range(max(1, round(rounds * span / (28 * DAY)))):
            cluster = chance.pick(places)
            cluster.start(_begun(cluster, episode, number + 1), quiet + chance.below(room))
    return left_out


def _begun(cluster: Cluster, episode: Episode, number: int) -> Life:
    """An episode, of which nothing is there before it begins."""
    yield from episode.play(Scene(cluster, episode, number))
