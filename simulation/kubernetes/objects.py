"""Bodies of Kubernetes objects as clients send them, defaults included, keys in the order of the Go types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from simulation.json import Json
from simulation.kubernetes.watched import WATCHED


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
    "Binding": Kind("bindings", ""),
    "Certificate": Kind("certificates", "cert-manager.io"),
    "CertificateSigningRequest": Kind("certificatesigningrequests", "certificates.k8s.io"),
    "ClusterRole": Kind("clusterroles", RBAC),
    "ClusterRoleBinding": Kind("clusterrolebindings", RBAC),
    "ConfigMap": Kind("configmaps", ""),
    "CronJob": Kind("cronjobs", "batch"),
    "CustomResourceDefinition": Kind("customresourcedefinitions", "apiextensions.k8s.io"),
    "DaemonSet": Kind("daemonsets", "apps"),
    "Deployment": Kind("deployments", "apps"),
    "EndpointSlice": Kind("endpointslices", "discovery.k8s.io"),
    "Event": Kind("events", ""),
    "events.k8s.io/Event": Kind("events", "events.k8s.io"),
    "HorizontalPodAutoscaler": Kind("horizontalpodautoscalers", "autoscaling", "v2"),
    "Ingress": Kind("ingresses", "networking.k8s.io"),
    "Job": Kind("jobs", "batch"),
    "Lease": Kind("leases", "coordination.k8s.io"),
    "MutatingAdmissionPolicy": Kind("mutatingadmissionpolicies", POLICY, "v1beta1"),
    "MutatingAdmissionPolicyBinding": Kind("mutatingadmissionpolicybindings", POLICY, "v1beta1"),
    "MutatingWebhookConfiguration": Kind("mutatingwebhookconfigurations", POLICY),
    "Namespace": Kind("namespaces", ""),
    "NetworkPolicy": Kind("networkpolicies", "networking.k8s.io"),
    "Node": Kind("nodes", ""),
    "PersistentVolume": Kind("persistentvolumes", ""),
    "PersistentVolumeClaim": Kind("persistentvolumeclaims", ""),
    "Pod": Kind("pods", ""),
    "PodMetrics": Kind("pods", "metrics.k8s.io", "v1beta1"),
    "PodTemplate": Kind("podtemplates", ""),
    "PolicyReport": Kind("policyreports", "wgpolicyk8s.io", "v1alpha2"),
    "PrometheusRule": Kind("prometheusrules", "monitoring.coreos.com"),
    "ReplicaSet": Kind("replicasets", "apps"),
    "ReplicationController": Kind("replicationcontrollers", ""),
    "ResourceClaimTemplate": Kind("resourceclaimtemplates", "resource.k8s.io"),
    "ResourceQuota": Kind("resourcequotas", ""),
    "Role": Kind("roles", RBAC),
    "RoleBinding": Kind("rolebindings", RBAC),
    "ScaledObject": Kind("scaledobjects", "keda.sh", "v1alpha1"),
    "Secret": Kind("secrets", ""),
    "SelfSubjectAccessReview": Kind("selfsubjectaccessreviews", "authorization.k8s.io"),
    "SelfSubjectRulesReview": Kind("selfsubjectrulesreviews", "authorization.k8s.io"),
    "Service": Kind("services", ""),
    "ServiceAccount": Kind("serviceaccounts", ""),
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
    **{name: Kind(*found) for name, found in WATCHED.items()},
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
METADATA_ORDER = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip


def ordered(metadata: Mapping[str, Any]) -> Json:
    """Metadata with its keys in the API's order, absent ones left out."""
    return {key: metadata[key] for key in METADATA_ORDER if metadata.get(key)}


def body(kind: str, name: str, namespace: str = "", /, *, meta: Mapping[str, Any] = {}, **parts: Any) -> Json:
    """An object with its kind, its metadata and its other parts."""
    metadata = ordered({"name": name, "namespace": namespace, **meta})
    return {"kind": kind, "apiVersion": KINDS[kind].api, "metadata": metadata, **parts}


def present(**fields: Any) -> Json:
    """The fields that have a value."""
    return {key: value for key, value in fields.items() if value not in (None, "", [], (), {})}


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


def deployment(namespace: str, name: str, spec: Json, *, replicas: int = 2, meta: Mapping[str, Any] = {}) -> Json:
    """A Deployment whose label `app` is its name."""
    labels = {"app": name}
    return body(
        "Deployment",
        name,
        namespace,
        meta={"labels": labels, **meta},
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
        status={},
    )


def daemon_set(namespace: str, name: str, labels: Json, spec: Json) -> Json:
    """A DaemonSet."""
    return body(
        "DaemonSet",
        name,
        namespace,
        meta={"labels": labels, "annotations": {"deprecated.daemonset.template.generation": "0"}},
        spec={
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "revisionHistoryLimit": 10,
        },
        status=dict.fromkeys(
            ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0
        ),
    )


def stateful_set(namespace: str, name: str, spec: Json, *, replicas: int = 1) -> Json:
    """A StatefulSet whose label `app` is its name."""
    labels = {"app": name}
    return body(
        "StatefulSet",
        name,
        namespace,
        meta={"labels": labels},
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            "serviceName": name,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 10,
        },
        status={"replicas": 0, "availableReplicas": 0},
    )


def job_spec(spec: Json) -> Json:
    """The part of a Job that runs one pod once."""
    return {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 2,
        "manualSelector": False,
        "template": {"metadata": {}, "spec": spec},
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


def role(kind: str, namespace: str, name: str, *rules: tuple[Sequence[str], str, Sequence[str]]) -> Json:
    """A Role or ClusterRole; a rule is verbs, API group, resources."""
    written = [{"verbs": list(verbs), "apiGroups": [group], "resources": list(kinds)} for verbs, group, kinds in rules]
    return body(kind, name, namespace, rules=written)


def binding(kind: str, namespace: str, name: str, subject: Json, role_kind: str, role_name: str) -> Json:
    """A RoleBinding or ClusterRoleBinding."""
    reference = {"apiGroup": RBAC, "kind": role_kind, "name": role_name}
    return body(kind, name, namespace, subjects=[subject], roleRef=reference)


def event(component: str, regarding: Json, reason: str, message: str, *, stamp: str, mark: str, host: str = "") -> Json:
    """An Event (core/v1) about an object of the cluster; `mark` ends its name, `stamp` is its time."""
    meta = regarding["metadata"]
    reference = {
        "kind": regarding["kind"],
        **present(namespace=meta.get("namespace"), name=meta["name"], uid=meta["uid"]),
        "apiVersion": regarding["apiVersion"],
        "resourceVersion": meta["resourceVersion"],
    }
    return {
        **body("Event", f"{meta['name']}.{mark}", meta.get("namespace", "default")),
        "involvedObject": reference,
        "reason": reason,
        "message": message,
        "source": present(component=component, host=host),
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": host,
    }


def owner(parent: Json) -> list[Json]:
    """The reference from what a controller made to what it made it for."""
    reference = {"apiVersion": parent["apiVersion"], "kind": parent["kind"]}
    named = {"name": parent["metadata"]["name"], "uid": parent["metadata"]["uid"]}
    return [{**reference, **named, "controller": True, "blockOwnerDeletion": True}]


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


def stored(sent: Json, *, name: str, uid: str, version: str, created: str) -> Json:
    """An object as the server keeps it after its creation, managed fields aside."""
    counted = {"generation": 1} if sent["kind"] in COUNTED else {}
    known = {"name": name, "uid": uid, "resourceVersion": version, "creationTimestamp": created, **counted}
    return {**sent, "metadata": ordered({**sent["metadata"], **known})}
