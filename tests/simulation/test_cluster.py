"""What a cluster's own controllers do, where it once went wrong."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from events import AuditEvent
from simulation.clock import DAY, HOUR, MINUTE
from simulation.cluster import Cluster
from simulation.kubernetes.kubectl import Kubectl
from simulation.kubernetes.objects import body, deployment, owner
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.workloads import Workload
from tests.simulation.playing import Played, Stage, play


def audited(played: Played) -> list[AuditEvent]:
    return [item for item in played.items("audit") if isinstance(item, AuditEvent)]


def service(cluster: Cluster, workload: Workload) -> dict[str, Any]:
    """The slice of a workload's Service."""
    meta = {"labels": {"kubernetes.io/service-name": workload.name}, "ownerReferences": owner(workload.object)}
    sent = body("EndpointSlice", f"{workload.name}-x7k2p", workload.namespace, meta=meta, endpoints=[])
    return cluster.api.hold(sent, "kube-controller-manager")


def settled(cluster: Cluster, *names: str) -> Sequence[Workload]:
    spec = pod_spec(container("app", "registry.example/shop/api-go:1.0"))
    return [cluster.settle(deployment("shop", name, spec)) for name in names]


def test_endpoints_are_those_of_the_service_and_not_of_one_whose_name_begins_alike() -> None:
    cluster = Stage().cluster
    first, second = settled(cluster, "api", "api-2")
    for workload in (first, second):
        service(cluster, workload)
    cluster.endpoints(first)
    assert len(cluster.api.find("EndpointSlice", "shop", "api-x")[0]["endpoints"]) == 2
    assert cluster.api.find("EndpointSlice", "shop", "api-2-")[0]["endpoints"] == []


def test_a_rollout_to_more_containers_tells_of_pods_that_have_fewer() -> None:
    stage = Stage()
    (workload,) = settled(stage.cluster, "api")
    held = workload.held()
    spec = pod_spec(*(container(f"part-{place}", "registry.example/shop/api-go:1.1") for place in range(7)))
    template = {**held["spec"]["template"], "spec": spec}
    kubectl = Kubectl(stage.cluster, stage.cluster.people[0].client)
    made = kubectl.apply(held, {"spec": {**held["spec"], "template": template}})
    before = list(workload.pods)
    stage.cluster.start(workload.roll_out(made))
    stage.played.world.run(until=stage.cluster.now + HOUR)
    assert not set(before) & set(workload.pods)
    assert {len(pod.containers) for pod in workload.pods} == {7}


def test_what_happens_at_one_moment_is_logged_in_the_order_of_cause_and_effect() -> None:
    stage = Stage()
    admin = stage.cluster.people[0].client
    stage.cluster.deploy(admin, deployment("shop", "api", pod_spec(container("app", "nginx:1.29")), replicas=1))
    stage.played.world.run(until=stage.cluster.now + MINUTE)
    told = sorted(audited(stage.played), key=lambda event: event.time)
    made = [event.resource for event in told if event.verb == "create" and "/" not in event.resource]
    assert made[:5] == ["deployments", "replicasets", "events", "pods", "events"]
    assert all(before.time <= after.time for before, after in pairwise(told))


def test_workloads_are_found_by_namespace_until_they_are_withdrawn() -> None:
    cluster = Stage().cluster
    first, second = settled(cluster, "api", "web")
    assert cluster.workloads_of("shop", "Deployment") == [first, second]
    cluster.withdraw(first)
    cluster.withdraw(first)
    assert cluster.all_of("shop") == [second]
    cluster.withdraw(second)
    assert cluster.all_of("shop") == []


def test_nothing_is_kept_of_nodes_that_are_gone() -> None:
    cluster = Stage().cluster
    before = len(cluster._node_values)
    cluster.remove_machine(cluster.add_machine())
    gc.collect()
    assert len(cluster._node_values) == before


def test_an_account_has_one_user_agent_whatever_its_program_does() -> None:
    played = play(days=1.5, sources=("audit",), pace=0.01, teams=1)
    name = "system:serviceaccount:argocd:argocd-application-controller"
    agents = {event.user_agent for event in audited(played) if event.user.username == name}
    assert len(agents) == 1


def test_ca_bundles_leave_what_others_changed() -> None:
    stage = Stage(alive=True, sources=("audit",), days=9, pace=0.001, teams=1)
    api, kind = stage.cluster.api, "ValidatingWebhookConfiguration"
    stage.played.world.run(until=stage.cluster.now + HOUR)
    held = api.held(kind, "", "cert-manager-webhook")
    assert held is not None
    hooks = [{**hook, "timeoutSeconds": 7} for hook in held["webhooks"]]
    api.update(stage.cluster.people[0].client, held, {"webhooks": hooks})
    stage.played.world.run(until=stage.cluster.now + 8 * DAY)
    now = api.held(kind, "", "cert-manager-webhook")
    assert now is not None
    assert now["webhooks"][0]["clientConfig"] != held["webhooks"][0]["clientConfig"]
    assert now["webhooks"][0]["timeoutSeconds"] == 7
