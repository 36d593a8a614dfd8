"""Autoscaling: the controller that reads the pods' metrics, and gives a workload more pods or fewer."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, MILLISECOND, SECOND, is_working_time, second_time
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.conditions import available
from simulation.kubernetes.habits import Asking, begin
from simulation.kubernetes.objects import body, ordered, stored
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life
from simulation.stencil import hole, number

CONTROLLER = "horizontal-pod-autoscaler"
SETTLED = (
    ("AbleToScale", "ReadyForNewScale", "recommended size matches current size"),
    ("ScalingActive", "ValidMetricFound", "the HPA was able to successfully calculate a replica count"),
    ("ScalingLimited", "DesiredWithinRange", "the desired count is within the acceptable range"),
)


@dataclass(eq=False)
class Scaler:
    """A HorizontalPodAutoscaler and its workload."""

    workload: Workload
    object: Json
    most: int


@actor()
def autoscaler(cluster: Cluster, chance: Chance) -> Life:
    """Every fifteen seconds it looks at each workload that may be scaled; now and then it decides."""
    scalers = _scalers(cluster, chance)
    _looks(cluster, chance, scalers)
    while True:
        share = 1.4 if is_working_time(cluster.now) else 0.7
        yield chance.wait(round(HOUR / max(cluster.profile.scalings_per_hour * share, 0.001)))
        scalers[:] = _there(cluster, scalers)
        if not scalers:
            continue
        scaler = chance.pick(scalers)
        now = len(scaler.workload.pods)
        step = chance.pick((1, 1, 1, 2))
        wanted = now + step if chance.happens(0.5) or now < 2 else now - step
        wanted = min(max(wanted, 1), scaler.most)
        if now and wanted != now:
            cluster.start(_scale(cluster, chance, scaler, wanted))


def _scalers(cluster: Cluster, chance: Chance) -> list[Scaler]:
    """One workload of three, or at least one of a team, may be scaled."""
    scalers = []
    for team in cluster.teams:
        found = cluster.workloads_of(team, "Deployment")
        for workload in chance.picks(found, max(len(found) // 3, 1)):
            most = cluster.profile.replicas + chance.between(1, 4)
            sent = body("HorizontalPodAutoscaler", workload.name, team, spec=_spec(workload.name, most))
            sent["status"] = _status(len(workload.pods), 41, cluster.now)
            scalers.append(Scaler(workload, cluster.api.hold(sent, "argocd-controller"), most))
    return scalers


def _there(cluster: Cluster, scalers: list[Scaler]) -> list[Scaler]:
    """Those whose workload is not deleted."""
    known = cluster.workloads
    return [each for each in scalers if (each.workload.namespace, each.workload.name) in known]


def _looks(cluster: Cluster, chance: Chance, scalers: list[Scaler]) -> None:
    """What it reads, and the status that it writes when the use has changed."""
    asking = Asking(cluster, cluster.identities.controller(CONTROLLER), chance)
    name, where = hole("name"), hole("namespace")
    metrics = Target("PodMetrics", where, query=f"labelSelector=app%3D{name}")
    exact = Target("HorizontalPodAutoscaler", where, name, "status", uid=hole("scaler_uid"), version=hole("before"))
    request, response = (_told(version) for version in (hole("before"), hole("version")))
    habits = [
        asking.ask(15 * SECOND, "get", Target("Deployment", where, name, "scale")),
        asking.ask(15 * SECOND, "list", metrics),
        asking.change(60 * SECOND, "update", exact, request=request, response=response),
    ]

    def values(scaler: Scaler) -> dict[str, object]:
        meta = scaler.object["metadata"]
        counted = {"replicas": len(scaler.workload.pods), "most": scaler.most, "use": chance.between(12, 96)}
        about = {"name": scaler.workload.name, "namespace": scaler.workload.namespace}
        return {**about, **counted, "scaler_uid": meta["uid"], "created": meta["creationTimestamp"]}

    begin(cluster, chance, habits, lambda: scalers, values)


def _scale(cluster: Cluster, chance: Chance, scaler: Scaler, replicas: int) -> Life:
    """A decision, and what the other controllers make of it."""
    api, workload = cluster.api, scaler.workload
    client = cluster.identities.controller(CONTROLLER)
    before = len(workload.pods)
    api.record(client, "update", Target("Deployment", workload.namespace, workload.name, "scale"),
               **_scaled(api.next_version(), workload, replicas))  # fmt: skip
    reason = (
        "cpu resource utilization (percentage of request) above target"
        if replicas > before
        else "All metrics below target"
    )
    cluster.tell(CONTROLLER, scaler.object, "SuccessfulRescale", f"New size: {replicas}; reason: {reason}")
    status = _status(replicas, chance.between(20, 95), cluster.now)
    scaler.object = api.update(client, scaler.object, {"status": status}, subresource="status")
    yield 12 * MILLISECOND
    _resize(cluster, workload, before, replicas)
    yield 4 * MILLISECOND
    workload.scale(replicas)
    yield chance.between(2500, 7000) * MILLISECOND
    _settled(cluster, workload)
    cluster.endpoints(workload)


def _resize(cluster: Cluster, workload: Workload, before: int, replicas: int) -> None:
    """The deployment controller writes the new size into the ReplicaSet."""
    author = cluster.identities.controller("deployment-controller")
    if workload.parent is None or workload.parent["kind"] != "ReplicaSet":
        return
    spec = {**workload.parent["spec"], "replicas": replicas}
    workload.parent = cluster.api.update(author, workload.parent, {"spec": spec})
    verb = "Scaled up" if replicas > before else "Scaled down"
    name = workload.parent["metadata"]["name"]
    said = f"{verb} replica set {name} from {before} to {replicas}"
    cluster.tell("deployment-controller", workload.object, "ScalingReplicaSet", said)


def _settled(cluster: Cluster, workload: Workload) -> None:
    """The new size is reached: the statuses of both objects say so."""
    api, identities = cluster.api, cluster.identities
    if workload.parent is None or not workload.pods:
        return
    replicas = len(workload.pods)
    counts = dict.fromkeys(("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"), replicas)
    status = {**counts, "observedGeneration": workload.parent["metadata"].get("generation", 1)}
    author = identities.controller("replicaset-controller")
    workload.parent = api.update(author, workload.parent, {"status": status}, subresource="status")
    generation = workload.object["metadata"].get("generation", 1)
    counted = available(cluster.now, workload.parent, replicas, generation)["status"]
    author = identities.controller("deployment-controller")
    workload.object = api.update(author, workload.object, {"status": counted}, subresource="status")


def _scaled(version: str, workload: Workload, replicas: int) -> Json:
    meta = workload.object["metadata"]
    kept = {"name": workload.name, "namespace": workload.namespace, "uid": meta["uid"]}
    scale = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {}, "spec": {"replicas": replicas}}
    scale["status"] = {"replicas": len(workload.pods), "selector": f"app={workload.name}"}
    made = {"creationTimestamp": meta["creationTimestamp"]}
    request, response = (
        {**scale, "metadata": {**kept, "resourceVersion": known, **made}}
        for known in (meta["resourceVersion"], version)
    )
    return {"request": request, "response": response}


def _spec(name: str, most: int | str) -> Json:
    target = {"type": "Utilization", "averageUtilization": 70}
    return {
        "scaleTargetRef": {"kind": "Deployment", "name": name, "apiVersion": "apps/v1"},
        "minReplicas": 1,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }


def _status(replicas: int | str, use: int | str, at: int) -> Json:
    now = second_time(at) if at else hole("created")
    current = {"averageUtilization": use, "averageValue": "112m"}
    conditions = [
        {"type": kind, "status": "False" if kind == "ScalingLimited" else "True", "lastTransitionTime": now,
         "reason": reason, "message": message}
        for kind, reason, message in SETTLED
    ]  # fmt: skip
    return {
        "currentReplicas": replicas,
        "desiredReplicas": replicas,
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": current}}],
        "conditions": conditions,
    }


def _told(version: str) -> Json:
    """The autoscaler's object with its status, with holes for what differs."""
    name = hole("name")
    sent = body("HorizontalPodAutoscaler", name, hole("namespace"), spec=_spec(name, number("most")))
    made = stored(sent, name=name, uid=hole("scaler_uid"), version=version, created=hole("created"))
    entry = {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "autoscaling/v2"}
    parts: Json = {f"f:{part}": {} for part in ("conditions", "currentMetrics", "currentReplicas", "desiredReplicas")}
    fields = {"fieldsType": "FieldsV1", "fieldsV1": {"f:status": parts}, "subresource": "status"}
    made["metadata"] = ordered({**made["metadata"], "managedFields": [{**entry, "time": hole("now"), **fields}]})
    return {**made, "status": _status(number("replicas"), number("use"), 0)}
