"""Kinds of objects, and where the API has them."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """Where a kind of object is found in the API."""

    resource: str
    group: str
    version: str = "v1"

    @property
    def api(self) -> str:
        """Group and version as in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version


RBAC = "rbac.authorization.k8s.io"
POLICY = "admissionregistration.k8s.io"
KINDS = {
    "APIService": Kind("apiservices", "apiregistration.k8s.io"),
    "Application": Kind("applications", "argoproj.io", "v1alpha1"),
    "AppProject": Kind("appprojects", "argoproj.io", "v1alpha1"),
    "BGPPeer": Kind("bgppeers", "crd.projectcalico.org"),
    "Binding": Kind("bindings", ""),
    "Certificate": Kind("certificates", "cert-manager.io"),
    "CertificateRequest": Kind("certificaterequests", "cert-manager.io"),
    "CertificateSigningRequest": Kind("certificatesigningrequests", "certificates.k8s.io"),
    "Challenge": Kind("challenges", "acme.cert-manager.io"),
    "CiliumEndpoint": Kind("ciliumendpoints", "cilium.io", "v2"),
    "CiliumIdentity": Kind("ciliumidentities", "cilium.io", "v2"),
    "CiliumNode": Kind("ciliumnodes", "cilium.io", "v2"),
    "ClusterInformation": Kind("clusterinformations", "crd.projectcalico.org"),
    "ClusterIssuer": Kind("clusterissuers", "cert-manager.io"),
    "ClusterRole": Kind("clusterroles", RBAC),
    "ClusterRoleBinding": Kind("clusterrolebindings", RBAC),
    "CNINode": Kind("cninodes", "vpcresources.k8s.aws", "v1alpha1"),
    "ConfigMap": Kind("configmaps", ""),
    "ControllerRevision": Kind("controllerrevisions", "apps"),
    "CronJob": Kind("cronjobs", "batch"),
    "CSIDriver": Kind("csidrivers", "storage.k8s.io"),
    "CSINode": Kind("csinodes", "storage.k8s.io"),
    "CSIStorageCapacity": Kind("csistoragecapacities", "storage.k8s.io"),
    "CustomResourceDefinition": Kind("customresourcedefinitions", "apiextensions.k8s.io"),
    "DaemonSet": Kind("daemonsets", "apps"),
    "Deployment": Kind("deployments", "apps"),
    "Endpoints": Kind("endpoints", ""),
    "EndpointSlice": Kind("endpointslices", "discovery.k8s.io"),
    "ENIConfig": Kind("eniconfigs", "crd.k8s.amazonaws.com", "v1alpha1"),
    "Event": Kind("events", ""),
    "events.k8s.io/Event": Kind("events", "events.k8s.io"),
    "FelixConfiguration": Kind("felixconfigurations", "crd.projectcalico.org"),
    "FlowSchema": Kind("flowschemas", "flowcontrol.apiserver.k8s.io"),
    "GlobalNetworkPolicy": Kind("globalnetworkpolicies", "crd.projectcalico.org"),
    "HorizontalPodAutoscaler": Kind("horizontalpodautoscalers", "autoscaling", "v2"),
    "Ingress": Kind("ingresses", "networking.k8s.io"),
    "IngressClass": Kind("ingressclasses", "networking.k8s.io"),
    "IPAddress": Kind("ipaddresses", "networking.k8s.io"),
    "IPPool": Kind("ippools", "crd.projectcalico.org"),
    "Issuer": Kind("issuers", "cert-manager.io"),
    "Job": Kind("jobs", "batch"),
    "Lease": Kind("leases", "coordination.k8s.io"),
    "LimitRange": Kind("limitranges", ""),
    "MutatingAdmissionPolicy": Kind("mutatingadmissionpolicies", POLICY, "v1beta1"),
    "MutatingAdmissionPolicyBinding": Kind("mutatingadmissionpolicybindings", POLICY, "v1beta1"),
    "MutatingWebhookConfiguration": Kind("mutatingwebhookconfigurations", POLICY),
    "Namespace": Kind("namespaces", ""),
    "NetworkPolicy": Kind("networkpolicies", "networking.k8s.io"),
    "Node": Kind("nodes", ""),
    "NodeMetrics": Kind("nodes", "metrics.k8s.io", "v1beta1"),
    "NodeNetworkConfig": Kind("nodenetworkconfigs", "acn.azure.com", "v1alpha"),
    "Order": Kind("orders", "acme.cert-manager.io"),
    "PersistentVolume": Kind("persistentvolumes", ""),
    "PersistentVolumeClaim": Kind("persistentvolumeclaims", ""),
    "Pod": Kind("pods", ""),
    "PodDisruptionBudget": Kind("poddisruptionbudgets", "policy"),
    "PodMetrics": Kind("pods", "metrics.k8s.io", "v1beta1"),
    "PodMonitor": Kind("podmonitors", "monitoring.coreos.com"),
    "PodTemplate": Kind("podtemplates", ""),
    "PolicyReport": Kind("policyreports", "wgpolicyk8s.io", "v1alpha2"),
    "PriorityClass": Kind("priorityclasses", "scheduling.k8s.io"),
    "PriorityLevelConfiguration": Kind("prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io"),
    "Prometheus": Kind("prometheuses", "monitoring.coreos.com"),
    "PrometheusRule": Kind("prometheusrules", "monitoring.coreos.com"),
    "ReplicaSet": Kind("replicasets", "apps"),
    "ReplicationController": Kind("replicationcontrollers", ""),
    "ResourceClaim": Kind("resourceclaims", "resource.k8s.io"),
    "ResourceClaimTemplate": Kind("resourceclaimtemplates", "resource.k8s.io"),
    "ResourceQuota": Kind("resourcequotas", ""),
    "ResourceSlice": Kind("resourceslices", "resource.k8s.io"),
    "Role": Kind("roles", RBAC),
    "RoleBinding": Kind("rolebindings", RBAC),
    "RuntimeClass": Kind("runtimeclasses", "node.k8s.io"),
    "ScaledObject": Kind("scaledobjects", "keda.sh", "v1alpha1"),
    "Secret": Kind("secrets", ""),
    "SelfSubjectAccessReview": Kind("selfsubjectaccessreviews", "authorization.k8s.io"),
    "SelfSubjectRulesReview": Kind("selfsubjectrulesreviews", "authorization.k8s.io"),
    "Service": Kind("services", ""),
    "ServiceAccount": Kind("serviceaccounts", ""),
    "ServiceCIDR": Kind("servicecidrs", "networking.k8s.io"),
    "ServiceMonitor": Kind("servicemonitors", "monitoring.coreos.com"),
    "StatefulSet": Kind("statefulsets", "apps"),
    "StorageClass": Kind("storageclasses", "storage.k8s.io"),
    "SubjectAccessReview": Kind("subjectaccessreviews", "authorization.k8s.io"),
    "TokenReview": Kind("tokenreviews", "authentication.k8s.io"),
    "ValidatingAdmissionPolicy": Kind("validatingadmissionpolicies", POLICY),
    "ValidatingAdmissionPolicyBinding": Kind("validatingadmissionpolicybindings", POLICY),
    "ValidatingWebhookConfiguration": Kind("validatingwebhookconfigurations", POLICY),
    "VolumeAttachment": Kind("volumeattachments", "storage.k8s.io"),
    "VolumeAttributesClass": Kind("volumeattributesclasses", "storage.k8s.io"),
}
"""Kinds that somebody asks for; `Prefix/Kind` tells two kinds of one name apart."""
COUNTED = frozenset(
    {
        "CronJob", "DaemonSet", "Deployment", "EndpointSlice", "HorizontalPodAutoscaler", "Ingress", "Job",
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Pod",
        "ReplicaSet", "StatefulSet", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)  # fmt: skip
"""Kinds whose objects have a generation."""
