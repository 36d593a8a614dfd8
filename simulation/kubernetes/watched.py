"""Kinds that programs read and watch, and of which no object is made here: resource, group, version."""

from __future__ import annotations

from collections.abc import Mapping

WATCHED: Mapping[str, tuple[str, str, str]] = {
    "AppProject": ("appprojects", "argoproj.io", "v1alpha1"),
    "BGPPeer": ("bgppeers", "crd.projectcalico.org", "v1"),
    "CNINode": ("cninodes", "vpcresources.k8s.aws", "v1alpha1"),
    "CSIDriver": ("csidrivers", "storage.k8s.io", "v1"),
    "CSINode": ("csinodes", "storage.k8s.io", "v1"),
    "CSIStorageCapacity": ("csistoragecapacities", "storage.k8s.io", "v1"),
    "CertificateRequest": ("certificaterequests", "cert-manager.io", "v1"),
    "Challenge": ("challenges", "acme.cert-manager.io", "v1"),
    "CiliumEndpoint": ("ciliumendpoints", "cilium.io", "v2"),
    "CiliumIdentity": ("ciliumidentities", "cilium.io", "v2"),
    "CiliumNode": ("ciliumnodes", "cilium.io", "v2"),
    "ClusterInformation": ("clusterinformations", "crd.projectcalico.org", "v1"),
    "ClusterIssuer": ("clusterissuers", "cert-manager.io", "v1"),
    "ControllerRevision": ("controllerrevisions", "apps", "v1"),
    "ENIConfig": ("eniconfigs", "crd.k8s.amazonaws.com", "v1alpha1"),
    "Endpoints": ("endpoints", "", "v1"),
    "FelixConfiguration": ("felixconfigurations", "crd.projectcalico.org", "v1"),
    "FlowSchema": ("flowschemas", "flowcontrol.apiserver.k8s.io", "v1"),
    "GlobalNetworkPolicy": ("globalnetworkpolicies", "crd.projectcalico.org", "v1"),
    "IPAddress": ("ipaddresses", "networking.k8s.io", "v1"),
    "IPPool": ("ippools", "crd.projectcalico.org", "v1"),
    "IngressClass": ("ingressclasses", "networking.k8s.io", "v1"),
    "Issuer": ("issuers", "cert-manager.io", "v1"),
    "LimitRange": ("limitranges", "", "v1"),
    "NodeMetrics": ("nodes", "metrics.k8s.io", "v1beta1"),
    "NodeNetworkConfig": ("nodenetworkconfigs", "acn.azure.com", "v1alpha"),
    "Order": ("orders", "acme.cert-manager.io", "v1"),
    "PodDisruptionBudget": ("poddisruptionbudgets", "policy", "v1"),
    "PodMonitor": ("podmonitors", "monitoring.coreos.com", "v1"),
    "PriorityClass": ("priorityclasses", "scheduling.k8s.io", "v1"),
    "PriorityLevelConfiguration": ("prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io", "v1"),
    "Prometheus": ("prometheuses", "monitoring.coreos.com", "v1"),
    "ResourceClaim": ("resourceclaims", "resource.k8s.io", "v1"),
    "ResourceSlice": ("resourceslices", "resource.k8s.io", "v1"),
    "RuntimeClass": ("runtimeclasses", "node.k8s.io", "v1"),
    "ServiceCIDR": ("servicecidrs", "networking.k8s.io", "v1"),
}
