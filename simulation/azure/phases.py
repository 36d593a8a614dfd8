"""What is reported of an operation: its phases, and how each ends."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = {"Failure": "Error"}
DONE = ("Start", "Success")
"""What is reported of an operation that is done at once."""
ACCEPTED = ("Start", "Accept", "Success")
"""Of one that takes its time."""
SLOW = (
    "microsoft.compute/",
    "microsoft.containerinstance/",
    "microsoft.containerservice/managedclusters/agentpools/",
    "microsoft.containerservice/managedclusters/delete",
    "microsoft.containerservice/managedclusters/write",
    "microsoft.keyvault/vaults/delete",
    "microsoft.network/applicationgateways/",
    "microsoft.network/loadbalancers/",
    "microsoft.network/networksecuritygroups/",
    "microsoft.network/privatednszones/delete",
    "microsoft.network/publicipaddresses/",
    "microsoft.network/routetables/",
    "microsoft.resources/deployments/write",
    "microsoft.resources/subscriptions/resourcegroups/delete",
    "microsoft.storage/storageaccounts/write",
)
"""What begins so takes its time."""
SYNCHRONOUS = ("/join/action", "/listkeys/action")
CREATED = (
    "/accesspolicies/write",
    "/deployments/write",
    "/federatedidentitycredentials/write",
    "/roleassignments/write",
    "/snapshots/write",
)
"""What ends so makes something; other writes mostly change it."""
FAILURES = {
    "Forbidden": (
        '{{"error":{{"code":"AuthorizationFailed","message":"The client \'{appid}\' with object id \'{oid}\' does not '
        "have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was "
        'recently granted, please refresh your credentials."}}}}'
    ),
    "TooManyRequests": (
        '{{"error":{{"code":"TooManyRequests","message":"The request is being throttled as the limit has been reached '
        'for operation type - Write. For more information, see - https://aka.ms/srpthrottlinglimits"}}}}'
    ),
    "Conflict": (
        '{{"error":{{"code":"OperationNotAllowed","message":"Operation is not allowed: another operation on this '
        'resource is in progress."}}}}'
    ),
    "NotFound": ('{{"error":{{"code":"ResourceNotFound","message":"The Resource under \'{scope}\' was not found."}}}}'),
}
"""What the answer says, by status."""


def phases(operation: str) -> tuple[str, ...]:
    """The phases of an operation that goes well.

    Examples
    --------
    >>> phases("Microsoft.Compute/disks/write"), phases("Microsoft.Storage/storageAccounts/listKeys/action")
    (('Start', 'Accept', 'Success'), ('Start', 'Success'))
    """
    name = operation.lower()
    return ACCEPTED if name.startswith(SLOW) and not name.endswith(SYNCHRONOUS) else DONE


def outcome(phase: str, names: Sequence[str], operation: str, failure: str) -> tuple[str, str]:
    """Result signature and HTTP status of a phase; the end of what took its time has none.

    Examples
    --------
    >>> outcome("Success", DONE, "Microsoft.Authorization/roleAssignments/write", "")
    ('Succeeded.Created', 'Created')
    """
    if phase == "Start":
        return "Started.", ""
    if phase == "Failure":
        return f"Failed.{failure}", failure
    if phase == "Accept":
        status = "Created" if operation.lower().endswith(CREATED) else "Accepted"
        return f"Accepted.{status}", status
    if len(names) > 2:
        return "Succeeded.", ""
    status = "Created" if operation.lower().endswith(CREATED) else "OK"
    return f"Succeeded.{status}", status
