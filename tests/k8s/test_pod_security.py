"""The check of the Pod Security Standard finds what it should, so that its silence means something."""

import copy
from typing import Any

import pytest

from tests.k8s.pod_security import violations

CONTAINER = {
    "name": "one",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
POD = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 7, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}


def test_a_restricted_pod_is_quiet() -> None:
    assert violations(POD) == []


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        ("hostNetwork", True, "hostNetwork"),
        ("volumes", [{"name": "host", "hostPath": {"path": "/"}}], "volume host"),
        ("securityContext.runAsUser", 0, "runAsUser"),
        ("securityContext.runAsNonRoot", False, "runAsNonRoot"),
        ("securityContext.seccompProfile", {"type": "Unconfined"}, "seccompProfile"),
        ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], "sysctls"),
        ("securityContext.seLinuxOptions", {"type": "spc_t"}, "seLinuxOptions"),
        ("securityContext.appArmorProfile", {"type": "Unconfined"}, "appArmorProfile"),
        ("containers.0.securityContext.privileged", True, "privileged"),
        ("containers.0.securityContext.allowPrivilegeEscalation", None, "allowPrivilegeEscalation"),
        ("containers.0.securityContext.capabilities", {}, "capabilities"),
        ("containers.0.securityContext.capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}, "capabilities"),
        ("containers.0.securityContext.runAsNonRoot", False, "runAsNonRoot"),
        ("containers.0.securityContext.procMount", "Unmasked", "procMount"),
        ("containers.0.ports", [{"containerPort": 1, "hostPort": 1}], "hostPort"),
        ("containers.0.livenessProbe", {"httpGet": {"host": "192.0.2.1", "port": 1}}, "host of a probe"),
        ("initContainers", [{"name": "two"}], "capabilities"),
    ],
)
def test_what_is_not_restricted_is_found(place: str, value: Any, found: str) -> None:
    pod: Any = copy.deepcopy(POD)
    *path, last = place.split(".")
    at = pod
    for part in path:
        at = at[int(part)] if isinstance(at, list) else at[part]
    at[last] = value
    assert found in violations(pod)
