"""The Activity log, as Azure sends it through Event Hubs: what managed identities and people did to resources."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.azure.callers import CLI, Caller
from simulation.azure.estate import Estate, region_of
from simulation.azure.phases import FAILURES, LEVELS, outcome, phases
from simulation.chance import Chance
from simulation.clock import MILLISECOND, SECOND, micro_time
from simulation.journal import Journal
from simulation.json import Json, plain_json
from simulation.labels import Mark
from simulation.schedule import Schedule

FIRST_BYTES = (4, 13, 20, 40, 51, 52, 104, 108, 135, 172)
RELEASE = "6.2026.7.2+4f1d9c07.release_2026w07"


class EventHubs:
    """Several records in a message."""

    sizes = (1, 6)

    def pack(self, records: list[str]) -> str:
        """The message that holds these records."""
        return '{"records":[' + ",".join(records) + "]}"


class ActivityLog:
    """What is reported of one cluster's subscription.

    Parameters
    ----------
    cluster
        Its name.
    schedule, chance
        The clock, and what ids and times are drawn from.
    journal
        Where the log goes; None: nobody keeps it.
    managed
        Whether the cluster is one of AKS; else somebody runs it on virtual machines.
    """

    def __init__(
        self, cluster: str, schedule: Schedule, chance: Chance, journal: Journal | None, *, managed: bool = True
    ) -> None:
        self.schedule = schedule
        self.chance = chance
        self.journal = journal
        self.managed = managed
        self.tenant = Chance(chance.names[0], "tenant").uuid()
        """The same for all clusters of a company."""
        self.region, self.location = region_of(cluster)
        self.estate = Estate.of(cluster, chance.child("estate"), self.region, managed=managed)
        self.subscription = self.estate.subscription
        self.group = self.estate.group
        self.node_group = self.estate.node_group
        self.cluster_id = self.estate.cluster
        self.outbound = azure_address(chance)
        """From where what runs on the nodes calls."""
        self.platform = tuple(azure_address(chance) for _ in range(3))
        """From where the control plane calls, if the platform runs it; an upgrade changes them."""
        self.trouble = 0.0
        """The share of calls that fail because there are too many."""
        self._callers: dict[str, Caller] = {}

    # Who calls.

    def identity(
        self, name: str, *, role: str, address: str | Sequence[str], resource: str = "", assigned: str = ""
    ) -> Caller:
        """A managed identity of this name, the same each time; by default in, and allowed for, the node group."""
        if name not in self._callers:
            place = f"{self.node_group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
            self._callers[name] = self._caller(name, role, address, assigned, resource=resource or place)
        return self._callers[name]

    def pipeline(self, name: str, *, role: str, address: str | Sequence[str], assigned: str = "") -> Caller:
        """An application with a secret of its own, which is no managed identity."""
        if name not in self._callers:
            self._callers[name] = self._caller(name, role, address, assigned or self.group)
        return self._callers[name]

    def person(self, name: str, *, role: str, address: str, client: str = CLI) -> Caller:
        """Somebody who signs in with this mail address."""
        if name not in self._callers:
            self._callers[name] = self._caller(name, role, address, self.estate.root, application=client)
        return self._callers[name]

    def forget(self, caller: Caller) -> None:
        """A caller is gone for good."""
        self._callers.pop(caller.name, None)

    def _caller(
        self,
        name: str,
        role: str,
        address: str | Sequence[str],
        assigned: str,
        *,
        resource: str = "",
        application: str = "",
    ) -> Caller:
        chance = self.chance.child("caller", name)
        addresses = (address,) if isinstance(address, str) else tuple(address)
        ids = (chance.uuid(), application or chance.uuid())
        return Caller(name, role, assigned or self.node_group, addresses, *ids, resource)

    def move(self) -> None:
        """The platform runs the control plane elsewhere from now on: its calls come from other addresses."""
        old, self.platform = self.platform, tuple(azure_address(self.chance) for _ in range(3))
        for name, caller in list(self._callers.items()):
            if caller.addresses == old:
                ids = (caller.principal, caller.application, caller.resource)
                self._callers[name] = Caller(caller.name, caller.role, caller.assigned, self.platform, *ids)

    # What is done.

    def operate(
        self,
        caller: Caller,
        operation: str,
        scope: str,
        *,
        address: str = "",
        failure: str = "",
        seconds: float = 1.7,
        mark: Mark | None = None,
    ) -> str:
        """Somebody does something to a resource; every phase of it is reported.

        Parameters
        ----------
        operation
            Such as `Microsoft.Compute/virtualMachineScaleSets/write`; what it is says which phases it has.
        scope
            Resource id.
        address
            From where, if not from where the caller usually calls.
        failure
            Why it fails, if it does: a key of `FAILURES`.
        seconds
            Between two phases.

        Returns
        -------
        str
            The correlation id, which all phases share.
        """
        chance, now = self.chance, self.schedule.now
        if mark is None and self.trouble and chance.happens(self.trouble):
            failure = "TooManyRequests"
        correlation = chance.uuid()
        names = ("Start", "Failure") if failure else phases(operation)
        at, source = now, address or chance.pick(caller.addresses)
        asked = {"resourceId": scope.upper(), "operationName": operation.upper()}
        called = {"callerIpAddress": source, "correlationId": correlation}
        identity = self._identity(operation, scope, caller, failure)
        for place, phase in enumerate(names):
            took = chance.between(80, round(seconds * 1900)) if place else 0
            at += took * MILLISECOND
            if self.journal is not None:
                told = self._told(phase, names, operation, scope, caller, failure)
                record = self._record(at, asked, took, called, identity, told)
                self.journal.add(now, at, plain_json(record), correlation, mark)
        return correlation

    def _identity(self, operation: str, scope: str, caller: Caller, failure: str) -> Json:
        authorization = self._authorization(operation, scope, caller, failure)
        return {"authorization": authorization, "claims": caller.claims(self.tenant, self.schedule.now)}

    def _record(self, at: int, asked: Json, took: int, called: Json, identity: Json, told: Json) -> Json:
        properties = told.pop("properties")
        return {
            "RoleLocation": self.location,
            "ReleaseVersion": RELEASE,
            "time": f"{micro_time(at)[:-1]}{at // SECOND % 10}Z",
            **asked,
            "category": "Administrative",
            "resultType": told["resultType"],
            "resultSignature": told["resultSignature"],
            "durationMs": str(took),
            **called,
            "identity": identity,
            "level": LEVELS.get(told["resultType"], "Information"),
            "properties": properties,
        }

    def _told(self, phase: str, names: Sequence[str], operation: str, scope: str, caller: Caller, failure: str) -> Json:
        signature, status = outcome(phase, names, operation, failure)
        properties: Json = {"statusCode": status, "serviceRequestId": None} if status else {}
        if phase == "Failure":
            asked = {"action": operation, "scope": scope, "appid": caller.application, "oid": caller.principal}
            properties["statusMessage"] = FAILURES[failure].format(**asked)
        elif status:
            properties["serviceRequestId"] = self.chance.uuid()
        properties |= {"eventCategory": "Administrative", "entity": scope, "message": operation}
        properties["hierarchy"] = f"{self.tenant}/{self.subscription}"
        return {"resultType": phase, "resultSignature": signature, "properties": properties}

    def _authorization(self, operation: str, scope: str, caller: Caller, failure: str) -> Json:
        # Nothing allowed it: there is no role to name.
        evidence = {} if failure == "Forbidden" else {"evidence": caller.evidence(scope)}
        return {"scope": scope, "action": operation, **evidence}


def azure_address(chance: Chance) -> str:
    """A public address as Azure's look, drawn at random."""
    return f"{chance.pick(FIRST_BYTES)}.{chance.between(64, 250)}.{chance.between(0, 250)}.{chance.between(1, 250)}"
