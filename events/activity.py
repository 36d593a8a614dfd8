"""What was done to Azure resources, as the Activity log tells it."""

from __future__ import annotations

from msgspec import Struct


class Identity(Struct, frozen=True, gc=False):
    """Who called Azure Resource Manager."""

    managed_identity: str = ""
    """Resource id of a managed identity (claim `xms_mirid`), lower case; empty if it is none or not told."""
    object_id: str = ""
    app_id: str = ""
    kind: str = ""
    """`app` or `user`; empty if unknown."""
    name: str = ""
    """A user's sign-in name, where the log has it."""


class ActivityEvent(Struct, frozen=True, gc=False):
    """One phase of one Azure Resource Manager operation (a write, a delete or an action; never a read).

    Source: the Azure Activity log, as Event Hubs records or in its REST form. Names are lower case.
    """

    cluster: str
    """The managed cluster that the record is about, or the one of the settings."""
    time: int
    """Microseconds since 1970, UTC."""
    event_id: str
    """Built from correlation id, operation, resource and result: a repeated record has the same."""
    operation: str
    """Such as `microsoft.storage/storageaccounts/listkeys/action`."""
    resource_id: str = ""
    result: str = ""
    """`start`, `accept`, `success`, `failure` ..."""
    signature: str = ""
    """More of the result, such as an HTTP status."""
    category: str = ""
    correlation_id: str = ""
    """Shared by all phases of one operation."""
    identity: Identity = Identity()
    address: str = ""
    role: str = ""
    """The role that allowed it."""
    scope: str = ""
    """The scope at which it was allowed."""
