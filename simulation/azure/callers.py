"""Who calls Azure Resource Manager: managed identities, pipelines, people; and the claims of their tokens."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from simulation.chance import Chance
from simulation.clock import HOUR, SECOND
from simulation.json import Json

CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""Application id of the Azure command line, the same in every tenant."""
PORTAL = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
"""Application id of the portal."""
DEFINITIONS = {
    "Contributor": "b24988ac618042a0ab8820f7382dd24c",
    "Network Contributor": "4d97b98b1d4f4787a291c67834d212e7",
    "Owner": "8e3af657a8ff443ca75c2fe8c4bcb635",
    "Reader": "acdd72a7338548efbd42f606fba81ae7",
}
"""Ids of the roles that Azure brings, as every tenant has them; those of other roles are invented."""
_CLAIMS = "http://schemas.microsoft.com/identity/claims"
_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"


@dataclass(frozen=True, eq=False)
class Caller:
    """Somebody or something that Azure Resource Manager lets do things."""

    name: str
    """Of the identity or application; of a person the sign-in name."""
    role: str
    assigned: str
    """Resource id of where it has that role."""
    addresses: tuple[str, ...]
    """From where it calls."""
    principal: str
    """Object id."""
    application: str
    resource: str = ""
    """Resource id of a managed identity; of a cluster's own identity that of the cluster. Empty: it is none."""

    @property
    def is_person(self) -> bool:
        """Whether somebody has signed in."""
        return "@" in self.name

    def evidence(self, scope: str) -> Json:
        """The role assignment by which it may do something to a resource."""
        inside = scope.lower().startswith(self.assigned.lower())
        at = self.assigned if inside else "/".join(scope.split("/", 3)[:3])
        return {
            "role": self.role,
            "roleAssignmentScope": at,
            "roleAssignmentId": Chance("assignment", self.principal, self.role, at).hexadecimal(32),
            "roleDefinitionId": DEFINITIONS.get(self.role) or Chance("role", self.role).hexadecimal(32),
            "principalId": self.principal.replace("-", ""),
            "principalType": "User" if self.is_person else "ServicePrincipal",
        }

    def claims(self, tenant: str, at: int) -> Json:
        """What its token of this time says, as the log shows it."""
        lasts = (1 if self.is_person else 12) * HOUR
        chance = Chance("token", self.principal, at // lasts)
        issued = (at - at % lasts) // SECOND - chance.between(60, 900)
        expires = issued + (5_100 if self.is_person else 86_700)
        return {
            "aud": "https://management.azure.com/" if self.resource else "https://management.core.windows.net/",
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": str(issued),
            "nbf": str(issued),
            "exp": str(expires),
            "aio": _text(chance, 32),
            **(self._person() if self.is_person else self._program(tenant)),
            f"{_CLAIMS}/objectidentifier": self.principal,
            "rh": f"1.{_text(chance, 30)}.",
            f"{_CLAIMS}/tenantid": tenant,
            "uti": _text(chance, 16),
            "ver": "1.0",
            **({"xms_mirid": self.resource} if self.resource else {}),
            "xms_tcdt": str(1_400_000_000 + int(tenant[:6], 16)),
        }

    def _program(self, tenant: str) -> Json:
        return {
            "appid": self.application,
            "appidacr": "2" if self.resource else "1",
            f"{_CLAIMS}/identityprovider": f"https://sts.windows.net/{tenant}/",
            "idtyp": "app",
            f"{_SOAP}/nameidentifier": self.principal,
        }

    def _person(self) -> Json:
        given, _, family = self.name.partition("@")[0].title().partition(".")
        return {
            "http://schemas.microsoft.com/claims/authnclassreference": "1",
            "http://schemas.microsoft.com/claims/authnmethodsreferences": "pwd,mfa",
            "appid": self.application,
            "appidacr": "2" if self.application == PORTAL else "0",
            f"{_SOAP}/surname": family,
            f"{_SOAP}/givenname": given,
            "idtyp": "user",
            "ipaddr": self.addresses[0],
            "name": f"{given} {family}",
            "puid": f"1003{int(self.principal[:8], 16):012X}",
            f"{_CLAIMS}/scope": "user_impersonation",
            f"{_SOAP}/nameidentifier": _text(Chance("subject", self.principal), 32),
            f"{_SOAP}/name": self.name,
            f"{_SOAP}/upn": self.name,
        }


def _text(chance: Chance, size: int) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(chance.hexadecimal(size * 2))).decode().rstrip("=")
