"""How large and how busy the simulated clusters are: three scales, and YAML that changes them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulation.choices import Scale
from simulation.errors import UnusableError


class SensorKind(StrEnum):
    """What watches the nodes."""

    TETRAGON = "tetragon"
    FALCO = "falco"


class Profile(BaseModel):
    """One kind of cluster. Numbers are for each cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nodes: int = Field(ge=2, le=1000, description="Machines.")
    teams: int = Field(ge=1, le=200, description="Teams, each with a namespace of its own.")
    workloads: int = Field(ge=1, le=50, description="Deployments and StatefulSets of each team.")
    replicas: int = Field(ge=1, le=50, description="The most pods of a workload when it starts.")
    cron_jobs: int = Field(ge=0, le=50, description="CronJobs of each team.")
    people: int = Field(ge=2, le=500, description="People with kubectl.")
    pace: float = Field(
        gt=0,
        le=1,
        description="The share of what machines do by the clock (leases, resyncs, watches, probes) that is kept.",
    )
    rollouts_per_day: float = Field(ge=0, le=5000, description="New versions of workloads, on a working day.")
    ci_jobs_per_hour: float = Field(ge=0, le=20_000, description="Pods that CI makes, in working hours.")
    scalings_per_hour: float = Field(ge=0, le=20_000, description="Decisions of the autoscaler.")
    gitops_minutes: float = Field(gt=0, le=1440, description="How often GitOps applies all manifests again.")
    previews_per_day: float = Field(ge=0, le=1000, description="Preview namespaces that CI makes and deletes.")
    outages_per_month: float = Field(ge=0, le=100, description="Spells in which the API server fails, of some minutes.")
    upgrade_days: float = Field(
        gt=0, description="Days between upgrades of the nodes; the control plane: every second time."
    )
    attack_rounds: float = Field(
        ge=0, description="How often each attack is played in 28 days; at least once in a run."
    )
    near_miss_rounds: float = Field(
        ge=0, description="The same of ordinary acts that look like attacks; 0: none, not even once."
    )
    sensor: SensorKind = Field(description="What watches the nodes: tetragon or falco.")


SCALES: Mapping[Scale, Profile] = {
    Scale.SMALL: Profile(
        nodes=4,
        teams=3,
        workloads=4,
        replicas=3,
        cron_jobs=1,
        people=5,
        pace=0.035,
        rollouts_per_day=4,
        ci_jobs_per_hour=2,
        scalings_per_hour=2,
        gitops_minutes=60,
        previews_per_day=1,
        outages_per_month=2,
        upgrade_days=14,
        attack_rounds=1,
        near_miss_rounds=2,
        sensor=SensorKind.TETRAGON,
    ),
    Scale.MEDIUM: Profile(
        nodes=15,
        teams=10,
        workloads=5,
        replicas=4,
        cron_jobs=2,
        people=20,
        pace=0.09,
        rollouts_per_day=25,
        ci_jobs_per_hour=25,
        scalings_per_hour=25,
        gitops_minutes=30,
        previews_per_day=6,
        outages_per_month=3,
        upgrade_days=10,
        attack_rounds=1,
        near_miss_rounds=4,
        sensor=SensorKind.TETRAGON,
    ),
    Scale.LARGE: Profile(
        nodes=60,
        teams=30,
        workloads=6,
        replicas=6,
        cron_jobs=4,
        people=80,
        pace=0.4,
        rollouts_per_day=150,
        ci_jobs_per_hour=600,
        scalings_per_hour=400,
        gitops_minutes=15,
        previews_per_day=30,
        outages_per_month=4,
        upgrade_days=7,
        attack_rounds=1,
        near_miss_rounds=8,
        sensor=SensorKind.TETRAGON,
    ),
}


def profile(scale: Scale, changes: Path | None = None) -> Profile:
    """The profile of a scale, with what a YAML file changes in it.

    Raises
    ------
    UnusableError
        The file is unreadable, no mapping, or says something that no profile has; all problems in one message.
    """
    base = SCALES[scale]
    if changes is None:
        return base
    try:
        said = yaml.safe_load(changes.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnusableError(f"{changes}: {getattr(error, 'strerror', None) or 'not YAML'}") from None
    if not isinstance(said, dict):
        raise UnusableError(f"{changes}: a mapping of settings is expected")
    return _changed(base, said, str(changes))


def _changed(base: Profile, said: Mapping[Any, Any], where: str) -> Profile:
    try:
        return Profile.model_validate({**base.model_dump(), **said})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise UnusableError(f"{where}: " + "; ".join(problems)) from None
