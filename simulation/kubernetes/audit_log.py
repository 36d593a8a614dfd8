"""The audit log of an API server: what it writes for each request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulation.chance import Chance
from simulation.clock import MILLISECOND, SECOND, micro_time
from simulation.envelopes import Envelope
from simulation.journal import Journal
from simulation.json import Json
from simulation.kubernetes.objects import present
from simulation.kubernetes.requests import (
    UNAUTHORIZED,
    Client,
    Target,
    forbidden,
    not_found,
    unavailable,
)
from simulation.labels import Mark
from simulation.schedule import Schedule
from simulation.stencil import Filling, hole

METADATA_ONLY = frozenset({"secrets", "leases", "serviceaccounts/token", "tokenreviews", "subjectaccessreviews"})
"""Resources of which the audit policy keeps no bodies, whatever the verb."""
READS = frozenset({"get", "list", "watch"})
POD_POLICY = {"pod-security.kubernetes.io/enforce-policy": "privileged:latest"}
REMEMBERED = 4_000
"""Forms of requests without bodies that are kept; more begin anew."""
USUAL = 6000
"""Microseconds that a request takes at most, as a rule."""
NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A request that is sent many times: its audit event, written once with holes for what differs."""

    client: Client
    verb: str
    target: Target
    fill: Filling | None
    """None: the platform's audit policy leaves it out."""


