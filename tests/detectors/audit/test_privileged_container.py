"""Privileged containers."""

from typing import Any

import pytest
from msgspec.structs import replace

from detectors.audit.entities import SHOWN
from detectors.audit.objects import POD_MAKERS
from detectors.audit.privileged_container import privileged_container
from detectors.contract import Match, Quiet
from detectors.examples import audit, fired
from events import AuditEvent, User
from tests.detectors.audit.written import CONTROLLER, JSON, body, container, pods, template, write

ROOT = container(privileged=True)
PLAIN = container("plain", privileged=False)


@pytest.mark.parametrize("resource", POD_MAKERS)
def test_every_object_that_holds_a_pod_is_looked_into(resource: str) -> None:
    spec = {"ephemeralContainers": [ROOT]} if "/" in resource else pods(ROOT)
    assert fired(privileged_container, write(resource, body(resource, spec))) == ["shop/web"]


@pytest.mark.parametrize("containers", ["containers", "initContainers", "ephemeralContainers"])
def test_every_list_of_containers_is_looked_into(containers: str) -> None:
    spec = {"containers": [PLAIN], containers: [PLAIN, ROOT]}
    assert fired(privileged_container, write("pods", {"spec": spec})) == ["shop/web"]


QUIET: list[tuple[AuditEvent, str]] = [
    (write("pods", {"spec": pods(PLAIN, container())}), "a container is privileged"),
    (write("pods", {"spec": pods(ROOT)}, code=403), "not: the request was refused or failed"),
    (write("pods", {"spec": pods(ROOT)}, stage="RequestReceived"), "not: the request is not finished"),
    (write("pods", {"spec": pods(ROOT)}, uri="/pods?dryRun=All"), "not: the request is a dry run"),
    (write("pods", level="Metadata"), "the request body was recorded"),
    (
        write("replicasets", template(pods(ROOT)), "update", user=f"{CONTROLLER}deployment-controller"),
        "not: a workload controller updates",
    ),
    (
        write("deployments", {"metadata": {"labels": {"a": "b"}}}, "patch", response=template(pods(ROOT))),
        "the patch itself makes a container privileged",
    ),
    (
        write("deployments", template(pods(container(image="nginx:2"))), "patch", response=template(pods(ROOT))),
        "the patch itself makes a container privileged",
    ),
    (
        write("deployments", template(pods(ROOT)), "patch", response=template(pods(PLAIN))),
        "a container is privileged",
    ),
    (
        write(
            "pods/ephemeralcontainers",
            {"spec": {"ephemeralContainers": [PLAIN]}},
            "patch",
            response={"spec": pods(ROOT)},
        ),
        "the patch itself makes a container privileged",
    ),
    (
        write("pods/ephemeralcontainers", {"spec": {**pods(ROOT), "ephemeralContainers": [PLAIN]}}, "update"),
        "a container is privileged",
    ),
]


@pytest.mark.parametrize(("event", "condition"), QUIET)
def test_it_stays_quiet_and_says_why(event: AuditEvent, condition: str) -> None:
    verdict = privileged_container(event)
    assert isinstance(verdict, Quiet)
    assert verdict.condition.startswith(condition)


PATH = "/spec/template/spec/containers"
PATCHES: list[Any] = [
    template(pods(ROOT)),
    {"spec": {"template": {"spec": {"initContainers": [ROOT]}}}},
    {"apiVersion": "apps/v1", "kind": "Deployment", **template(pods(ROOT))},
    template({"$setElementOrder/containers": [{"name": "web"}], **pods({**ROOT, "$patch": "replace"})}),
    [{"op": "add", "path": f"{PATH}/-", "value": ROOT}],
    [{"op": "add", "path": f"{PATH}/0/securityContext", "value": {"privileged": True}}],
    [{"op": "replace", "path": f"{PATH}/0/securityContext/privileged", "value": True}],
    [{"op": "replace", "path": "/spec", "value": template(pods(ROOT))["spec"]}],
    [
        {"op": "replace", "path": f"{PATH}/0/securityContext/privileged", "value": True},
        {"op": "add", "path": f"{PATH}/0", "value": PLAIN},
        {"op": "replace", "path": f"{PATH}/0/securityContext/privileged", "value": False},
    ],
    [{"op": "copy", "from": f"{PATH}/1/securityContext", "path": f"{PATH}/0/securityContext"}],
]


@pytest.mark.parametrize("patch", PATCHES)
def test_a_patch_that_makes_a_container_privileged_counts(patch: Any) -> None:
    assert fired(privileged_container, write("deployments", patch, "patch", response=template(pods(ROOT)))) == [
        "shop/web"
    ]


@pytest.mark.parametrize("patch", PATCHES[:-1])
def test_a_patch_whose_answer_was_not_recorded_is_judged_by_what_it_says(patch: Any) -> None:
    assert fired(privileged_container, write("deployments", patch, "patch")) == ["shop/web"]


