"""AKS diagnostic settings, as Event Hubs delivers them."""

from __future__ import annotations

from collections.abc import Mapping

from simulation.chance import Chance
from simulation.json import Json, go_json, plain_json
from simulation.stencil import Filling, Stencil, hole

LOG_BYTES = 16_384
"""Where the platform cuts a log."""
SURELY_WHOLE = 15_000
"""Characters of a form that stays below it, whatever its holes are filled with."""


class Aks:
    """Several records in a message; the audit event is text in a record, of which the platform cuts what is too long.

    Parameters
    ----------
    resource_id
        Of the managed cluster.
    """

    sizes = (3, 18)

    def __init__(self, resource_id: str) -> None:
        chance = Chance("control plane", resource_id)
        self._record = {
            "Cloud": "AzureCloud",
            "Environment": "prod",
            "UnderlayClass": "hcp-underlay",
            "UnderlayName": f"hcp-underlay-westeurope-cx-{chance.between(10, 90)}",
            "category": "kube-audit",
            "ccpNamespace": chance.hexadecimal(24),
            "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        }
        pod = f"kube-apiserver-{chance.ending(10)}-{chance.ending(5)}"
        self._source = {"containerID": chance.hexadecimal(64), "pod": pod, "stream": "stdout"}
        self._rest = {"resourceId": resource_id.upper(), "serviceBuild": "na", "time": f"{hole('done_at')}0Z"}

    def form(self, event: Json) -> Filling:
        text = go_json(event) + "\n"
        if len(text) < SURELY_WHOLE:
            return Stencil(self._written(text)).fill
        inner, outer = Stencil(text).fill, Stencil(self._written(hole("log"))).fill

        def cut(values: Mapping[str, object]) -> str:
            log = inner(values).encode()[:LOG_BYTES].decode(errors="ignore")
            return outer({**values, "log": plain_json(log)[1:-1]})

        return cut

    def _written(self, log: str) -> str:
        container, *others = self._source.items()
        properties = dict([container, ("log", log), *others])
        return plain_json({**self._record, "properties": properties, **self._rest})

    def pack(self, records: list[str]) -> str:
        return '{"records":[' + ",".join(records) + "]}"
