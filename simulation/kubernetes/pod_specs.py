"""What a pod consists of, as clients send it and as the server admits it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulation.json import Json
from simulation.kubernetes.objects import present


def container(name: str, image: str, **fields: Any) -> Json:
    """A container.

    Fields: `command`, `args`, `port`, `env` (a mapping), `memory`, `mounts` (a mapping from path to volume;
    read-only if the path is listed in `read_only`), `health` (a path), `privileged`.
    """
    mounts = fields.get("mounts", {})
    read_only = fields.get("read_only", ())
    return {
        **present(name=name, image=image, command=fields.get("command"), args=fields.get("args")),
        **present(
            ports=[{"name": "http", "containerPort": fields["port"], "protocol": "TCP"}] if "port" in fields else [],
            env=[{"name": key, "value": value} for key, value in fields.get("env", {}).items()],
        ),
        "resources": _resources(fields.get("memory", "")),
        **present(
            volumeMounts=[
                {"name": volume, **({"readOnly": True} if path in read_only else {}), "mountPath": path}
                for path, volume in mounts.items()
            ],
            readinessProbe=_probe(fields.get("health", "")),
        ),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        **present(securityContext={"privileged": True} if fields.get("privileged") else None),
    }


def _resources(memory: str) -> Json:
    return {"limits": {"memory": memory}, "requests": {"cpu": "50m", "memory": memory}} if memory else {}


def _probe(path: str) -> Json | None:
    if not path:
        return None
    get = {"path": path, "port": "http", "scheme": "HTTP"}
    times = {"timeoutSeconds": 2, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    return {"httpGet": get, **times}


def pod_spec(
    *containers: Json, account: str = "", volumes: Sequence[Json] = (), restart: str = "Always", **fields: Any
) -> Json:
    """The pod's part of a template; more: `initContainers`, `hostNetwork`, `hostPID`, `tolerations`, a priority."""
    return {
        **present(volumes=list(volumes), initContainers=fields.get("initContainers")),
        "containers": list(containers),
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        **present(serviceAccountName=account, serviceAccount=account, hostNetwork=fields.get("hostNetwork")),
        **present(hostPID=fields.get("hostPID")),
        "securityContext": {},
        "schedulerName": "default-scheduler",
        **present(tolerations=fields.get("tolerations"), priorityClassName=fields.get("priorityClassName")),
    }


def host_path(name: str, path: str) -> Json:
    """A volume that is a folder of the node."""
    return {"name": name, "hostPath": {"path": path, "type": ""}}


def admitted(spec: Json, mark: str) -> Json:
    """A pod's spec after admission: the token's volume (of this mark), the account, tolerations, priority are added."""
    volume = f"kube-api-access-{mark}"
    mount = {"name": volume, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    containers = [_mounted(item, mount) for item in spec["containers"]]
    first = [_mounted(item, mount) for item in spec.get("initContainers", ())]
    account = spec.get("serviceAccountName", "default")
    critical = bool(spec.get("priorityClassName"))
    return {
        "volumes": [*spec.get("volumes", []), {"name": volume, "projected": _token_sources()}],
        **present(initContainers=first),
        "containers": containers,
        **{key: spec[key] for key in ("restartPolicy", "terminationGracePeriodSeconds", "dnsPolicy")},
        "serviceAccountName": account,
        "serviceAccount": account,
        **present(nodeName=spec.get("nodeName"), hostNetwork=spec.get("hostNetwork"), hostPID=spec.get("hostPID")),
        "securityContext": {},
        **present(affinity=spec.get("affinity")),
        "schedulerName": "default-scheduler",
        "tolerations": [*spec.get("tolerations", []), *_default_tolerations()],
        **present(priorityClassName=spec.get("priorityClassName")),
        "priority": 2000001000 if critical else 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _mounted(item: Json, mount: Json) -> Json:
    pairs = [(name, value) for name, value in item.items() if name != "volumeMounts"]
    cut = [name for name, _ in pairs].index("resources") + 1
    return dict([*pairs[:cut], ("volumeMounts", [*item.get("volumeMounts", []), mount]), *pairs[cut:]])


def _token_sources() -> Json:
    certificate = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    token = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    return {"sources": [token, {"configMap": certificate}, {"downwardAPI": {"items": [namespace]}}], "defaultMode": 420}


def _default_tolerations() -> list[Json]:
    keys = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    return [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300} for key in keys]
