"""Images that do not usually run in kube-system: the platforms' list, the learning time, and what comes after it."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detectors import baseline
from detectors.audit.kube_system_container import kube_system_container
from detectors.audit.objects import POD_MAKERS
from detectors.audit.platform_images import PLATFORMS, TOOLS, is_platform_image
from detectors.baseline import LARGEST, MOST_PLACES, RETENTION, Learned
from detectors.contract import Match, Quiet
from detectors.examples import audit, fired
from detectors.replay import findings, judged, observations
from events import AuditEvent, User
from tests.detectors.audit.written import CONTROLLER, JSON, body, container, made_by, pods, template

DAY = 86_400
NOTHING_LEARNED = kube_system_container.with_parameters({"learning": 0})
DAEMONS = f"{CONTROLLER}daemon-set-controller"
OTHER = "example/agent:1"


def run(
    image: str = OTHER, *, name: str = "web", resource: str = "deployments", at: float = 0, **fields: Any
) -> AuditEvent:
    """Somebody writes a workload in kube-system."""
    sent = fields.pop("request", None) or body(resource, pods(container(image=image)))
    verb = fields.pop("verb", "create")
    return audit(verb, resource, name=name, request=sent, at=at, **{"namespace": "kube-system", **fields})


def made(image: str = OTHER, *, owner: str = "agent", at: float = 0, **fields: Any) -> AuditEvent:
    """A controller makes a pod of a DaemonSet."""
    sent = {"metadata": made_by("DaemonSet", owner), "spec": pods(container(image=image))}
    return run(resource="pods", name=f"{owner}-x2x7k", at=at, request=sent, **{"user": DAEMONS, **fields})


@pytest.mark.parametrize("resource", POD_MAKERS)
def test_every_object_that_holds_a_pod_is_looked_into(resource: str) -> None:
    spec = {"ephemeralContainers": [container()]} if "/" in resource else pods(container())
    assert fired(kube_system_container, run(resource=resource, request=body(resource, spec))) == ["kube-system/web"]


@pytest.mark.parametrize("containers", ["containers", "initContainers", "ephemeralContainers"])
def test_every_list_of_containers_is_looked_into(containers: str) -> None:
    spec = {"containers": [container(image="registry.k8s.io/pause:3.10")], containers: [container()]}
    assert fired(kube_system_container, run(resource="pods", request={"spec": spec})) == ["kube-system/web"]


@pytest.mark.parametrize(
    "image",
    [
        "mcr.microsoft.com/oss/v2/kubernetes/kube-proxy:v1.33.5",
        "mcr.microsoft.com/containernetworking/azure-cns@sha256:0123",
        "MCR.microsoft.com/azuremonitor/containerinsights/ciprod:3.1",
        "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.12.2-eksbuild.4",
        "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn/amazon-k8s-cni:v1",
        "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.48.0",
        "gke.gcr.io/cilium/cilium:v1.15.6-gke.39",
        "europe-west1-docker.pkg.dev/gke-release/gke-release/netd:v1",
        "us-docker.pkg.dev/gke-release/x:v1",
        "registry.k8s.io/kube-apiserver:v1.34.1",
        "registry.k8s.io/coredns/coredns:v1.12.1",
        "k8s.gcr.io/pause:3.6",
        "rancher/klipper-helm:v0.9",
        "docker.io/rancher/mirrored-coredns-coredns:1.12.0",
        "index.docker.io/rancher/mirrored-library-traefik",
        "docker.io/calico/node:v3.30.3",
        "mcr.microsoft.com/oss/v2/kedacore/keda:2.17",
        "mcr.microsoft.com/oss/eraser/eraser-manager:v1.4",
        "mcr.microsoft.com/oss/v2/nvidia/k8s-device-plugin:v0.17",
        "rancher/mirrored-library-busybox:1.37",
        "rancher/mirrored-coredns-coredns:1.12",
        "rancher/hardened-kubernetes:v1.34",
    ],
)
def test_images_of_the_platforms_are_quiet(image: str) -> None:
    assert fired(NOTHING_LEARNED, run(image)) == []


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "mcr.microsoft.com.evil.example/oss/kubernetes/kube-proxy",
        "mcr.microsoft.com./oss/kubernetes/kube-proxy",
        "mcr.microsoft.com:443/oss/kubernetes/kube-proxy",
        "evil.example/mcr.microsoft.com/oss/kubernetes/kube-proxy",
        "evil.example:5000/registry.k8s.io/kube-proxy:v1.34.1",
        "mcr.microsoft.com/azure-cli:2",
        "mcr.microsoft.com/oss/kubernetes/kubectl:v1.34",
        "registry.k8s.io/e2e-test-images/agnhost:2.53",
        "registry.k8s.io/kube-proxy-x:v1",
        "gke.gcr.io/busybox:1",
        "evil-docker.pkg.dev.example/gke-release/x",
        "us-docker.pkg.dev/gke-release-evil/x",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns",
        "602401143452.dkr.ecr.eu-west-1.amazonaws.com.evil.example/eks/coredns",
        "eks.amazon/eks/coredns",
        "EKS.amazon/eks/coredns",
        "rancherx/mirrored-coredns-coredns",
        "rancher/shell:v0.2",
        "rancher/mirrored-curlimages-curl:8",
        "rancher/mirrored-bci-busybox:15",
        "rancher/hardened-build-base:v1.25",
        "calico/ctl:v3.30",
        "registry.k8s.io/kubectl:v1.34",
        "cilium/json-mock:v1.3",
        "registry.k8s.io/coredns/../evil/x",
        "mcr.microsoft.com/aks/../evil/x:1",
        "library/rancher/klipper-lb.example",
        "kube-proxy/kube-proxy:v1.33.5",
        "etcd",
    ],
)
def test_what_only_looks_like_a_platforms_counts(image: str) -> None:
    assert fired(kube_system_container, run(image)) == ["kube-system/web"]


def test_every_entry_of_the_list_is_anchored() -> None:
    for entry in PLATFORMS:
        known = entry if not entry.endswith(("/", "-")) else f"{entry}x"
        image = known.replace("eks.amazon", "602401143452.dkr.ecr.eu-west-1.amazonaws.com")
        assert is_platform_image(f"{image}:v1"), entry
        assert not is_platform_image(f"evil.example/{image}:v1"), entry
        assert not is_platform_image(f"evil{image}:v1"), entry
        assert TOOLS.fullmatch(known.rpartition("/")[2]) is None, entry


@pytest.mark.parametrize(
    ("event", "condition"),
    [
        (run(namespace="shop"), "the namespace is kube-system"),
        (run(namespace="kube-system-x"), "the namespace is kube-system"),
        (run(code=403), "not: the request was refused"),
        (run(uri="/x?dryRun=All"), "not: the request is a dry run"),
        (run(stage="RequestReceived"), "not: the request is not finished"),
        (run(verb="update", user=f"{CONTROLLER}deployment-controller"), "not: a workload controller updates"),
        (
            run(verb="patch", request={"metadata": {"labels": {"a": "b"}}}, response=template(pods(container()))),
            "the patch itself names an image",
        ),
        (audit("create", "pods", namespace="kube-system", level="Metadata"), "the request body was recorded"),
        (run("registry.k8s.io/pause"), "an image is not one of the platform's"),
        (made(), "repositories that are not listed, and that no controller showed in the first 1w"),
    ],
)
def test_it_stays_quiet_and_says_why(event: AuditEvent, condition: str) -> None:
    verdict = kube_system_container(event)
    assert isinstance(verdict, Quiet)
    assert verdict.condition.startswith(condition)


SWAP = template(pods(container(image=OTHER)))


@pytest.mark.parametrize(
    "event",
    [
        run(verb="update"),
        run(verb="patch", request=SWAP, response=SWAP),
        run(verb="patch", request=SWAP),
        run(
            verb="patch", request=[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": OTHER}]
        ),
        run(verb="patch", request={}, response=SWAP, code=201),
    ],
)
def test_another_image_in_an_old_workload_counts(event: AuditEvent) -> None:
    assert fired(kube_system_container, event) == ["kube-system/web"]


def test_controllers_teach_inside_the_learning_time_only() -> None:
    week = 7 * DAY
    begin = audit("create", "pods", namespace="shop", name="x")
    assert fired(kube_system_container, begin, made(at=week - 0.000001), run(at=week + 9)) == []
    assert fired(kube_system_container, begin, made(at=week)) == ["kube-system/agent"]
    assert fired(kube_system_container, made(at=week)) == []
    assert fired(NOTHING_LEARNED, made()) == ["kube-system/agent"]
    assert fired(NOTHING_LEARNED, made(), made(at=1, owner="b")) == ["kube-system/agent", "kube-system/b"]
    longer = kube_system_container.with_parameters({"learning": "8d"})
    assert fired(longer, begin, made(at=week)) == []


@pytest.mark.parametrize(
    ("user", "groups", "teaches"),
    [
        (DAEMONS, ("system:serviceaccounts",), True),
        (DAEMONS, ("system:authenticated",), False),
        ("system:kube-controller-manager", (), True),
        ("aksService", ("system:masters",), True),
        ("system:node:n1", ("system:nodes",), True),
        ("system:node:n1", ("system:authenticated",), False),
        ("masterclient", ("system:masters",), False),
        (f"{CONTROLLER}default", ("system:serviceaccounts",), False),
        ("daemon-set-controller", (), False),
    ],
)
def test_people_and_outside_accounts_do_not_teach(user: str, groups: tuple[str, ...], teaches: bool) -> None:
    event = msgspec.structs.replace(made(), user=User(user, groups=groups))
    assert isinstance(kube_system_container(event), Quiet) is teaches


def test_a_new_tag_or_digest_of_a_learned_repository_is_quiet() -> None:
    images = (
        "example/agent:2",
        "docker.io/example/agent",
        "example/agent@sha256:0123",
        "index.docker.io/example/agent:9",
    )
    events = [run(image, name=f"w{n}", at=8 * DAY + n) for n, image in enumerate(images)]
    assert fired(kube_system_container, made(), *events) == []
    assert fired(kube_system_container, made(), run("evil.example/example/agent:1", at=1)) == ["kube-system/web"]


def found(detector: Any, *events: AuditEvent) -> list[tuple[str, str, str]]:
    matches = [finding.match for finding in findings(detector, events)]
    return [(match.entity.kind, match.entity.name, match.occurrence) for match in matches]


def test_what_comes_of_a_finding_adds_nothing_and_is_not_learned() -> None:
    written = [run(resource="daemonsets", name="agent"), made(at=1), made(at=9 * DAY)]
    assert len(found(kube_system_container, *written)) == 1
    assert len(found(kube_system_container, *written, made(owner="b", at=2), run(name="b", at=9 * DAY))) == 2


def test_it_counts_once_in_each_workload() -> None:
    events = [run(at=at, verb="update") for at in range(3)] + [run("example/agent:2", at=8 * DAY, verb="update")]
    assert len(found(kube_system_container, *events)) == 1
    assert len(found(kube_system_container, *events, run(name="b", at=9), run("other/x", verb="update", at=10))) == 3


def test_a_pod_that_stands_alone_counts_each_time_it_is_made() -> None:
    twice = [run(resource="pods", at=at, response={"metadata": {"uid": f"u{at}"}, "spec": pods(container())})
             for at in range(2)]  # fmt: skip
    assert len({occurrence for *_, occurrence in found(kube_system_container, *twice)}) == 2
    assert len(found(kube_system_container, *twice, twice[0])) == 2


def test_a_static_pod_is_one_finding_however_often_its_node_reports_it() -> None:
    nodes = [run(resource="pods", user="system:node:n1", at=at) for at in range(3)]
    assert len(found(NOTHING_LEARNED, *nodes)) == 1


def test_users_name_their_own_images() -> None:
    mine = kube_system_container.with_parameters({"images": ["docker.io/example/", "mirror.example:5000/k8s/pause"]})
    assert fired(mine, run(), run("mirror.example:5000/k8s/pause:3", name="b"), run("example/busybox")) == []
    assert fired(mine, run("mirror.example:5000/k8s/pause-x"), run("examples/agent", name="b")) == [
        "kube-system/web",
        "kube-system/b",
    ]


@pytest.mark.parametrize("learning", ["-1d", "5y", "366d"])
def test_a_learning_time_that_makes_no_sense_is_refused(learning: str) -> None:
    with pytest.raises(ValidationError):
        kube_system_container.with_parameters({"learning": learning})


def test_it_says_who_and_which() -> None:
    spec = pods(
        container(image="b"), container(image="registry.k8s.io/pause"), container(image="docker.io/library/a:1")
    )
    match = kube_system_container(run(request=template(spec), addresses=("10.0.0.7",)))
    assert isinstance(match, Match)
    assert match.because.startswith("jane@contoso.example wrote deployment web in kube-system with images")
    assert match.because.endswith("run there: a, b")
    assert match.fields == {"repositories": ["a", "b"], "learning": "1w"}
    assert match.actor is not None
    assert match.actor.addresses == ("10.0.0.7",)


STORY: tuple[AuditEvent, ...] = (
    made("example/one", event_id="a"),
    run("example/two", name="t", at=1, event_id="b"),
    made("example/two", owner="t2", at=1, event_id="c"),
    run("example/one", name="o", at=8 * DAY, event_id="d"),
    made("example/two", owner="t2", at=8 * DAY, event_id="e"),
    run("example/three", name="t", verb="update", at=8 * DAY, event_id="f"),
)


def test_every_order_of_arrival_gives_the_same() -> None:
    expected = findings(kube_system_container, STORY)
    assert [finding.match.entity.name for finding in expected] == ["t", "t2", "t"]
    for order in itertools.permutations(STORY):
        assert findings(kube_system_container, order) == expected


EVENTS = st.lists(
    st.builds(
        lambda by, image, name, at, number: msgspec.structs.replace(
            by(image, at=at, **({"owner": name} if by is made else {"name": name})), event_id=f"e{number}"
        ),
        st.sampled_from([made, run]),
        st.sampled_from(["example/a", "example/b"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from([0, 1, 6 * DAY, 8 * DAY, 99 * DAY, 108 * DAY, 300 * DAY]),
        st.integers(0, 99),
    ),
    max_size=12,
)


@given(EVENTS)
def test_plain_state_and_forgetting_change_nothing(events: list[AuditEvent]) -> None:
    observed = observations(kube_system_container, events)

    def through_plain(_: Any, state: Learned, __: Any) -> Learned:
        written = msgspec.json.decode(msgspec.json.encode(kube_system_container.to_plain(state)))
        return kube_system_container.from_plain(kube_system_container.version, written)

    def forgetting(_: Any, state: Learned, observation: Any) -> Learned:
        return Learned() if observation.time > kube_system_container.expires(state) else state

    plain = list(judged(kube_system_container, observed))
    assert list(judged(kube_system_container, observed, through_plain)) == plain
    assert list(judged(kube_system_container, observed, forgetting)) == plain


def test_a_cluster_that_is_silent_for_90_days_learns_anew() -> None:
    later = RETENTION / 1_000_000
    assert fired(kube_system_container, made(), made("example/b", owner="b", at=later)) == ["kube-system/b"]
    assert fired(kube_system_container, made(), made("example/b", owner="b", at=later + 0.000001)) == []


def test_clusters_do_not_mix() -> None:
    elsewhere = msgspec.structs.replace(made(at=1), cluster="other")
    assert fired(kube_system_container, made("example/b"), elsewhere, run(at=2)) == ["kube-system/web"]


def test_a_flood_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "MOST_PLACES", 32)
    monkeypatch.setattr(baseline, "LARGEST", 32)
    state, events = Learned(), list[AuditEvent]()
    for n in range(100):
        events += [made(f"example/m{n}", owner=f"m{n}", at=n), run(f"example/r{n}", name=f"r{n}", at=n)]
    for one in observations(kube_system_container, events):
        list(kube_system_container.step(state, one))
    assert (len(state.usual), len(state.placed), len(state.counted)) == (32, 32, 32)
    assert (LARGEST, MOST_PLACES) == (1024, 4096)


def test_a_workload_of_many_images_is_one_short_finding() -> None:
    many: list[JSON] = [container(f"c{n}", f"example/{'x' * 600}{n}") for n in range(500)]
    told = kube_system_container.observe(run(request=template(pods(*many))))
    assert not isinstance(told, Quiet)
    assert len(msgspec.msgpack.encode(told.what)) < 50_000
