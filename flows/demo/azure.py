"""What Azure sends through Event Hubs: a cluster's diagnostic records, and the Activity log."""

from __future__ import annotations

from flows.demo.apiserver import go_json
from flows.demo.fields import Json
from flows.demo.invented import hexadecimal, micro_time, number, uuid

SUBSCRIPTION = uuid("subscription")
TENANT = uuid("tenant")
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop-prod"
CLUSTER = "prod-weu-1"
CLUSTER_ID = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/{CLUSTER}"
NODE_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_rg-shop-prod_{CLUSTER}_westeurope"
LOG_BYTES = 16_384
"""Where the platform cuts a log."""
PODS = {
    "cluster-autoscaler": "cluster-autoscaler-6f5d8c7b9d-q4wlx",
    "guard": "guard-5c8f7d6b94-9mzkt",
    "kube-controller-manager": "kube-controller-manager-7b6c9d5f8-tt2hv",
}
KLOG = {
    "cluster-autoscaler": 'I0914 {clock}       1 static_autoscaler.go:598] "No unschedulable pods" nodes=4',
    "guard": 'I0914 {clock}       1 server.go:212] "TokenReview authenticated" user="{user}" latency="{latency}ms"',
    "kube-controller-manager": (
        'I0914 {clock}       1 garbagecollector.go:787] "Deleted object" logger="garbage-collector-controller" '
        'item="[apps/v1/ReplicaSet, namespace: shop, name: storefront-{latency}]"'
    ),
}


def diagnostic(category: str, at: int, log: str, pod: str) -> Json:
    """One diagnostic record; a log longer than the platform's limit is cut."""
    cut = log.encode()[:LOG_BYTES].decode(errors="ignore")
    return {
        "Cloud": "AzureCloud",
        "Environment": "prod",
        "UnderlayClass": "hcp-underlay",
        "UnderlayName": "hcp-underlay-westeurope-cx-41",
        "category": category,
        "ccpNamespace": hexadecimal(24, "control plane"),
        "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        "properties": {
            "containerID": hexadecimal(64, "control plane", pod),
            "log": cut,
            "pod": pod,
            "stream": "stderr" if category in KLOG else "stdout",
        },
        "resourceId": CLUSTER_ID.upper(),
        "serviceBuild": "na",
        "time": f"{micro_time(at)[:-1]}{number(0, 999, 'record', at):03d}Z",
    }


def audit_record(at: int, entry: Json, category: str = "kube-audit") -> Json:
    """An audit event as the platform wraps it."""
    return diagnostic(category, at, go_json(entry) + "\n", "kube-apiserver-6d9b7c5c8f-x7l2m")


def klog_record(category: str, at: int) -> Json:
    """A line of another part of the control plane."""
    clock = micro_time(at)[11:-1]
    line = KLOG[category].format(clock=clock, user="maria.alvarez@contoso.example", latency=number(3, 90, "klog", at))
    return diagnostic(category, at, line + "\n", PODS[category])


def batches(records: list[Json]) -> list[Json]:
    """The records in messages as the platform sends them: a few together."""
    messages = []
    while records:
        size = number(4, 18, "batch", len(records))
        messages.append({"records": records[:size]})
        records = records[size:]
    return messages


def activity(
    at: int, operation: str, scope: str, identity: str, *, address: str, role: str, results: tuple[str, ...]
) -> list[tuple[int, Json]]:
    """All phases of one operation by a managed identity of the cluster, each with its time."""
    correlation = uuid("correlation", at, operation)
    records = []
    for place, result in enumerate(results):
        time = at + place * 1_700_000
        signature = {"Start": "Started.", "Accept": "Accepted.Accepted", "Success": "Succeeded.OK"}[result]
        record = {
            "RoleLocation": "West Europe",
            "time": f"{micro_time(time)[:-1]}0Z",
            "resourceId": f"{scope}".upper(),
            "operationName": operation.upper(),
            "category": "Administrative",
            "resultType": result,
            "resultSignature": signature,
            "durationMs": "0" if place == 0 else str(number(80, 1900, "duration", time)),
            "callerIpAddress": address,
            "correlationId": correlation,
            "identity": {
                "authorization": _authorization(operation, scope, identity, role),
                "claims": _claims(identity, at),
            },
            "level": "Information",
            "properties": {"eventCategory": "Administrative", "entity": scope, "message": operation},
        }
        records.append((time, record))
    return records


def _authorization(operation: str, scope: str, identity: str, role: str) -> Json:
    evidence = {
        "role": role,
        "roleAssignmentScope": scope.rpartition("/providers/")[0],
        "roleAssignmentId": hexadecimal(32, "assignment", identity, role),
        "roleDefinitionId": hexadecimal(32, "definition", role),
        "principalId": hexadecimal(32, "principal", identity),
        "principalType": "ServicePrincipal",
    }
    return {"scope": scope, "action": operation, "evidence": evidence}


def _claims(identity: str, at: int) -> Json:
    resource = f"{NODE_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}"
    issued = at // 1_000_000 - 900
    return {
        "aud": "https://management.azure.com/",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": str(issued),
        "nbf": str(issued),
        "exp": str(issued + 86_700),
        "appid": uuid("application", identity),
        "appidacr": "2",
        "http://schemas.microsoft.com/identity/claims/identityprovider": f"https://sts.windows.net/{TENANT}/",
        "idtyp": "app",
        "http://schemas.microsoft.com/identity/claims/objectidentifier": uuid("object id", identity),
        "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
        "ver": "1.0",
        "xms_mirid": CLUSTER_ID if identity == CLUSTER else resource,
    }
