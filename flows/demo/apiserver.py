"""The audit log of an API server 1.34: what it writes for each request, and the objects that requests leave behind."""

from __future__ import annotations

import json
from typing import Any

from flows.demo.fields import Json, merged, owned, without
from flows.demo.invented import micro_time, number, second_time, uuid
from flows.demo.objects import KINDS, ordered, present, stored
from flows.demo.requests import Client, Target, conflicting, forbidden, not_found

METADATA_ONLY = frozenset({"secrets", "leases", "serviceaccounts/token"})
"""Resources of which the audit policy keeps no bodies, whatever the verb."""
READS = frozenset({"get", "list", "watch"})
SERVER_PARTS = {"Namespace": {"spec", "status"}}
"""Parts of a new object that are not its maker's; `status` of any other kind."""
POD_POLICY = "pod-security.kubernetes.io/enforce-policy"


def plain_json(value: Any) -> str:
    """JSON as other programs write it: compact."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def go_json(value: Any) -> str:
    r"""JSON as Go writes it: compact, with the three characters of HTML escaped.

    Examples
    --------
    >>> go_json({"uri": "/pods?limit=5&watch=true"})
    '{"uri":"/pods?limit=5\\u0026watch=true"}'
    """
    return plain_json(value).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


class ApiServer:
    """One API server: its log in order of entry, and the objects it holds.

    Parameters
    ----------
    cluster
        Name of the cluster; what is invented depends on it.
    version
        The first resource version that it gives out.
    """

    def __init__(self, cluster: str, version: int) -> None:
        self.cluster = cluster
        self.version = version
        self.log: list[tuple[int, Json]] = []
        self.objects: dict[tuple[str, str, str], Json] = {}

    def record(self, at: int, client: Client, verb: str, target: Target, **answer: Any) -> int:
        """Write one audit event; `answer` holds `code`, `status`, `request`, `response`, `stage`, `audit_id`, `took`.

        Returns
        -------
        int
            When the answer was complete, in microseconds since 1970.
        """
        done: int = at + answer.get("took", number(900, 6000, "took", self.cluster, len(self.log)))
        code = answer.get("code", 200)
        allowed = code not in {401, 403}
        full = verb not in READS and target.resource not in METADATA_ONLY
        bodies = present(requestObject=answer.get("request"), responseObject=answer.get("response")) if full else {}
        entry = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "RequestResponse" if full else "Metadata",
            "auditID": answer.get("audit_id", uuid("audit", self.cluster, len(self.log))),
            "stage": answer.get("stage", "ResponseComplete"),
            "requestURI": target.uri,
            "verb": verb,
            "user": client.user,
            "sourceIPs": [client.address],
            "userAgent": client.agent,
            "objectRef": target.reference,
            "responseStatus": answer.get("status", {"metadata": {}, "code": code}),
            **bodies,
            "requestReceivedTimestamp": micro_time(at),
            "stageTimestamp": micro_time(done),
            "annotations": {
                "authorization.k8s.io/decision": "allow" if allowed else "forbid",
                "authorization.k8s.io/reason": client.reason if allowed else "",
                **({POD_POLICY: "privileged:latest"} if full and allowed and target.resource == "pods" else {}),
            },
        }
        self.log.append((done, entry))
        return done

    def read(self, at: int, client: Client, verb: str, target: Target) -> None:
        """A get or list that succeeds, or a watch that starts."""
        self.record(at, client, verb, target, stage="ResponseStarted" if verb == "watch" else "ResponseComplete")

    def stream(self, at: int, client: Client, target: Target, seconds: float, code: int = 101) -> None:
        """A long-running request (exec, log): started, and complete when it ends."""
        identifier = uuid("stream", self.cluster, len(self.log))
        for stage, took in (("ResponseStarted", 4000), ("ResponseComplete", round(seconds * 1_000_000))):
            self.record(at, client, "get", target, code=code, stage=stage, audit_id=identifier, took=took)

    def refuse(self, at: int, client: Client, verb: str, target: Target) -> None:
        """403: the authorizer says no."""
        self._fail(at, client, verb, target, forbidden(client, verb, target))

    def miss(self, at: int, client: Client, verb: str, target: Target) -> None:
        """404: what is asked for is not there."""
        self._fail(at, client, verb, target, not_found(target))

    def find(self, kind: str, namespace: str, prefix: str = "") -> list[Json]:
        """Objects that the server holds now, whose names begin with the prefix."""
        items = self.objects.items()
        return [found for (k, ns, name), found in items if (k, ns) == (kind, namespace) and name.startswith(prefix)]

    def hold(self, at: int, sent: Json, manager: str) -> Json:
        """Take an object that was made before the log begins."""
        self.version += 1
        meta = sent["metadata"]
        namespace = meta.get("namespace", "")
        made = stored(sent, at, self.version, f"{self.cluster}/{self.version}")
        parts = [part for part in sent if part not in SERVER_PARTS.get(sent["kind"], {"status"})]
        self._own(made, manager, "Update", at, owned(sent, parts))
        self.objects[sent["kind"], namespace, made["metadata"]["name"]] = made
        return made

    def settle(self, at: int, held: Json, manager: str, changed: Json) -> None:
        """Give an object the status that it had before the log begins."""
        meta = {**held["metadata"], **changed["metadata"]}
        held |= {"metadata": ordered(meta), "status": changed["status"]}
        self._own(held, manager, "Update", at, owned(changed, list(changed)), "status")

    def create(self, at: int, client: Client, sent: Json, manager: str, **options: Any) -> Json:
        """Create an object; `query` of the request and `admit` (what the server adds to it) are options."""
        made = self.hold(at, sent, manager)
        if "admit" in options:
            made |= options["admit"](made)
        meta = sent["metadata"]
        query = options.get("query", "")
        target = Target(sent["kind"], meta.get("namespace", ""), meta.get("name", ""), query=query, unnamed=True)
        self.record(at, client, "create", target, code=201, request=sent, response=made)
        if "dryRun" in query:
            del self.objects[sent["kind"], meta.get("namespace", ""), made["metadata"]["name"]]
        return made

    def update(self, at: int, client: Client, held: Json, manager: str, changed: Json, subresource: str = "") -> Json:
        """Replace parts of an object, as controllers do."""
        meta = held["metadata"]
        target = _target(held, subresource=subresource, uid=meta["uid"], version=meta["resourceVersion"])
        sent = _unmanaged(held) | changed
        made = self._change(at, held, manager, changed, "Update", owned(changed, list(changed)), subresource)
        self.record(at, client, "update", target, request=sent, response=made)
        return made

    def conflict(self, at: int, client: Client, held: Json, changed: Json, subresource: str) -> None:
        """409: an update that comes too late."""
        meta = held["metadata"]
        target = _target(held, subresource=subresource, uid=meta["uid"], version=meta["resourceVersion"])
        self._fail(at, client, "update", target, conflicting(target), _unmanaged(held) | changed)

    def patch(self, at: int, client: Client, held: Json, patch: Any, changed: Json, **options: Any) -> Json:
        """Patch an object to what `changed` says; nothing in it leaves the object as it was.

        Options: `manager`, `operation` (Apply or Update), `query`, `subresource`, `fields` (the manager's).
        """
        subresource = options.get("subresource", "")
        made = held
        if changed:
            fields = options.get("fields", owned(changed, list(changed)))
            operation = options.get("operation", "Update")
            made = self._change(at, held, options["manager"], changed, operation, fields, subresource)
        target = _target(held, subresource=subresource, query=options.get("query", ""))
        self.record(at, client, "patch", target, request=json.loads(json.dumps(patch, sort_keys=True)), response=made)
        return made

    def delete(self, at: int, client: Client, held: Json, options: Json | None = None) -> None:
        """Delete an object: a pod or namespace is marked, anything else is gone at once."""
        meta = held["metadata"]
        target = _target(held)
        request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **(options or {})}
        if held["kind"] in {"Pod", "Namespace"}:
            self.record(at, client, "delete", target, request=request, response=self._mark(at, held))
            return
        kind = KINDS[held["kind"]]
        details = present(name=meta["name"], group=kind.group, kind=kind.resource, uid=meta["uid"])
        status = {"metadata": {}, "status": "Success", "details": details}
        answer = {"kind": "Status", "apiVersion": "v1", **status}
        self.record(at, client, "delete", target, status={**status, "code": 200}, request=request, response=answer)
        self.objects.pop((held["kind"], meta.get("namespace", ""), meta["name"]), None)

    def _fail(
        self, at: int, client: Client, verb: str, target: Target, status: Json, request: Json | None = None
    ) -> None:
        answer = {"kind": "Status", "apiVersion": "v1", **status}
        self.record(at, client, verb, target, code=status["code"], status=status, request=request, response=answer)

    def _mark(self, at: int, held: Json) -> Json:
        grace = {"deletionGracePeriodSeconds": 30} if held["kind"] == "Pod" else {}
        marked = {**held["metadata"], "deletionTimestamp": second_time(at), **grace}
        status = {**held["status"], **({"phase": "Terminating"} if held["kind"] == "Namespace" else {})}
        return self._keep({**held, "metadata": marked, "status": status})

    def _change(
        self, at: int, held: Json, manager: str, changed: Json, operation: str, fields: Json, subresource: str
    ) -> Json:
        meta = {**held["metadata"], **changed.get("metadata", {})}
        if "spec" in changed and "generation" in meta and not subresource:
            meta["generation"] += 1
        made = self._keep({**held, **changed, "metadata": meta})
        self._own(made, manager, operation, at, fields, subresource)
        return made

    def _keep(self, body: Json) -> Json:
        self.version += 1
        body["metadata"] = ordered({**body["metadata"], "resourceVersion": str(self.version)})
        self.objects[body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]] = body
        return body

    def _own(self, held: Json, manager: str, operation: str, at: int, fields: Json, subresource: str = "") -> None:
        others = []
        for item in held["metadata"].get("managedFields", []):
            if (item["manager"], item["operation"], item.get("subresource", "")) == (manager, operation, subresource):
                fields = merged(item["fieldsV1"], fields)
            else:
                others.append({**item, "fieldsV1": without(item["fieldsV1"], fields)})
        entry = {
            "manager": manager,
            "operation": operation,
            "apiVersion": held["apiVersion"],
            "time": second_time(at),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
            **present(subresource=subresource),
        }
        held["metadata"] = ordered({**held["metadata"], "managedFields": [*others, entry]})


def _target(held: Json, **more: Any) -> Target:
    meta = held["metadata"]
    namespace = meta["name"] if held["kind"] == "Namespace" else meta.get("namespace", "")
    return Target(held["kind"], namespace, meta["name"], **more)


def _unmanaged(held: Json) -> Json:
    return {**held, "metadata": {key: value for key, value in held["metadata"].items() if key != "managedFields"}}
