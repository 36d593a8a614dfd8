"""What a client asked of a Kubernetes API server, as every audit format tells it."""

from __future__ import annotations

from msgspec import Raw, Struct


class User(Struct, frozen=True, gc=False):
    """Who sent a request. All fields are empty for a token that the API server refused (401)."""

    username: str = ""
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, tuple[str, ...]] = {}
    """What the authenticator adds; of a bound token its pod, node and `credential-id` (its JTI)."""


class ObjectRef(Struct, frozen=True, gc=False, rename="camel"):
    """The object of a request. A request to `/healthz` or to discovery has none.

    As JSON its fields have the names that the audit log gives them, so that a decoder reads them in place.
    """

    resource: str = ""
    """Plural and lower case, as in the URL: `pods`."""
    subresource: str = ""
    namespace: str = ""
    """Empty for resources of the whole cluster."""
    name: str = ""
    """Empty for lists, and for a create with `generateName` whose answer was not recorded."""
    api_group: str = ""
    api_version: str = ""
    uid: str = ""
    resource_version: str = ""


NO_OBJECT = ObjectRef()


class AuditEvent(Struct, frozen=True, gc=False):
    """One stage of one request. Absent (None) and empty are different.

    Source: the `audit.k8s.io/v1` Event, alone or in the envelopes of AKS, EKS and GKE.
    """

    cluster: str
    """Case-folded name, from the envelope or from the settings."""
    time: int
    """Microseconds since 1970, UTC: when this stage was reached."""
    event_id: str
    """The auditID, which all stages of a request share."""
    verb: str
    """Lower case: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` ..."""
    stage: str | None = None
    user: User = User()
    impersonated: User | None = None
    """Whom the user claimed to be (`--as`); `user` stays the real one."""
    addresses: tuple[str, ...] = ()
    """sourceIPs: only the last is the connection, those before it are what the client claims."""
    user_agent: str = ""
    object: ObjectRef = NO_OBJECT
    uri: str = ""
    code: int | None = None
    """HTTP status of the answer; None where the source gives none."""
    decision: str | None = None
    """`allow` or `forbid`, of the authorizer."""
    reason: str | None = None
    """Why the authorizer allowed it: the binding and the role."""
    level: str | None = None
    """What the audit policy recorded: `Metadata`, `Request` or `RequestResponse`."""
    request: Raw | None = None
    """Body of the request, a JSON object or list; of a patch the patch itself. Decode it only where a detector asks."""
    response: Raw | None = None
    """Body of the answer: what the object is now."""
    truncated: bool = False
    """The source cut this record, left a body out, or nested too deep: a body that did not come whole is None."""

    @property
    def resource(self) -> str:
        """Resource and subresource as RBAC writes them: `pods` or `pods/exec`."""
        ref = self.object
        return f"{ref.resource}/{ref.subresource}" if ref.subresource else ref.resource
