"""EKS control plane logs, as a CloudWatch Logs subscription delivers them."""

from __future__ import annotations

from simulation.chance import Chance
from simulation.json import Json, go_json, plain_json
from simulation.stencil import Filling, Stencil, hole


class Eks:
    """Several log events in a payload; the message of each is an audit event as text.

    Parameters
    ----------
    cluster
        Its name, which is part of the log group's.
    """

    sizes = (2, 30)

    def __init__(self, cluster: str) -> None:
        chance = Chance("log stream", cluster)
        self._head = plain_json(
            {
                "messageType": "DATA_MESSAGE",
                "owner": f"{chance.between(10**11, 10**12 - 1)}",
                "logGroup": f"/aws/eks/{cluster}/cluster",
                "logStream": f"kube-apiserver-audit-{chance.hexadecimal(32)}",
                "subscriptionFilters": ["audit"],
                "logEvents": [],
            }
        )[:-2]

    def form(self, event: Json) -> Filling:
        record = {"id": f"{hole('sequence')}", "message": go_json(event)}
        text = plain_json(record)
        return Stencil(text.replace(',"message"', f',"timestamp":{hole("done_ms")},"message"', 1)).fill

    def pack(self, records: list[str]) -> str:
        return self._head + ",".join(records) + "]}"
