"""Mounts of sensitive paths of the node."""

from typing import Any

import pytest

from detectors.audit.objects import POD_MAKERS
from detectors.audit.sensitive_mount import sensitive_mount
from detectors.contract import Match, Quiet
from detectors.examples import fired
from events import AuditEvent
from tests.detectors.audit.written import CONTROLLER, JSON, body, container, mounting, pods, template, write

HOST = {"name": "host", "hostPath": {"path": "/etc"}}
MOUNT = {"name": "host", "mountPath": "/host"}


@pytest.mark.parametrize("resource", [resource for resource in POD_MAKERS if "/" not in resource])
def test_every_object_that_holds_a_pod_is_looked_into(resource: str) -> None:
    assert fired(sensitive_mount, write(resource, body(resource, mounting("//etc/")))) == ["shop/web"]


@pytest.mark.parametrize("containers", ["containers", "initContainers", "ephemeralContainers"])
def test_every_list_of_containers_is_looked_into(containers: str) -> None:
    spec = {
        "containers": [container()],
        containers: [container(), container("b", volumeMounts=[MOUNT])],
        "volumes": [HOST],
    }
    assert fired(sensitive_mount, write("pods", {"spec": spec})) == ["shop/web"]


def test_a_debugger_that_mounts_a_volume_of_its_pod_counts() -> None:
    debugged = {"ephemeralContainers": [container("debug", "busybox", volumeMounts=[MOUNT])]}
    answer = {"spec": {**mounting("/etc"), **debugged}}
    event = write("pods/ephemeralcontainers", {"spec": debugged}, "patch", response=answer)
    match = sensitive_mount(event)
    assert isinstance(match, Match)
    assert match.fields["mounts"] == [{"container": "debug", "image": "busybox", "hostPath": "/etc"}]


def quiet(spec: JSON, verb: str = "create", **fields: Any) -> AuditEvent:
    return write("deployments", template(spec), verb, **fields)


QUIET = [
    (quiet(mounting("/mnt/data")), "a container mounts a sensitive path of the node"),
    (quiet(mounting("/dev/null")), "a container mounts a sensitive path of the node"),
    (quiet(mounting("/etc/localtime")), "a container mounts a sensitive path of the node"),
    (quiet(pods(container(), volumes=[HOST])), "a container mounts a sensitive path of the node"),
    (quiet(pods(container(volumeMounts=[{"name": "data"}]), volumes=[HOST])), "a container mounts a sensitive path"),
    (
        quiet(pods(container(), volumes=[{"name": "host", "hostPath": None}, None])),
        "a container mounts a sensitive path",
    ),
    (quiet(mounting("/etc"), code=422), "not: the request was refused or failed"),
    (quiet(mounting("/etc"), "update", user=f"{CONTROLLER}deployment-controller"), "not: a workload controller"),
    (quiet(pods(container(image="nginx:2")), "patch", response=template(mounting("/etc"))), "the patch itself mounts"),
    (quiet(mounting("/", "quay.io/prometheus/node-exporter:v1")), "a mount is not a known daemon's"),
]


@pytest.mark.parametrize(("event", "condition"), QUIET)
def test_it_stays_quiet_and_says_why(event: AuditEvent, condition: str) -> None:
    verdict = sensitive_mount(event)
    assert isinstance(verdict, Quiet)
    assert verdict.condition.startswith(condition)


SPEC = "/spec/template/spec"
PATCHES: list[Any] = [
    template(mounting("/etc")),
    template({"volumes": [HOST]}),
    template(pods({"name": "web", "volumeMounts": [MOUNT]})),
    [{"op": "replace", "path": f"{SPEC}/volumes/0/hostPath/path", "value": "/etc"}],
    [{"op": "add", "path": f"{SPEC}/containers/0/volumeMounts/-", "value": MOUNT}],
    [{"op": "replace", "path": f"{SPEC}/containers/0/volumeMounts/0/name", "value": "host"}],
    [{"op": "move", "from": f"{SPEC}/containers/1/volumeMounts", "path": f"{SPEC}/containers/0/volumeMounts"}],
]


@pytest.mark.parametrize("patch", PATCHES)
def test_a_patch_that_brings_the_volume_or_the_mount_counts(patch: Any) -> None:
    assert fired(sensitive_mount, write("deployments", patch, "patch", response=template(mounting("/etc")))) == [
        "shop/web"
    ]


def test_a_patch_in_steps_is_judged_by_what_they_say_together() -> None:
    steps = [
        {"op": "add", "path": f"{SPEC}/volumes/-", "value": HOST},
        {"op": "add", "path": f"{SPEC}/containers/0/volumeMounts/-", "value": MOUNT},
    ]
    assert fired(sensitive_mount, write("deployments", steps, "patch")) == ["shop/web"]


def test_another_image_in_a_pod_that_mounts_such_a_path_counts() -> None:
    step = {"op": "replace", "path": "/spec/containers/0/image", "value": "evil.example/x"}
    answer = {"spec": mounting("/etc", "evil.example/x")}
    assert fired(sensitive_mount, write("pods", [step], "patch", response=answer)) == ["shop/web"]


def test_a_trusted_image_does_not_excuse_its_neighbour() -> None:
    spec = mounting("/", "quay.io/prometheus/node-exporter:v1")
    spec["containers"].append(container("evil", "evil/x", volumeMounts=[MOUNT]))
    match = sensitive_mount(write("daemonsets", template(spec)))
    assert isinstance(match, Match)
    assert [mount["container"] for mount in match.fields["mounts"]] == ["evil"]


def test_users_name_their_own_images_and_paths() -> None:
    mine = sensitive_mount.with_parameters({"images": [{"repository": "nginx", "paths": ["/etc/nginx"]}]})
    events = [write("pods", {"spec": mounting(path)}, name=path) for path in ("/etc/nginx/conf.d", "/etc")]
    assert fired(mine, *events) == ["shop//etc"]