class AuditLog:
    """The audit log of one API server: what it writes for each request.

    Parameters
    ----------
    schedule
        The clock: every request is sent now.
    chance
        What ids and times are drawn from.
    envelope
        The platform's form of the log.
    journal
        Where the log goes; None: nobody keeps it.
    """

    def __init__(self, schedule: Schedule, chance: Chance, envelope: Envelope, journal: Journal | None) -> None:
        self.schedule = schedule
        self.chance = chance
        self.envelope = envelope
        self.journal = journal
        self.constants: dict[str, object] = {}
        """Values of holes that are the same in all records, such as the cluster's version."""
        self.trouble: tuple[float, Sequence[int]] = (0.0, ())
        """The share of requests that fail by the server's own fault, and with which codes."""
        self._forms: dict[tuple[Client, str, Target, int], Form] = {}
        self._sent = 0
        self._moment = self._begun = self._free = 0
        self._last = ""

    def form(self, client: Client, verb: str, target: Target, **answer: Any) -> Form:
        """Prepare a request; `answer` holds `code`, `status`, `request`, `response`, `stage`, `annotations`.

        The holes `id`, `received` and `done` are the server's, what else there is needs a value when it is sent.
        """
        return Form(client, verb, target, self.envelope.form(_entry(client, verb, target, **answer)))

    def send(
        self,
        form: Form,
        values: Mapping[str, object] = NOTHING,
        *,
        took: int = 0,
        audit_id: str = "",
        mark: Mark | None = None,
    ) -> str:
        """Send a prepared request now; `took` is how long the answer takes, in microseconds (0: as usual).

        Returns
        -------
        str
            The audit ID.
        """
        chance, now = self.chance, self.schedule.now
        if self.trouble[0] and mark is None and chance.happens(self.trouble[0]):
            form, values = self._failing(form, chance.pick(self.trouble[1])), {**self.constants, **values}
        identifier = audit_id or chance.uuid()
        took = took or chance.between(900, USUAL)
        begun = self._begin(identifier, took)
        end = begun + took
        if self.journal is None or form.fill is None:
            return identifier
        self._sent += 1
        done = micro_time(end)
        filled = {
            **self.constants,
            **values,
            "id": identifier,
            "received": micro_time(begun),
            "done": done,
            "done_at": done[:-1],
            "done_ms": end // MILLISECOND,
            "sequence": f"{self._sent:056d}",
        }
        self.journal.add(now, end, form.fill(filled), identifier, mark)
        return identifier

    def _begin(self, identifier: str, took: int) -> int:
        """What is sent at one moment is sent one after the other: whoever reacts to a request does so after it."""
        now = begun = self.schedule.now
        if now == self._moment:
            begun = self._begun if identifier == self._last else self._free
        self._moment, self._begun, self._free, self._last = now, begun, begun + min(took, USUAL), identifier
        return begun

    @property
    def busy(self) -> int:
        """How long it takes until what was sent at this moment is answered, in microseconds."""
        return self._free - self.schedule.now if self._moment == self.schedule.now else 0

    def record(self, client: Client, verb: str, target: Target, *, mark: Mark | None = None, **answer: Any) -> str:
        """Write a request that is made once; `answer` as `form` and `send` take it."""
        sending = {key: answer.pop(key) for key in ("took", "audit_id") if key in answer}
        return self.send(self.form(client, verb, target, **answer), mark=mark, **sending)

    def _remembered(self, client: Client, verb: str, target: Target, code: int = 200) -> Form:
        key = (client, verb, target, code)
        form = self._forms.get(key)
        if form is None:
            if len(self._forms) >= REMEMBERED:
                self._forms.clear()
            status = {404: lambda: not_found(target), 403: lambda: forbidden(client, verb, target)}.get(code)
            answer = {"status": status()} if status else {}
            form = self._forms[key] = self.form(client, verb, target, code=code, **answer)
        return form

    def _failing(self, form: Form, code: int) -> Form:
        key = (form.client, form.verb, form.target, code)
        if key not in self._forms:
            if len(self._forms) >= REMEMBERED:
                self._forms.clear()
            status = unavailable(code, form.target)
            self._forms[key] = self.form(form.client, form.verb, form.target, code=code, status=status)
        return self._forms[key]

    def read(
        self,
        client: Client,
        verb: str,
        target: Target,
        values: Mapping[str, object] = NOTHING,
        *,
        mark: Mark | None = None,
    ) -> None:
        """A get or list that succeeds; where it is one of many alike, its target may have holes for `values`."""
        self.send(self._remembered(client, verb, target), values, mark=mark)

    def refuse(self, client: Client, verb: str, target: Target, *, mark: Mark | None = None) -> None:
        """403: the authorizer says no."""
        self.send(self._remembered(client, verb, target, 403), mark=mark)

    def miss(self, client: Client, verb: str, target: Target, *, mark: Mark | None = None) -> None:
        """404: what is asked for is not there."""
        self.send(self._remembered(client, verb, target, 404), mark=mark)

    def reject(self, client: Client, verb: str, target: Target, *, mark: Mark | None = None) -> None:
        """401: the token is expired or wrong, so the log does not know whose it is."""
        nobody = Client("", (), client.agent, client.address)
        answer = {"code": 401, "status": UNAUTHORIZED, "stage": "ResponseStarted"}
        self.record(nobody, verb, target, mark=mark, **answer)

    def watch(self, client: Client, target: Target, seconds: float, *, mark: Mark | None = None) -> None:
        """A watch: started, and complete when its time is over."""
        self.stream(client, "watch", target, seconds, mark=mark, code=200)

    def stream(
        self, client: Client, verb: str, target: Target, seconds: float, *, code: int = 101, mark: Mark | None = None
    ) -> None:
        """A long-running request (exec, attach, port-forward, log): started, and complete when it ends."""
        identifier = self.chance.uuid()
        for stage, took in (("ResponseStarted", 4 * MILLISECOND), ("ResponseComplete", round(seconds * SECOND))):
            options = {"code": code, "stage": stage, "took": took, "audit_id": identifier}
            self.record(client, verb, target, mark=mark, **options)


def _entry(client: Client, verb: str, target: Target, **answer: Any) -> Json:
    """The audit event, with holes for its id and its times."""
    code = answer.get("code", 200)
    full = bool(target.kind) and verb not in READS and target.resource not in METADATA_ONLY
    bodies = present(requestObject=answer.get("request"), responseObject=answer.get("response")) if full else {}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse" if full else "Metadata",
        "auditID": hole("id"),
        "stage": answer.get("stage", "ResponseComplete"),
        "requestURI": target.uri,
        "verb": verb,
        "user": client.user,
        **present(impersonatedUser=client.acts_as),
        "sourceIPs": [*client.claimed, client.address],
        "userAgent": client.agent,
        **present(objectRef=target.reference),
        "responseStatus": answer.get("status") or {"metadata": {}, "code": code},
        **bodies,
        "requestReceivedTimestamp": hole("received"),
        "stageTimestamp": hole("done"),
        **present(
            annotations={
                **answer.get("annotations", {}),
                **_annotations(client, code, POD_POLICY if full and target.resource == "pods" else {}),
            }
        ),
    }


def _annotations(client: Client, code: int, policy: Json) -> Json:
    if code == 401:
        return {}
    if code == 403:
        return {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": ""}
    return {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": client.reason, **policy}
