"""Images that platforms run in kube-system: data, by anchored patterns of repositories.

Source: general knowledge of what the platforms and their installers publish and run there (AKS, EKS, GKE,
kubeadm with the usual networks, kind, minikube, k3s and RKE2), not a list that they give. An entry that ends in
a slash is a folder: all in it counts but for tools that do what they are told. Others are compared whole.
"""

from __future__ import annotations

import functools
import re

from detectors.audit.images import repository

AKS = (
    "mcr.microsoft.com/aks/",
    "mcr.microsoft.com/azure-application-gateway/",
    "mcr.microsoft.com/azure-policy/",
    "mcr.microsoft.com/azuredefender/",
    "mcr.microsoft.com/azuremonitor/",
    "mcr.microsoft.com/containernetworking/",
    "mcr.microsoft.com/oss/azure/",
    "mcr.microsoft.com/oss/calico/",
    "mcr.microsoft.com/oss/cilium/",
    "mcr.microsoft.com/oss/eraser/",
    "mcr.microsoft.com/oss/kedacore/",
    "mcr.microsoft.com/oss/kubernetes/",
    "mcr.microsoft.com/oss/kubernetes-csi/",
    "mcr.microsoft.com/oss/nvidia/",
    "mcr.microsoft.com/oss/open-policy-agent/",
    "mcr.microsoft.com/oss/tigera/",
    "mcr.microsoft.com/oss/v2/azure/",
    "mcr.microsoft.com/oss/v2/calico/",
    "mcr.microsoft.com/oss/v2/cilium/",
    "mcr.microsoft.com/oss/v2/eraser/",
    "mcr.microsoft.com/oss/v2/kedacore/",
    "mcr.microsoft.com/oss/v2/kubernetes/",
    "mcr.microsoft.com/oss/v2/kubernetes-csi/",
    "mcr.microsoft.com/oss/v2/nvidia/",
    "mcr.microsoft.com/oss/v2/open-policy-agent/",
    "mcr.microsoft.com/oss/v2/tigera/",
)
EKS = (
    "eks.amazon/",
    "public.ecr.aws/aws-secrets-manager/",
    "public.ecr.aws/ebs-csi-driver/",
    "public.ecr.aws/efs-csi-driver/",
    "public.ecr.aws/eks/",
    "public.ecr.aws/eks-distro/",
    "public.ecr.aws/karpenter/",
)
"""The first is how `repository` writes the regional registries of EKS."""
GKE = ("gke.gcr.io/", "gcr.io/gke-release/")
_GKE_ARTIFACTS = re.compile(r"(?:[a-z]+(?:-[a-z]+[0-9]+)?)-docker\.pkg\.dev/gke-release/.+")
KUBEADM = (
    *(
        f"{registry}/{name}"
        for registry in ("registry.k8s.io", "k8s.gcr.io")
        for name in (
            "addon-resizer",
            "autoscaling/",
            "cloud-pv-vsphere/",
            "cloud-provider-aws/",
            "cloud-provider-gcp/",
            "cloud-provider-vsphere/",
            "coredns",
            "coredns/",
            "cpa/",
            "csi-secrets-store/",
            "dns/",
            "etcd",
            "kas-network-proxy/",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "metrics-server/",
            "nfd/",
            "node-problem-detector/",
            "pause",
            "provider-aws/",
            "provider-os/",
            "sig-storage/",
        )
    ),
    "calico/",
    "cilium/",
    "flannel/",
    "ghcr.io/flannel-io/",
    "gcr.io/k8s-minikube/storage-provisioner",
    "kindest/kindnetd",
    "quay.io/calico/",
    "quay.io/cilium/",
    "quay.io/tigera/",
)
"""What kubeadm, kind and minikube install, the networks that are installed with them, and the project's own add-ons."""
K3S = (
    "rancher/hardened-",
    "rancher/klipper-helm",
    "rancher/klipper-lb",
    "rancher/local-path-provisioner",
    "rancher/mirrored-",
    "rancher/nginx-ingress-controller",
    "rancher/rke2-",
)
"""On Docker Hub. What ends in a hyphen is the beginning of a name. `mirrored-library-busybox` is the only tool among
them: a helper uses it."""
PLATFORMS = (*AKS, *EKS, *GKE, *KUBEADM, *K3S)
TOOLS = re.compile(
    r"(?:mirrored-(?!library-busybox$)[a-z0-9]+-)?"
    r"(?:agnhost|alpine|alpine-.*|bash|.*build-base|busybox|busybox-.*|cli|.*ctl|curl|debian|debian-.*|debug.*"
    r"|distroless.*|git|jessie-dnsutils|json-mock|netperf|netshoot|nettest|node-shell|shell|toolbox|ubuntu|ubuntu-.*)"
)
"""Last parts of repositories that hold no daemon but whatever its caller wants: no folder vouches for them."""


def is_platform_image(image: str, more: tuple[str, ...] = ()) -> bool:
    """Whether a platform runs this image in kube-system, or it is one of `more`, of which all is believed.

    Examples
    --------
    >>> is_platform_image("registry.k8s.io/kube-proxy:v1.34.1"), is_platform_image("evil.example/registry.k8s.io/etcd")
    (True, False)
    >>> is_platform_image("mcr.microsoft.com.evil.example/oss/kubernetes/kube-proxy")
    False
    """
    name = repository(image)
    if name.startswith("eks.amazon/") and image.strip().lower().startswith("eks.amazon"):
        return False
    if _listed(name, more):
        return True
    if "/../" in name:
        return False
    if TOOLS.fullmatch(name.rpartition("/")[2]):
        return False
    return _listed(name, PLATFORMS) or _GKE_ARTIFACTS.fullmatch(name) is not None


def _listed(name: str, entries: tuple[str, ...]) -> bool:
    whole, beginnings = _compiled(entries)
    return name in whole or name.startswith(beginnings)


@functools.lru_cache(maxsize=64)
def _compiled(entries: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Entries as `repository` writes names: those that are compared whole, and those that others begin with."""
    plain = [_normal(entry) for entry in entries]
    return frozenset(plain), tuple(entry for entry in plain if entry.endswith(("/", "-")))


def _normal(entry: str) -> str:
    """`docker.io/rancher/` is `rancher/`."""
    ending = "/" if entry.endswith("/") else ""
    return repository(entry.removesuffix("/") + "/x").removesuffix("x") if ending else repository(entry)
