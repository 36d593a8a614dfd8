"""GKE audit logs, as Cloud Logging exports them."""

from __future__ import annotations

from typing import Any

from simulation.chance import Chance
from simulation.json import Json, plain_json
from simulation.stencil import Filling, Stencil, hole

GRPC_OF_HTTP = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 422: 3, 429: 8, 500: 13, 503: 14, 504: 4}
"""Status codes of gRPC, by the HTTP status that says the same (google.rpc.Code); none for success."""
METHOD_GROUPS = {"": "core", "rbac.authorization.k8s.io": "authorization.rbac"}
"""How groups are named in methods, where not by their first part."""
LEFT_OUT = frozenset({"events", "leases", "endpoints"})
"""Resources that the platform's audit policy leaves out."""


class Gke:
    """One entry a line: methods and resource names instead of verbs and object references.

    Parameters
    ----------
    cluster
        Its name.
    """

    sizes = (1, 1)

    def __init__(self, cluster: str) -> None:
        chance = Chance("project", cluster)
        self._project = f"platform-{chance.between(100000, 999999)}"
        labels = {"cluster_name": cluster, "location": "europe-west1", "project_id": self._project}
        self._resource = {"type": "k8s_cluster", "labels": labels}

    def form(self, event: Json) -> Filling | None:
        reference = event.get("objectRef", {})
        if reference.get("resource") in LEFT_OUT or event["verb"] == "watch" or not event["user"]:
            return None
        method, name = _method(event["verb"], reference), _resource_name(event, reference)
        allowed = event["annotations"]["authorization.k8s.io/decision"] == "allow"
        caller = {"callerIp": event["sourceIPs"][-1], "callerSuppliedUserAgent": event["userAgent"]}
        payload = {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "authenticationInfo": {"principalEmail": event["user"]["username"]},
            "authorizationInfo": [{"granted": allowed, "permission": method, "resource": name}],
            "methodName": method,
            **({"request": _typed(event["requestObject"])} if "requestObject" in event else {}),
            "requestMetadata": caller,
            "resourceName": name,
            **({"response": _typed(event["responseObject"])} if "responseObject" in event else {}),
            "serviceName": "k8s.io",
            "status": _status(event["responseStatus"]),
        }
        activity = "data_access" if event["verb"] in {"get", "list"} else "activity"
        entry = {
            "insertId": hole("id"),
            "labels": {key: value for key, value in event["annotations"].items() if key.startswith("authorization")},
            "logName": f"projects/{self._project}/logs/cloudaudit.googleapis.com%2F{activity}",
            "operation": {"first": True, "id": hole("id"), "last": True, "producer": "k8s.io"},
            "protoPayload": payload,
            "receiveTimestamp": hole("done"),
            "resource": self._resource,
            "timestamp": hole("done"),
        }
        return Stencil(plain_json(entry)).fill

    def pack(self, records: list[str]) -> str:
        return records[0]


def _method(verb: str, reference: Json) -> str:
    if not reference:
        return f"io.k8s.{verb}"
    group = reference.get("apiGroup", "")
    named = METHOD_GROUPS.get(group, group.removesuffix(".k8s.io"))
    parts = ["io.k8s", named, reference["apiVersion"], reference["resource"], reference.get("subresource", ""), verb]
    return ".".join(part for part in parts if part)


def _resource_name(event: Json, reference: Json) -> str:
    if not reference:
        return str(event["requestURI"]).partition("?")[0].lstrip("/")
    inside = reference.get("namespace", "") if reference["resource"] != "namespaces" else ""
    parts = [
        reference.get("apiGroup", "core"),
        reference["apiVersion"],
        *(("namespaces", inside) if inside else ()),
        reference["resource"],
        reference.get("name", ""),
        reference.get("subresource", ""),
    ]
    return "/".join(part for part in parts if part)


def _typed(body: Any) -> Any:
    """A body with the `@type` that Cloud Logging adds."""
    if not isinstance(body, dict) or "kind" not in body:
        return body
    api = body.get("apiVersion", "v1")
    return {"@type": f"{api if '/' in api else f'core/{api}'}.{body['kind']}", **body}


def _status(status: Json) -> Json:
    code = status["code"]
    if code < 400:
        return {}
    return {"code": GRPC_OF_HTTP[code], "message": status.get("message", status.get("reason", ""))}
