"""One process of the job in each of several pods."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from detectors.parameters import Duration

MAX_PODS = 32
"""As many as a new checkpoint has partitions: each pod has one at least."""
_ORDINAL = re.compile(r"(?:.*-)?(\d{1,6})", re.ASCII | re.DOTALL)
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})", re.ASCII)
_MAX_PORT = 65535


class Pods(BaseModel):
    """Where the pods of a StatefulSet reach each other, and which of them this is.

    Examples
    --------
    >>> pods = Pods(addresses=["middlewatch-0.workers:9300", "middlewatch-1.workers:9300"], name="middlewatch-1")
    >>> pods.ordinal
    1
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        min_length=1,
        max_length=MAX_PODS,
        description="`host:port` of all pods, in the order of their ordinals; as a list or by commas.",
    )
    name: str | None = Field(
        None,
        min_length=1,
        description="Of this pod, as the downward API says it; the number at its end is its ordinal.",
    )
    wait: Duration = Field(
        timedelta(minutes=10), gt=timedelta(0), description="How long the other pods are waited for, before exit 1."
    )

    @field_validator("addresses", mode="before")
    @classmethod
    def _by_commas(cls, given: Any) -> Any:
        """The environment has one text for all."""
        if not isinstance(given, str):
            return given
        if given.lstrip().startswith("["):
            try:
                return json.loads(given)
            except (ValueError, RecursionError):
                pass
        return tuple(part.strip() for part in given.split(",") if part.strip())

    @field_validator("addresses")
    @classmethod
    def _hosts_and_ports(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            found = _ADDRESS.fullmatch(address)
            if found is None or not 0 < int(found[1]) <= _MAX_PORT:
                raise ValueError(f"{address}: not host:port")
        if len(set(addresses)) < len(addresses):
            raise ValueError("an address is there twice")
        return addresses

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.name is None:
            if len(self.addresses) > 1:
                raise ValueError("name: say which pod this is")
            return self
        found = _ORDINAL.fullmatch(self.name)
        if found is None:
            raise ValueError(f"name: {self.name}: has no ordinal at its end, as the pods of a StatefulSet have")
        ordinal = int(found[1])
        if ordinal >= len(self.addresses):
            raise ValueError(f"name: {self.name}: is pod {ordinal}, and there are {len(self.addresses)} addresses")
        hosts = [re.split(r"[.:]", address)[0] for address in self.addresses]
        if self.name in hosts and hosts.index(self.name) != ordinal:
            raise ValueError(f"addresses: {self.name} is not in the place of its ordinal, {ordinal}")
        return self

    @property
    def ordinal(self) -> int:
        """Of this pod; its process in the job has the same number."""
        found = None if self.name is None else _ORDINAL.fullmatch(self.name)
        return 0 if found is None else int(found[1])

    @property
    def alone(self) -> bool:
        """Whether there is one pod only: then all is as without pods."""
        return len(self.addresses) == 1


class PodsError(Exception):
    """The pods do not come together; the message is one sentence for the user."""
