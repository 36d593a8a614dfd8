"""The Pod Security Standard `restricted`, as the Kubernetes documentation lists its controls."""

from collections.abc import Iterator
from typing import Any

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SECCOMP = {"RuntimeDefault", "Localhost"}
SELINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")

Spec = dict[str, Any]


def violations(pod: Spec) -> list[str]:
    """The controls that a pod's spec does not keep, each by the field that is at fault."""
    return [*_of_the_pod(pod), *(field for one in _containers(pod) for field in _of_a_container(one, pod))]


def _of_the_pod(pod: Spec) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    context = pod.get("securityContext", {})
    if any(sysctl["name"] not in SYSCTLS for sysctl in context.get("sysctls", [])):
        yield "sysctls"
    yield from _of_a_context(context)


def _of_a_container(container: Spec, pod: Spec) -> Iterator[str]:
    context = container.get("securityContext", {})
    inherited = pod.get("securityContext", {}) | context
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if context.get("privileged"):
        yield "privileged"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []) or not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if inherited.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if inherited.get("seccompProfile", {}).get("type") not in SECCOMP:
        yield "seccompProfile"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"
    actions = [container.get(probe, {}) for probe in PROBES] + list(container.get("lifecycle", {}).values())
    if any(action.get(kind, {}).get("host") for action in actions for kind in ("httpGet", "tcpSocket")):
        yield "host of a probe"
    yield from _of_a_context(context)


def _of_a_context(context: Spec) -> Iterator[str]:
    """What pods and containers may both say."""
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type", "") not in SELINUX or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in SECCOMP:
        yield "appArmorProfile"


def _containers(pod: Spec) -> list[Spec]:
    return [one for kind in ("initContainers", "containers", "ephemeralContainers") for one in pod.get(kind, [])]
