"""The system daemons that are trusted from the start: data, by image repository and path.

The paths are what such daemons are known to mount; a release that mounts another is reported until it is listed.
A mirror in a registry of one's own is a setting.
"""

from __future__ import annotations

import functools

from detectors.audit.images import TrustedImage, TrustedImages

KUBE_SYSTEM = ("kube-system",)
MIRRORS = (
    "registry.k8s.io",
    "mcr.microsoft.com/oss/kubernetes",
    "mcr.microsoft.com/oss/v2/kubernetes",
    "gke.gcr.io",
)
CSI = (
    "registry.k8s.io/sig-storage",
    "mcr.microsoft.com/oss/kubernetes-csi",
    "mcr.microsoft.com/oss/v2/kubernetes-csi",
    "public.ecr.aws/eks-distro/kubernetes-csi",
    "public.ecr.aws/ebs-csi-driver",
    "public.ecr.aws/efs-csi-driver",
    "eks.amazon/eks",
    "gke.gcr.io",
)
PKI = ("/etc/kubernetes", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki", "/usr/share/ca-certificates")
CNI = (
    "/etc/cni/net.d",
    "/opt/cni/bin",
    "/var/log",
    "/var/run",
    "/run",
    "/lib/modules",
    "/proc",
    "/sys/fs/bpf",
    "/sys/fs/cgroup",
)
LOGS = ("/var/log", "/var/lib/docker/containers", "/run/log/journal", "/etc/machine-id")
INSPECTED = ("/boot", "/dev", "/etc", "/lib/modules", "/proc", "/usr", "/var/run", "/run", "/sys")
KUBELET = ("/var/lib/kubelet", "/dev", "/sys", "/run/udev", "/etc/iscsi", "/etc/nvme")


def _trusted(
    registries: tuple[str, ...],
    names: str,
    paths: tuple[str, ...],
    *,
    privileged: bool = False,
    any_program: bool = False,
) -> list[TrustedImage]:
    """Each name in each registry: its paths count everywhere, all else in kube-system only."""
    found = []
    for repository in (f"{registry}/{name}" for registry in registries for name in names.split()):
        if paths:
            found.append(TrustedImage(repository=repository, paths=paths))
        if privileged or any_program:
            here = TrustedImage(
                repository=repository,
                paths=paths,
                privileged=privileged,
                any_program=any_program,
                namespaces=KUBE_SYSTEM,
            )
            found.append(here)
    return found


def _in_kube_system(images: list[TrustedImage]) -> list[TrustedImage]:
    return [entry.model_copy(update={"namespaces": KUBE_SYSTEM}) for entry in images]


CONTROL_PLANE = _in_kube_system(
    [
        *_trusted(
            MIRRORS, "kube-apiserver kube-scheduler kube-controller-manager", (*PKI, "/usr/local/share/ca-certificates")
        ),
        *_trusted(MIRRORS, "kube-controller-manager", ("/usr/libexec/kubernetes/kubelet-plugins/volume/exec",)),
        *_trusted(MIRRORS, "etcd", ("/etc/kubernetes/pki/etcd", "/var/lib/etcd")),
        *_trusted(
            (*MIRRORS, "eks.amazon/eks"),
            "kube-proxy kube-proxy-amd64",
            (
                "/lib/modules",
                "/run/xtables.lock",
                "/var/log",
                "/usr/share/ca-certificates",
                "/etc/sysctl.d",
                "/var/lib/kube-proxy",
            ),
            privileged=True,
            any_program=True,
        ),
        *_trusted(MIRRORS, "cloud-node-manager azure-cloud-node-manager azure-cloud-controller-manager", PKI),
        *_trusted(("registry.k8s.io/dns", "gke.gcr.io"), "k8s-dns-node-cache", ("/run/xtables.lock",), privileged=True),
    ]
)
NETWORK = [
    *_trusted(
        ("quay.io/cilium", "docker.io/cilium", "gke.gcr.io/cilium", "mcr.microsoft.com/oss/cilium"),
        "cilium",
        CNI,
        privileged=True,
        any_program=True,
    ),
    *_trusted(
        ("quay.io/calico", "docker.io/calico", "mcr.microsoft.com/oss/calico"),
        "node cni pod2daemon-flexvol",
        (*CNI, "/sys/fs", "/usr/libexec/kubernetes"),
        privileged=True,
    ),
    *_trusted(
        ("docker.io/flannel", "ghcr.io/flannel-io", "quay.io/coreos", "docker.io/rancher"),
        "flannel flannel-cni-plugin mirrored-flannelcni-flannel",
        CNI,
        privileged=True,
    ),
    *_trusted(("docker.io/kindest",), "kindnetd", CNI),
    *_trusted(
        ("eks.amazon",), "amazon-k8s-cni amazon-k8s-cni-init amazon/aws-network-policy-agent", CNI, privileged=True
    ),
    *_trusted(
        ("mcr.microsoft.com/containernetworking", "mcr.microsoft.com/containernetworking/v2"),
        "azure-cns azure-cni azure-npm azure-ipam cni-dropgz",
        (*CNI, "/etc/kubernetes"),
        privileged=True,
    ),
    *_trusted(("mcr.microsoft.com/containernetworking/cilium",), "cilium", CNI, privileged=True, any_program=True),
    *_trusted(("gke.gcr.io",), "netd-amd64 ip-masq-agent", (*CNI, "/etc"), privileged=True, any_program=True),
    *_trusted(("ghcr.io/k8snetworkplumbingwg",), "multus-cni", CNI, privileged=True, any_program=True),
    *_trusted(("docker.io/istio", "gcr.io/istio-release", "registry.istio.io/release"), "install-cni ztunnel", CNI),
    *_trusted(("cr.l5d.io/linkerd",), "cni-plugin", CNI),
    *_trusted(("eks.amazon/eks",), "eks-pod-identity-agent", (), privileged=True),
]
STORAGE = [
    *_trusted(
        CSI,
        "azuredisk-csi azurefile-csi blob-csi aws-ebs-csi-driver aws-efs-csi-driver"
        " gcp-compute-persistent-disk-csi-driver gcp-filestore-csi-driver nfsplugin smbplugin secrets-store/driver",
        (*KUBELET, "/etc/kubernetes", "/usr/bin", "/var/run", "/run", "/var/lib/csi-node-driver-registrar"),
        privileged=True,
    ),
    *_trusted(CSI, "csi-node-driver-registrar livenessprobe", ("/var/lib/kubelet",), privileged=True),
    *_trusted(("docker.io/amazon",), "aws-efs-csi-driver aws-ebs-csi-driver", KUBELET, privileged=True),
    *_trusted(
        ("registry.k8s.io/cloud-provider-gcp",), "gcp-compute-persistent-disk-csi-driver", KUBELET, privileged=True
    ),
    *_trusted(
        ("registry.k8s.io/csi-secrets-store", "mcr.microsoft.com/oss/azure/secrets-store"),
        "driver provider-azure",
        ("/var/lib/kubelet", "/var/run/secrets-store-csi-providers"),
        privileged=True,
    ),
    *_trusted(
        ("docker.io/longhornio",),
        "longhorn-manager longhorn-instance-manager",
        ("/dev", "/proc", "/var/lib/kubelet", "/etc", "/run", "/sys", "/boot"),
    ),
    *_trusted(("quay.io/cephcsi", "docker.io/rook"), "cephcsi ceph", (*KUBELET, "/lib/modules", "/run/mount")),
]
OBSERVERS = [
    *_trusted(
        ("quay.io/prometheus", "docker.io/prom", "quay.io/bitnami", "docker.io/bitnami"),
        "node-exporter",
        ("/", "/proc", "/sys", "/run/systemd", "/var/run/dbus"),
    ),
    *_trusted(
        ("gcr.io/cadvisor", "ghcr.io/google"),
        "cadvisor",
        ("/", "/var/run", "/run", "/sys", "/var/lib/docker", "/var/lib/containerd", "/dev/disk"),
    ),
    *_trusted(
        ("docker.io/fluent", "cr.fluentbit.io/fluent", "gke.gcr.io", "public.ecr.aws/aws-observability"),
        "fluent-bit fluentd fluentd-kubernetes-daemonset aws-for-fluent-bit fluent-bit-gke-exporter",
        (*LOGS, "/var/lib/docker", "/var/lib/containerd"),
    ),
    *_trusted(("docker.io/timberio",), "vector", (*LOGS, "/var/lib", "/proc", "/sys")),
    *_trusted(("docker.io/grafana",), "promtail alloy agent", (*LOGS, "/run/promtail", "/var/lib/docker")),
    *_trusted(
        ("docker.elastic.co/beats",),
        "filebeat metricbeat auditbeat elastic-agent",
        ("/", *LOGS, "/proc", "/sys", "/etc", "/var/run", "/var/lib", "/run"),
    ),
    *_trusted(
        ("docker.io/otel", "ghcr.io/open-telemetry/opentelemetry-collector-releases"),
        "opentelemetry-collector-contrib opentelemetry-collector-k8s",
        ("/", *LOGS),
    ),
    *_trusted(
        ("gcr.io/datadoghq", "public.ecr.aws/datadog", "docker.io/datadog"),
        "agent",
        (
            "/proc",
            "/sys",
            "/var/run",
            "/run",
            "/etc/passwd",
            "/etc/group",
            "/etc/os-release",
            *LOGS,
            "/var/lib/docker",
            "/var/lib/containerd",
        ),
        any_program=True,
    ),
    *_trusted(
        ("mcr.microsoft.com/azuremonitor",),
        "containerinsights/ciprod containerinsights/ciprod/prometheus-collector/images",
        (
            "/",
            *LOGS,
            "/etc/kubernetes",
            "/var/run",
            "/run",
            "/etc/mdsd.d",
            "/usr/share/ca-certificates",
            "/etc/ssl/certs",
        ),
        privileged=True,
    ),
    *_trusted(
        ("registry.k8s.io/node-problem-detector",),
        "node-problem-detector",
        (*LOGS, "/dev/kmsg", "/etc/localtime"),
        any_program=True,
    ),
]
SECURITY = [
    *_trusted(
        ("quay.io/cilium",),
        "tetragon tetragon-rthooks",
        ("/sys", "/proc", "/var/run", "/run", "/var/lib", "/dev", "/opt/cni"),
        privileged=True,
    ),
    *_trusted(
        ("docker.io/falcosecurity", "public.ecr.aws/falcosecurity"),
        "falco falco-no-driver falco-driver-loader falco-driver-loader-legacy",
        INSPECTED,
    ),
    *_trusted(
        ("docker.io/aquasec", "ghcr.io/aquasecurity"),
        "tracee kube-bench",
        ("/", *INSPECTED, "/var/lib", "/opt/cni", "/lib/systemd"),
    ),
    *_trusted(
        ("mcr.microsoft.com/azuredefender/stable",),
        "low-level-collector low-level-init pod-collector security-publisher old-file-cleaner",
        ("/", *INSPECTED, "/var/log"),
        privileged=True,
    ),
    *_trusted(
        ("quay.io/kubescape",),
        "node-agent host-scanner",
        ("/", "/proc", "/sys", "/var/run", "/run", "/boot", "/lib/modules", "/var/lib"),
    ),
]
DEVICES = [
    *_trusted(
        ("nvcr.io/nvidia", "mcr.microsoft.com/oss/nvidia", "registry.k8s.io"),
        "k8s-device-plugin",
        ("/var/lib/kubelet/device-plugins", "/dev", "/run/nvidia", "/var/run/cdi"),
        privileged=True,
    ),
    *_trusted(
        ("gke.gcr.io",),
        "nvidia-gpu-device-plugin",
        ("/var/lib/kubelet/device-plugins", "/dev", "/home/kubernetes/bin/nvidia"),
        privileged=True,
    ),
    *_trusted(
        ("registry.k8s.io/nfd",),
        "node-feature-discovery",
        (
            "/boot",
            "/etc/os-release",
            "/etc/kubernetes/node-feature-discovery",
            "/sys",
            "/lib",
            "/usr/lib",
            "/usr/src",
            "/proc",
        ),
    ),
]
DAEMONS = (*CONTROL_PLANE, *NETWORK, *STORAGE, *OBSERVERS, *SECURITY, *DEVICES)


@functools.cache
def daemons(more: tuple[TrustedImage, ...]) -> TrustedImages:
    """All of the above, and those of a detector's parameters."""
    return TrustedImages((*DAEMONS, *more))
