"""Which workload a finding is about."""

from typing import Any

import pytest

from detectors.audit.privileged_container import privileged_container
from detectors.contract import Match
from events import AuditEvent
from tests.detectors.audit.written import CONTROLLER, JSON, alert_id, body, container, made_by, pods, write

ROOT = pods(container(privileged=True))
MINUTES = 1_790_000_000 // 60


def made(resource: str, metadata: JSON, by: str, name: str = "x", **fields: Any) -> AuditEvent:
    return write(resource, {"metadata": metadata, **body(resource, ROOT)}, user=by, name=name, **fields)


DEPLOYER = f"{CONTROLLER}deployment-controller"
REPLICATOR = f"{CONTROLLER}replicaset-controller"
JOBS = f"{CONTROLLER}job-controller"
OPERATOR = "system:serviceaccount:kafka:strimzi"


@pytest.mark.parametrize(
    ("event", "kind", "name"),
    [
        (made("deployments", {}, "jane", "web"), "deployment", "web"),
        (made("replicasets", made_by("Deployment", "web"), DEPLOYER), "deployment", "web"),
        (made("replicasets", made_by("Deployment", "web"), "jane"), "replica_set", "x"),
        (made("replicasets", made_by("Rollout", "web", "argoproj.io/v1alpha1"), OPERATOR), "rollout", "web"),
        (
            made("pods", made_by("ReplicaSet", "web-6d4c", **{"pod-template-hash": "6d4c"}), REPLICATOR),
            "deployment",
            "web",
        ),
        (
            made("pods", made_by("ReplicaSet", "web-6d4c", **{"rollouts-pod-template-hash": "6d4c"}), REPLICATOR),
            "rollout",
            "web",
        ),
        (
            made("pods", made_by("ReplicaSet", "web-6d4c", **{"pod-template-hash": "other"}), REPLICATOR),
            "replica_set",
            "web-6d4c",
        ),
        (made("pods", made_by("ReplicaSet", "web-6d4c"), "system:kube-controller-manager"), "replica_set", "web-6d4c"),
        (made("pods", made_by("ReplicaSet", "web-6d4c", **{"pod-template-hash": "6d4c"}), "jane"), "pod", "x"),
        (made("pods", made_by("DaemonSet", "agent"), f"{CONTROLLER}daemon-set-controller"), "daemon_set", "agent"),
        (made("pods", made_by("StatefulSet", "db"), f"{CONTROLLER}statefulset-controller"), "stateful_set", "db"),
        (made("pods", made_by("Job", "import", "batch/v1"), JOBS), "job", "import"),
        (made("pods", made_by("Job", f"backup-{MINUTES}", "batch/v1"), JOBS), "cron_job", "backup"),
        (made("pods", made_by("Job", "import-20260921", "batch/v1"), JOBS), "job", "import-20260921"),
        (
            made("jobs", made_by("CronJob", "backup", "batch/v1"), f"{CONTROLLER}cronjob-controller"),
            "cron_job",
            "backup",
        ),
        (made("jobs", made_by("CronJob", "backup", "batch/v1"), "jane"), "job", "x"),
        (made("pods", made_by("StrimziPodSet", "kafka", "core.strimzi.io/v1"), OPERATOR), "strimzi_pod_set", "kafka"),
        (made("pods", made_by("StrimziPodSet", "kafka", "core.strimzi.io/v1"), "jane"), "pod", "x"),
        (made("pods", made_by("DaemonSet", "agent"), OPERATOR), "pod", "x"),
        (made("pods", made_by("DaemonSet", "agent"), OPERATOR, verb="update"), "daemon_set", "agent"),
        (made("pods", made_by("Node", "node-1", "v1"), "system:node:node-1"), "pod", "x"),
        (made("pods", made_by("Node", "node-1", "v1"), "system:node:node-1", verb="update"), "pod", "x"),
    ],
)
def test_a_finding_is_about_the_workload_and_owners_are_believed_of_controllers_only(
    event: AuditEvent, kind: str, name: str
) -> None:
    match = privileged_container(event)
    assert isinstance(match, Match)
    assert (match.entity.kind, match.entity.namespace, match.entity.name) == (kind, "shop", name)


def test_the_chain_of_a_deployment_is_one_alert() -> None:
    chain = [
        made("deployments", {}, "jane", "web"),
        made("replicasets", made_by("Deployment", "web"), DEPLOYER),
        *(made("pods", made_by("ReplicaSet", f"web-{n}", **{"pod-template-hash": n}), REPLICATOR) for n in ("a", "b")),
        write(
            "deployments",
            body("deployments", pods(container(image="docker.io/library/nginx:1.28", privileged=True))),
            "update",
        ),
    ]
    assert len({alert_id(privileged_container, event) for event in chain}) == 1


def test_another_bad_container_is_another_alert() -> None:
    more = pods(container(privileged=True), container("evil", "evil/x", privileged=True))
    events = [write("deployments", body("deployments", spec)) for spec in (ROOT, more)]
    assert len({alert_id(privileged_container, event) for event in events}) == 2


def test_a_lone_pod_made_again_is_another_alert_and_a_repeated_record_is_not() -> None:
    first, again = (made("pods", {"uid": uid}, "jane", "web") for uid in ("u1", "u2"))
    unknown = [made("pods", {}, "jane", "web"), made("pods", {}, "jane", "web")]
    assert alert_id(privileged_container, first) == alert_id(privileged_container, first)
    assert len({alert_id(privileged_container, event) for event in (first, again, *unknown)}) == 4


def test_a_pod_without_a_recorded_name_is_called_by_the_name_it_was_generated_from() -> None:
    match = privileged_container(made("pods", {"generateName": "web-"}, "jane", ""))
    assert isinstance(match, Match)
    assert match.entity.name == "web-"


def test_a_pod_that_is_applied_again_without_a_recorded_answer_is_the_same_alert() -> None:
    events = [write("pods", {"spec": ROOT}, "patch", level="Request") for _ in range(3)]
    assert len({alert_id(privileged_container, event) for event in events}) == 1
