"""Settings: one pydantic model, from the environment (`MIDDLEWATCH_...`) over a YAML file."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from detectors.parameters import Duration
from flows.kafka.settings import KafkaSettings
from flows.pods import Pods


class DetectorSettings(BaseModel):
    """What can be changed about the detectors of one alert type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="False: its detectors judge nothing.")
    severity: Literal["Informational", "Low", "Medium", "High"] | None = Field(
        None, description="The severity of its alerts, instead of the catalogue's."
    )
    parameters: dict[str, Any] = Field({}, description="Parameters of the detector; docs/alerts.md lists them.")


class Lateness(BaseModel):
    """How much older than the newest event of its file an event may be, and still be taken in order of its time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runtime: Duration = Field(timedelta(seconds=2), description="Tetragon and Falco.")
    audit: Duration = Field(timedelta(seconds=30), description="Audit logs of API servers.")
    arm: Duration = Field(timedelta(minutes=20), description="The Azure Activity log.")


class Limits(BaseModel):
    """Bounds on what hostile input can make us hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: int = Field(1 << 20, ge=1 << 10, description="Bytes of one record; a larger one is malformed.")
    line: int = Field(16 << 20, ge=1 << 10, description="Bytes of one line or message, which may hold many records.")
    open_files: int = Field(64, ge=1, le=4096, description="Input files that all processes together keep open.")

    @model_validator(mode="after")
    def _a_line_holds_a_record(self) -> Self:
        if self.line < self.item:
            raise ValueError("line is smaller than item, which it has to hold")
        return self


class HealthSettings(BaseModel):
    """Where the pages /livez, /readyz and /metrics are served (docs/metrics.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: IPvAnyAddress = Field(
        IPv4Address("127.0.0.1"), description="Where to listen; 0.0.0.0 or :: for a probe from outside the pod."
    )
    port: int = Field(0, ge=0, le=65535, description="0: nothing is served.")
    stalled: Duration = Field(
        timedelta(seconds=60), description="A worker that was not heard of for longer counts as stalled; at least 5s."
    )

    @field_validator("stalled")
    @classmethod
    def _longer_than_between_reports(cls, stalled: timedelta) -> timedelta:
        if stalled < timedelta(seconds=5):
            raise ValueError("workers report once a second: at least 5s")
        return stalled


class Checkpoint(BaseModel):
    """How state is kept with `--checkpoint`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: Duration = Field(
        timedelta(seconds=1),
        gt=timedelta(0),
        description="Between two checkpoints; alerts that state decides wait for it as well.",
    )
    history: Duration = Field(
        timedelta(minutes=10), description="For how long (of running) older states are kept, for `--as-of`."
    )


class Settings(BaseSettings):
    """All settings. Unknown keys are errors."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="MIDDLEWATCH_", env_nested_delimiter="__", title="Middlewatch settings"
    )

    detectors: dict[str, DetectorSettings] = Field({}, description="By alert type, such as `K8S_SensitiveMount`.")
    own_detectors: list[str] = Field(
        [], description="Folders, files or importable modules with detectors of one's own."
    )
    lateness: Lateness = Field(Lateness(), description="How late events may come, by source.")
    limits: Limits = Field(Limits(), description="Bounds on the input.")
    checkpoint: Checkpoint = Field(Checkpoint(), description="How state is kept.")
    kafka: KafkaSettings | None = Field(None, description="Kafka as input and output (docs/kafka.md).")
    pods: Pods | None = Field(None, description="One process of the job in each of several pods (docs/settings.md).")
    shutdown: Duration = Field(timedelta(seconds=20), description="How long a clean end may take after SIGTERM.")
    health: HealthSettings = Field(HealthSettings(), description="Health and metrics of a job, over HTTP.")

    @field_validator("detectors", mode="before")
    @classmethod
    def _known_by_any_spelling(cls, chosen: Any) -> Any:
        """Two spellings of one alert type are one: the environment's, which comes last, wins."""
        if not isinstance(chosen, dict):
            return chosen
        names: dict[str, str] = {}
        merged: dict[str, Any] = {}
        for given, values in chosen.items():
            name = names.setdefault(folded(str(given)), str(given))
            merged[name] = _over(merged.get(name), values)
        return merged

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose content is what the constructor is given."""
        assert isinstance(init_settings, InitSettingsSource)
        return env_settings, init_settings


def folded(name: str) -> str:
    """An alert type in any spelling: an environment variable has neither dots nor capitals."""
    return name.casefold().replace(".", "_")


def _over(below: Any, above: Any) -> Any:
    """Two mappings as one, the second winning; whatever else stands above is taken as it is."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {name: _over(below.get(name), value) for name, value in above.items()}