def test_a_patch_that_was_not_recorded_is_judged_by_its_answer() -> None:
    assert fired(privileged_container, write("deployments", None, "patch", response=template(pods(ROOT)))) == [
        "shop/web"
    ]


def test_an_answer_in_another_form_hides_nothing() -> None:
    event = write("pods", {"spec": pods(ROOT)}, response={"kind": "Table", "rows": [], "metadata": {}})
    assert fired(privileged_container, event) == ["shop/web"]


def test_it_names_the_containers_and_the_real_user() -> None:
    event = write(
        "pods", {"spec": pods(PLAIN, ROOT)}, impersonated=User("admin"), addresses=("10.0.0.7",), user_agent="kubectl"
    )
    match = privileged_container(event)
    assert isinstance(match, Match)
    assert match.because == "jane@contoso.example (as admin) wrote pod web with privileged containers: web (nginx)"
    assert match.fields["containers"] == [{"name": "web", "image": "nginx:1.27", "privileged": True}]
    assert match.actor is not None
    assert (match.actor.name, match.actor.addresses, match.actor.user_agent) == (
        "jane@contoso.example",
        ("10.0.0.7",),
        "kubectl",
    )


PROXY = container("kube-proxy", "mcr.microsoft.com/oss/kubernetes/kube-proxy:v1.34.4", privileged=True)


@pytest.mark.parametrize(
    ("namespace", "containers", "names"),
    [
        ("kube-system", [PROXY], []),
        ("shop", [PROXY], ["shop/kube-proxy"]),
        ("kube-system", [PROXY, ROOT], ["kube-system/kube-proxy"]),
        ("kube-system", [container(image="evil.example/kube-proxy", privileged=True)], ["kube-system/kube-proxy"]),
        ("kube-system", [container(image="registry.k8s.io/kube-proxy-x", privileged=True)], ["kube-system/kube-proxy"]),
        (
            "kube-system",
            [container(image="registry.k8s.io/sig-storage/livenessprobe", privileged=True, command=["sh"])],
            ["kube-system/kube-proxy"],
        ),
    ],
)
def test_the_platforms_own_daemons_are_ordinary_in_kube_system(
    namespace: str, containers: list[JSON], names: list[str]
) -> None:
    event = audit("create", "daemonsets", namespace=namespace, name="kube-proxy", request=template(pods(*containers)))
    assert fired(privileged_container, event) == names


SHELL = container("c", "quay.io/cilium/cilium:v1.18", privileged=True, command=["bash", "-c", "sleep 1"])
NODE = "system:node:n1"


@pytest.mark.parametrize(
    ("resource", "user", "groups", "ordinary"),
    [
        ("daemonsets", "jane", (), True),
        ("pods", NODE, ("system:nodes", "system:authenticated"), True),
        ("pods", NODE, ("system:authenticated",), False),
        ("pods", "jane", (), False),
        ("deployments", "jane", (), False),
    ],
)
def test_only_daemon_sets_and_static_pods_of_a_known_daemon_may_run_a_shell(
    resource: str, user: str, groups: tuple[str, ...], ordinary: bool
) -> None:
    event = audit("create", resource, namespace="kube-system", name="c", request=body(resource, pods(SHELL)))
    verdict = privileged_container(replace(event, user=User(user, groups=groups)))
    assert isinstance(verdict, Quiet) is ordinary


SWAP: list[Any] = [
    {"spec": {"containers": [{"name": "web", "image": "evil.example/x"}]}},
    [{"op": "replace", "path": "/spec/containers/0/image", "value": "evil.example/x"}],
]


@pytest.mark.parametrize("patch", SWAP)
def test_another_image_in_a_pod_that_is_privileged_counts(patch: Any) -> None:
    answer = {"spec": pods(container(image="evil.example/x", privileged=True))}
    assert fired(privileged_container, write("pods", patch, "patch", response=answer)) == ["shop/web"]


def test_a_label_on_a_pod_that_is_privileged_does_not() -> None:
    event = write("pods", {"metadata": {"labels": {"a": "b"}}}, "patch", response={"spec": pods(ROOT)})
    assert fired(privileged_container, event) == []


def test_many_containers_are_one_short_alert() -> None:
    match = privileged_container(
        write("pods", {"spec": pods(*(container(f"c{n}", privileged=True) for n in range(5000)))})
    )
    assert isinstance(match, Match)
    assert len(match.fields["containers"]) == SHOWN
    assert len(match.because) < 1000


def test_users_name_their_own_images() -> None:
    mine = privileged_container.with_parameters({"images": [{"repository": "nginx", "privileged": True}]})
    assert fired(mine, write("pods", {"spec": pods(ROOT)})) == []
