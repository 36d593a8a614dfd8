"""The Activity log, as Azure sends it through Event Hubs: what managed identities and people did to resources."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.chance import Chance
from simulation.clock import MILLISECOND, SECOND, micro_time
from simulation.journal import Journal
from simulation.json import Json, plain_json
from simulation.labels import Mark
from simulation.schedule import Schedule

SIGNATURES = {
    "Start": "Started.",
    "Accept": "Accepted.Accepted",
    "Success": "Succeeded.OK",
    "Failure": "Failed.Forbidden",
}
LEVELS = {"Failure": "Error"}
THROTTLED = "Failed.TooManyRequests"
WRITTEN = ("Start", "Success")
"""What is reported of an operation that is done at once."""
ACCEPTED = ("Start", "Accept", "Success")
"""Of one that takes its time."""
DENIED = ("Start", "Failure")


class EventHubs:
    """Several records in a message."""

    sizes = (1, 6)

    def pack(self, records: list[str]) -> str:
        """The message that holds these records."""
        return '{"records":[' + ",".join(records) + "]}"


@dataclass(frozen=True, eq=False)
class ManagedIdentity:
    """An identity of Azure that a program uses."""

    name: str
    resource: str
    """Its resource id; of a cluster's own identity that of the cluster."""
    role: str
    address: str
    """From where its program calls."""
    principal: str
    application: str


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
    """

    def __init__(self, cluster: str, schedule: Schedule, chance: Chance, journal: Journal | None) -> None:
        self.schedule = schedule
        self.chance = chance
        self.journal = journal
        self.subscription = chance.uuid()
        self.tenant = chance.uuid()
        self.region = "westeurope"
        team = cluster.partition("-")[0]
        self.group = f"/subscriptions/{self.subscription}/resourceGroups/rg-{team}"
        """The resource group in which the cluster is."""
        self.cluster_id = f"{self.group}/providers/Microsoft.ContainerService/managedClusters/{cluster}"
        self.node_group = f"/subscriptions/{self.subscription}/resourceGroups/MC_rg-{team}_{cluster}_{self.region}"
        """The resource group that the platform made for the nodes."""
        self._identities: dict[str, ManagedIdentity] = {}

    def identity(self, name: str, *, role: str, address: str, resource: str = "") -> ManagedIdentity:
        """A managed identity of this name, the same each time; by default in the node resource group."""
        if name not in self._identities:
            chance = self.chance.child("identity", name)
            place = f"{self.node_group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
            ids = (chance.hexadecimal(32), chance.uuid())
            self._identities[name] = ManagedIdentity(name, resource or place, role, address, *ids)
        return self._identities[name]

    def operate(
        self,
        identity: ManagedIdentity,
        operation: str,
        scope: str,
        *,
        results: tuple[str, ...] = WRITTEN,
        address: str = "",
        throttled: bool = False,
        seconds: float = 1.7,
        mark: Mark | None = None,
    ) -> str:
        """An identity does something to a resource; every phase of it is reported.

        Parameters
        ----------
        operation
            Such as `Microsoft.Compute/virtualMachineScaleSets/write`.
        scope
            Resource id.
        results
            Of the phases, in order: Start, Accept, Success, Failure.
        address
            From where, if not from where its program usually calls.
        throttled
            Whether a failure is one of too many requests.
        seconds
            Between two phases.

        Returns
        -------
        str
            The correlation id, which all phases share.
        """
        correlation, now = self.chance.uuid(), self.schedule.now
        for place, result in enumerate(results):
            at = now + round(place * seconds * SECOND) + self.chance.between(0, 90) * MILLISECOND
            signature = THROTTLED if throttled and result == "Failure" else SIGNATURES[result]
            record = {
                "RoleLocation": "West Europe",
                "time": f"{micro_time(at)[:-1]}0Z",
                "resourceId": scope.upper(),
                "operationName": operation.upper(),
                "category": "Administrative",
                "resultType": result,
                "resultSignature": signature,
                "durationMs": "0" if place == 0 else str(self.chance.between(80, 1900)),
                "callerIpAddress": address or identity.address,
                "correlationId": correlation,
                "identity": {
                    "authorization": self._authorization(operation, scope, identity),
                    "claims": self._claims(identity, at),
                },
                "level": LEVELS.get(result, "Information"),
                "properties": {"eventCategory": "Administrative", "entity": scope, "message": operation},
            }
            if self.journal is not None:
                self.journal.add(now, at, plain_json(record), correlation, mark)
        return correlation

    def _authorization(self, operation: str, scope: str, identity: ManagedIdentity) -> Json:
        chance = Chance("assignment", identity.principal, identity.role)
        evidence = {
            "role": identity.role,
            "roleAssignmentScope": scope.partition("/providers/")[0],
            "roleAssignmentId": chance.hexadecimal(32),
            "roleDefinitionId": Chance("role", identity.role).hexadecimal(32),
            "principalId": identity.principal,
            "principalType": "ServicePrincipal",
        }
        return {"scope": scope, "action": operation, "evidence": evidence}

    def _claims(self, identity: ManagedIdentity, at: int) -> Json:
        issued = at // SECOND - 900
        return {
            "aud": "https://management.azure.com/",
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": str(issued),
            "nbf": str(issued),
            "exp": str(issued + 86_700),
            "appid": identity.application,
            "appidacr": "2",
            "http://schemas.microsoft.com/identity/claims/identityprovider": f"https://sts.windows.net/{self.tenant}/",
            "idtyp": "app",
            "http://schemas.microsoft.com/identity/claims/objectidentifier": identity.principal,
            "http://schemas.microsoft.com/identity/claims/tenantid": self.tenant,
            "ver": "1.0",
            "xms_mirid": identity.resource,
        }
