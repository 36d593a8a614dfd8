"""An API server: its audit log, and the objects that requests leave behind."""

from __future__ import annotations

import re
from typing import Any

from simulation.chance import Chance
from simulation.clock import second_time
from simulation.envelopes import Envelope
from simulation.journal import Journal
from simulation.json import Json
from simulation.kubernetes.audit_log import AuditLog
from simulation.kubernetes.fields import merged, owned, without
from simulation.kubernetes.kinds import KINDS
from simulation.kubernetes.objects import ordered, present, stored
from simulation.kubernetes.requests import Client, Target, conflicting
from simulation.labels import Mark
from simulation.schedule import Schedule

SERVER_PARTS = {"Namespace": {"spec", "status"}}
"""Parts of a new object that are not its maker's; `status` of any other kind."""
APPLIED = "fieldManager=kubectl&fieldValidation=Strict&force=false"
_MANAGER = re.compile(r"fieldManager=([^&]+)")


class ApiServer(AuditLog):
    """One API server: its audit log, and the objects it holds.

    Parameters
    ----------
    schedule, chance, envelope, journal
        As of the log.
    version
        The first resource version that it gives out.
    """

    def __init__(
        self, schedule: Schedule, chance: Chance, envelope: Envelope, journal: Journal | None, version: int
    ) -> None:
        super().__init__(schedule, chance, envelope, journal)
        self.version = version
        self.objects: dict[tuple[str, str, str], Json] = {}
        self._names: dict[tuple[str, str], dict[str, None]] = {}
        """Of the objects, by kind and namespace."""

    def held(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object as it is now; None if there is none."""
        return self.objects.get((kind, namespace, name))

    def holds(self, made: Json) -> bool:
        """Whether this object is still there; its parts may have changed."""
        meta = made["metadata"]
        held = self.held(made["kind"], meta.get("namespace", ""), meta["name"])
        return held is not None and held["metadata"]["uid"] == meta["uid"]

    def find(self, kind: str, namespace: str, prefix: str = "") -> list[Json]:
        """Objects that the server holds now, whose names begin with the prefix."""
        names = self._names.get((kind, namespace), ())
        return [self.objects[kind, namespace, name] for name in names if name.startswith(prefix)]

    def hold(self, sent: Json, manager: str) -> Json:
        """Take an object without a request, as if it was there before the log begins."""
        meta = sent["metadata"]
        name = meta.get("name") or meta["generateName"] + self.chance.ending(5)
        version = self.next_version()
        uid = self.chance.uuid()
        made = stored(sent, name=name, uid=uid, version=version, created=second_time(self.schedule.now))
        parts = [part for part in sent if part not in SERVER_PARTS.get(sent["kind"], {"status"})]
        self._own(made, manager, "Update", owned(sent, parts))
        self._put(made)
        return made

    def create(
        self, client: Client, sent: Json, *, query: str = "", added: Json | None = None, mark: Mark | None = None
    ) -> Json:
        """Create an object; `added` is what the server adds to it. The query may name a field manager, or a dry run."""
        held = self.hold(sent, _manager(client, query))
        if added is not None:
            held |= added
        meta = sent["metadata"]
        target = Target(sent["kind"], meta.get("namespace", ""), meta.get("name", ""), query=query, unnamed=True)
        self.record(client, "create", target, code=201, request=sent, response=held, mark=mark)
        if "dryRun" in query:
            self.forget(held)
        return held

    def apply(
        self, client: Client, sent: Json, *, query: str = APPLIED, added: Json | None = None, mark: Mark | None = None
    ) -> Json:
        """Create an object by a server-side apply, which is a patch that answers 201."""
        held = self.hold(sent, _manager(client, query))
        entry = held["metadata"]["managedFields"][-1]
        held["metadata"] = {**held["metadata"], "managedFields": [{**entry, "operation": "Apply"}]}
        held |= added or {}
        self.record(client, "patch", _target(held, "", query), code=201, request=sent, response=held, mark=mark)
        return held

    def update(
        self,
        client: Client,
        held: Json,
        changed: Json,
        *,
        subresource: str = "",
        query: str = "",
        mark: Mark | None = None,
    ) -> Json:
        """Replace parts of an object; the whole object is sent, as controllers and `kubectl replace` do."""
        made = self._change(
            held, _manager(client, query), changed, "Update", owned(changed, list(changed)), subresource
        )
        target = _exact(held, subresource, query)
        self.record(client, "update", target, request=_unmanaged(held) | changed, response=made, mark=mark)
        return made

    def conflict(self, client: Client, held: Json, changed: Json, *, subresource: str = "") -> None:
        """409: an update that comes too late."""
        target = _exact(held, subresource, "")
        self._fail(client, "update", target, conflicting(target), _unmanaged(held) | changed)

    def patch(self, client: Client, held: Json, patch: Any, changed: Json, **options: Any) -> Json:
        """Patch an object to what `changed` says (parts as they are then); nothing in it leaves the object as it was.

        Options: `operation` (Apply or Update), `query`, `subresource`, `fields` (the manager's), `mark`.
        """
        subresource, query = options.get("subresource", ""), options.get("query", "")
        made = held
        if changed:
            fields = options.get("fields", owned(changed, list(changed)))
            operation = options.get("operation", "Update")
            made = self._change(held, _manager(client, query), changed, operation, fields, subresource)
        self.record(
            client, "patch", _target(held, subresource, query), request=patch, response=made, mark=options.get("mark")
        )
        return made

    def delete(
        self, client: Client, held: Json, options: Json | None = None, *, query: str = "", mark: Mark | None = None
    ) -> None:
        """Delete an object: a pod or namespace is marked, anything else is gone at once."""
        meta = held["metadata"]
        target = _target(held, "", query)
        request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **(options or {})}
        if held["kind"] in {"Pod", "Namespace"}:
            self.record(client, "delete", target, request=request, response=self._mark(held), mark=mark)
            return
        kind = KINDS[held["kind"]]
        details = present(name=meta["name"], group=kind.group, kind=kind.resource, uid=meta["uid"])
        status = {"metadata": {}, "status": "Success", "details": details}
        answer = {"kind": "Status", "apiVersion": "v1", **status}
        self.record(
            client, "delete", target, status={**status, "code": 200}, request=request, response=answer, mark=mark
        )
        self.forget(held)

    def forget(self, held: Json) -> None:
        """Drop an object without a request."""
        kind, meta = held["kind"], held["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        if self.objects.pop((kind, namespace, name), None) is not None:
            names = self._names[kind, namespace]
            del names[name]
            if not names:
                del self._names[kind, namespace]

    def _put(self, held: Json) -> None:
        kind, meta = held["kind"], held["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        self.objects[kind, namespace, name] = held
        self._names.setdefault((kind, namespace), {})[name] = None

    def next_version(self) -> str:
        """The resource version of the next write."""
        self.version += 1
        return str(self.version)

    def _fail(self, client: Client, verb: str, target: Target, status: Json, request: Json | None = None) -> None:
        answer = {"kind": "Status", "apiVersion": "v1", **status}
        self.record(client, verb, target, code=status["code"], status=status, request=request, response=answer)

    def _mark(self, held: Json) -> Json:
        grace = {"deletionGracePeriodSeconds": 30} if held["kind"] == "Pod" else {}
        marked = {**held["metadata"], "deletionTimestamp": second_time(self.schedule.now), **grace}
        status = {**held.get("status", {}), **({"phase": "Terminating"} if held["kind"] == "Namespace" else {})}
        return self._keep({**held, "metadata": marked, "status": status})

    def _change(self, held: Json, manager: str, changed: Json, operation: str, fields: Json, subresource: str) -> Json:
        meta = {**held["metadata"], **changed.get("metadata", {})}
        if "spec" in changed and "generation" in meta and not subresource:
            meta["generation"] += 1
        made = self._keep({**held, **changed, "metadata": meta})
        self._own(made, manager, operation, fields, subresource)
        return made

    def _keep(self, body: Json) -> Json:
        body["metadata"] = ordered({**body["metadata"], "resourceVersion": self.next_version()})
        self._put(body)
        return body

    def _own(self, held: Json, manager: str, operation: str, fields: Json, subresource: str = "") -> None:
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
            "time": second_time(self.schedule.now),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
            **present(subresource=subresource),
        }
        held["metadata"] = ordered({**held["metadata"], "managedFields": [*others, entry]})


def _manager(client: Client, query: str) -> str:
    found = _MANAGER.search(query)
    return found.group(1) if found else client.agent.partition("/")[0]


def _target(held: Json, subresource: str, query: str) -> Target:
    meta = held["metadata"]
    namespace = meta["name"] if held["kind"] == "Namespace" else meta.get("namespace", "")
    return Target(held["kind"], namespace, meta["name"], subresource, query)


def _exact(held: Json, subresource: str, query: str) -> Target:
    meta = held["metadata"]
    namespace = meta["name"] if held["kind"] == "Namespace" else meta.get("namespace", "")
    exact = {"uid": meta["uid"], "version": meta["resourceVersion"]}
    return Target(held["kind"], namespace, meta["name"], subresource, query, **exact)


def _unmanaged(held: Json) -> Json:
    return {**held, "metadata": {key: value for key, value in held["metadata"].items() if key != "managedFields"}}
