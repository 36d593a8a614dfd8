"""Redis that the world can reach: Services and workloads, in every order."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.audit import object_notes
from detectors.audit.exposed_redis import exposed_redis
from detectors.audit.exposure import AWS_INTERNAL, AWS_SCHEME, AWS_TYPE, AZURE_INTERNAL, AZURE_RANGES, AZURE_TAGS, broad
from detectors.audit.inventory import LARGEST, RETENTION, Inventory
from detectors.contract import Quiet
from detectors.examples import fired
from detectors.replay import findings, judged, observations
from detectors.stateful import Finding
from events import AuditEvent
from tests.detectors.audit.written import CONTROLLER, JSON, TABLE, container, made_by, pods, write

LABELS = {"app": "cache"}


def service(port: int = 80, target: int | str = 8080, *, uid: str = "", version: str = "", **more: Any) -> JSON:
    """A load balancer; `notes` are its annotations, all else its spec."""
    meta = {"annotations": more.pop("notes", {}), **({"uid": uid} if uid else {})}
    meta |= {"resourceVersion": version} if version else {}
    ports = more.pop("ports", [{"port": port, "targetPort": target}])
    return {"metadata": meta, "spec": {"type": "LoadBalancer", "ports": ports, "selector": LABELS, **more}}


def workload(*containers: JSON, labels: JSON = LABELS, **spec: Any) -> JSON:
    return {"spec": {"template": {"metadata": {"labels": labels}, "spec": pods(*containers, **spec)}}}


def store(image: str = "redis:7.4", **more: Any) -> JSON:
    return container("store", image, **more)


def published(body: Any, verb: str = "create", **fields: Any) -> AuditEvent:
    return write("services", body, verb, **{"name": "edge", **fields})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("edge", service(6379, 6379)),
        ("edge", service(443, 6379)),
        ("edge", service(26379, "tcp")),
        ("edge", service(443, "tcp-redis")),
        ("edge", service(443, 8443, selector={"app": "Valkey"})),
        ("cart-redis_master", service()),
        ("keydb7", service()),
        ("edge", service(6379, notes={AZURE_INTERNAL: "false"})),
        ("edge", service(6379, notes={AZURE_INTERNAL: "yes"})),
        ("edge", service(6379, notes={AWS_INTERNAL: "false"}, loadBalancerClass="service.k8s.aws/nlb")),
        ("edge", service(6379, notes={AWS_SCHEME: "internet-facing"}, loadBalancerClass="service.k8s.aws/nlb")),
        ("edge", service(6379, notes={AWS_SCHEME: "internet-facing", AWS_INTERNAL: "true"})),
        ("edge", service(6379, notes={"networking.gke.io/load-balancer-type": "External"})),
        ("edge", service(6379, loadBalancerSourceRanges=["0.0.0.0/0"])),
        ("edge", service(6379, loadBalancerSourceRanges=["203.0.113.0/24", "0.0.0.0/1", "128.0.0.0/1"])),
        ("edge", service(6379, loadBalancerSourceRanges=["203.0.113.0/24"], notes={AZURE_RANGES: "::/0"})),
        ("edge", service(6379, loadBalancerSourceRanges=["203.0.113.0/24"], notes={AZURE_TAGS: "Internet"})),
        ("edge", service(6379, type="ClusterIP", externalIPs=["203.0.113.10"])),
        ("edge", service(6379, externalIPs=["203.0.113.10"], loadBalancerSourceRanges=["10.0.0.0/8"])),
    ],
)
def test_a_public_service_of_redis_is_found(name: str, body: JSON) -> None:
    assert fired(exposed_redis, published(body, name=name)) == [f"shop/{name}"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("web", service(443, 8443)),
        ("predis", service(443, 8443)),
        ("rediscover", service()),
        ("redis-exporter", service(9121, "metrics")),
        ("cache-redis-metrics", service(9121, "metrics", selector={"app.kubernetes.io/name": "redis"})),
        ("cache", service(9121, "metrics", selector={"app.kubernetes.io/name": "redis"})),
        ("redis-commander", service(80, 8081)),
        ("redis", service(6379, type="ClusterIP")),
        ("redis", service(6379, type="ClusterIP", clusterIP="None", externalIPs=["203.0.113.10"])),
        ("redis", service(6379, type="NodePort")),
        ("redis", service(6379, type="ExternalName", externalIPs=["203.0.113.10"])),
        ("redis", service(6379, type="ClusterIP", externalIPs=["10.0.0.4", "fd00::1", "x"])),
        ("redis", service(6379, notes={AZURE_INTERNAL: "true"})),
        ("redis", service(6379, notes={AWS_INTERNAL: "true"})),
        ("redis", service(6379, notes={AWS_INTERNAL: "0.0.0.0/0"})),
        ("redis", service(6379, notes={AWS_SCHEME: "internal"})),
        ("redis", service(6379, notes={AWS_TYPE: "external"})),
        ("redis", service(6379, loadBalancerClass="service.k8s.aws/nlb")),
        ("redis", service(6379, loadBalancerClass="networking.gke.io/l4-regional-internal")),
        ("redis", service(6379, notes={"networking.gke.io/load-balancer-type": "Internal"})),
        ("redis", service(6379, notes={"cloud.google.com/load-balancer-type": "internal"})),
        ("redis", service(6379, loadBalancerSourceRanges=["203.0.113.0/24"])),
        ("redis", service(6379, notes={AZURE_RANGES: "203.0.113.0/24, 198.51.100.7/32"})),
        ("redis", service(6379, notes={AZURE_TAGS: "Storage"})),
        ("redis", service(6379, loadBalancerSourceRanges=["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])),
    ],
)
def test_what_is_not_public_or_no_redis_is_quiet(name: str, body: JSON) -> None:
    assert fired(exposed_redis, published(body, name=name)) == []


@pytest.mark.parametrize(
    ("ranges", "everybody"),
    [
        (["0.0.0.0/00"], True),
        (["000.000.000.000/0"], True),
        ([" 8.0.0.0/8 "], True),
        (["8.0.0.0/9"], False),
        (["8.0.0.0/9", "8.0.0.0/9"], False),
        (["8.0.0.0/9", "8.128.0.1/9"], True),
        ([f"{n}.0.0.0/16" for n in range(11, 100)], False),
        ([f"{n}.{m}.0.0/16" for n in (11, 12) for m in range(128)], True),
        (["10.0.0.0/7"], True),
        (["10.0.0.0/8"], False),
        (["::/1", "8000::/1"], True),
        (["2400::/12"], True),
        (["2001:db8::/32", "fc00::/7"], False),
        (["nonsense", ""], False),
        ([], False),
    ],
)
def test_ranges_are_summed(ranges: list[str], everybody: bool) -> None:
    assert broad(ranges) is everybody


REDIS_80 = service(80, "tcp")
NAMED = store(ports=[{"name": "tcp", "containerPort": 7000}])


@pytest.mark.parametrize(
    ("body", "behind", "found"),
    [
        (REDIS_80, workload(NAMED), True),
        (REDIS_80, workload(store("mirror.example:5000/x/bitnami/redis@sha256:0123", ports=NAMED["ports"])), True),
        (REDIS_80, workload(container(ports=[{"name": "tcp", "containerPort": 6379}])), True),
        (service(80, 7000), workload(store("valkey/valkey:8")), True),
        (
            service(80, 7000),
            workload(container(), initContainers=[store("eqalpha/keydb", restartPolicy="Always")]),
            True,
        ),
        (REDIS_80, workload(NAMED, labels={"app": "cache", "tier": "x"}), True),
        (REDIS_80, workload(NAMED, labels={"app": "other"}), False),
        (REDIS_80, workload(NAMED, labels={}), False),
        (service(80, "tcp", selector={}), workload(NAMED), False),
        (service(80, 8080), workload(container(ports=[{"containerPort": 8080}]), store()), False),
        (service(9121, "m"), workload(NAMED, container("x", "oliver006/redis_exporter", ports=[{"name": "m"}])), False),
        (service(80, 8081), workload(container(image="rediscommander/redis-commander")), False),
        (service(80, 8080), workload(container(image="example/predis:1")), False),
    ],
)
@pytest.mark.parametrize("first", ["service", "workload"])
def test_the_workload_behind_it_tells_in_either_order(body: JSON, behind: JSON, found: bool, first: str) -> None:
    at = (0, 1) if first == "service" else (1, 0)
    events = [published(body, at=at[0]), write("deployments", behind, name="store", at=at[1])]
    assert fired(exposed_redis, *events) == (["shop/edge"] if found else [])


@pytest.mark.parametrize("resource", ["pods", "statefulsets", "replicasets", "cronjobs"])
def test_every_kind_of_workload_is_looked_into(resource: str) -> None:
    template = workload(NAMED)["spec"]["template"]
    body = {"pods": template, "cronjobs": {"spec": {"jobTemplate": {"spec": {"template": template}}}}}
    event = write(resource, body.get(resource, workload(NAMED)), name="store", at=1)
    assert fired(exposed_redis, published(REDIS_80), event) == ["shop/edge"]


def test_pods_of_a_controller_tell_of_a_workload_whose_making_was_not_seen() -> None:
    pod = {"metadata": {**made_by("StatefulSet", "store"), "labels": LABELS}, "spec": pods(NAMED)}
    event = write("pods", pod, user=f"{CONTROLLER}statefulset-controller", name="store-0", at=1)
    found = findings(exposed_redis, [published(REDIS_80), event])
    assert "stateful set store" in found[0].match.because


def opened(verb: str = "patch", **fields: Any) -> AuditEvent:
    return published({"spec": {"type": "LoadBalancer"}}, verb, **{"at": 2, **fields})


INSIDE = published(service(6379, type="ClusterIP"), at=1)
OPEN = service(6379, 6379, uid="u1")


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (INSIDE, opened(), True),
        (INSIDE, opened(response=OPEN), True),
        (INSIDE, published(service(6379, 6379), "update", at=2), True),
        (INSIDE, published([{"op": "replace", "path": "/spec/type", "value": "LoadBalancer"}], "patch", at=2), True),
        (INSIDE, published({"spec": {"externalIPs": ["203.0.113.9"]}}, "patch", at=2), True),
        (INSIDE, published({"metadata": {"labels": {"a": "b"}}}, "patch", at=2), False),
        (INSIDE, published([{"op": "move", "path": "/spec/type", "from": "/x"}], "patch", at=2), False),
        (INSIDE, published({"spec": {"type": 7}}, "patch", at=2), False),
        (INSIDE, opened(code=409), False),
        (INSIDE, opened(uri="/x?dryRun=All"), False),
        (INSIDE, opened(stage="RequestReceived"), False),
        (published(service(6379, notes={AZURE_INTERNAL: "true"}), at=1),
         published({"metadata": {"annotations": {AZURE_INTERNAL: None}}}, "patch", at=2), True),
        (published(service(6379, notes={AZURE_INTERNAL: "true"}), at=1),
         published([{"op": "remove", "path": f"/metadata/annotations/{AZURE_INTERNAL.replace('/', '~1')}"}], "patch",
                   at=2), True),
        (published(service(6379, loadBalancerSourceRanges=["10.0.0.0/8"]), at=1),
         published({"spec": {"loadBalancerSourceRanges": None}}, "patch", at=2), True),
        (published(service(443, 8443), at=1),
         published([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 6379}], "patch", at=2), True),
        (published(service(443, 8443), at=1),
         published({"spec": {"ports": [{"port": 443, "targetPort": 6379}]}}, "patch", at=2), True),
        (published(service(443, 8443), at=1), published({"spec": {"selector": {"app": "redis"}}}, "patch", at=2), True),
        (write("deployments", {}, name="x"), opened(), False),
    ],
)  # fmt: skip
def test_a_later_change_opens_it(before: AuditEvent, after: AuditEvent, found: bool) -> None:
    assert fired(exposed_redis, before, after) == (["shop/edge"] if found else [])


def test_another_image_by_a_patch_alone() -> None:
    before = write("deployments", workload(container(image="x/y", ports=[{"containerPort": 6379}])), name="store")
    patch: Any = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "redis"}]
    events = [published(service(80, 7000), at=1), before]
    assert fired(exposed_redis, *events) == []
    gone = [{"op": "remove", "path": "/spec/template/spec/containers/0/ports"}]
    change = write("deployments", [*patch, *gone], "patch", name="store", at=2)
    assert fired(exposed_redis, *events, change) == ["shop/edge"]


WORKLOAD = write("deployments", workload(NAMED), name="store", at=9)


@pytest.mark.parametrize(
    "ending",
    [
        write("services", verb="delete", name="edge", at=5),
        write("services", verb="deletecollection", name="", at=5),
        write("services", verb="deletecollection", name="", at=5,
              response={"kind": "ServiceList", "items": [{"metadata": {"name": "edge"}}]}),
        published({}, "patch", at=5, response={**REDIS_80, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    ],
)  # fmt: skip
def test_a_service_that_was_deleted_before_is_quiet(ending: AuditEvent) -> None:
    assert fired(exposed_redis, published(REDIS_80), ending, WORKLOAD) == []


@pytest.mark.parametrize(
    "ending",
    [
        write("services", verb="delete", name="edge", at=5, code=404),
        write("services", verb="delete", name="other", at=5),
        write("services", {"dryRun": ["All"]}, "delete", name="edge", at=5),
        write("services", verb="deletecollection", name="", at=5, uri="/x?labelSelector=a%3Db"),
        write("services", verb="deletecollection", name="", at=5, response={"kind": "ServiceList", "items": []}),
        write("services/status", {}, "patch", name="edge", at=5),
    ],
)
def test_what_deletes_nothing_hides_nothing(ending: AuditEvent) -> None:
    assert len(findings(exposed_redis, [published(REDIS_80), ending, WORKLOAD])) == 1


def test_a_finalizer_that_is_removed_does_not_bring_a_service_back() -> None:
    left = {**REDIS_80, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": []}}
    events = [published(REDIS_80), write("services", verb="delete", name="edge", at=1)]
    assert fired(exposed_redis, *events, published({}, "patch", response=left, at=2), WORKLOAD) == []


def test_a_workload_that_was_deleted_or_changed_is_not_behind_it() -> None:
    there = write("deployments", workload(NAMED), name="store")
    for end in (
        write("deployments", verb="delete", name="store", at=1),
        write("deployments", verb="deletecollection", name="", at=1),
        write("deployments", workload(container()), "update", name="store", at=1),
    ):
        assert fired(exposed_redis, there, end, published(REDIS_80, at=2)) == []


def occurrences(*events: AuditEvent) -> list[str]:
    return [finding.match.occurrence for finding in findings(exposed_redis, events)]


def test_it_is_one_finding_until_it_was_closed_between() -> None:
    again = [published(OPEN, "update", at=n) for n in range(4)]
    assert occurrences(*again) == ["u1"]
    closed = published(service(6379, 6379, uid="u1", type="ClusterIP"), "update", at=1.5)
    assert occurrences(*again, closed) == ["u1", "u1"]
    assert occurrences(*again, write("services", verb="delete", name="edge", at=1.5)) == ["u1", "u1"]


def test_a_service_made_anew_is_another_occurrence() -> None:
    assert occurrences(published(OPEN), published(service(6379, 6379, uid="u2"), at=1)) == ["u1", "u2"]
    assert occurrences(published(service(6379, 6379))) == ["edge"]


def test_an_older_version_that_comes_later_is_passed_over() -> None:
    new = service(6379, 6379, uid="u1", version="1000", type="ClusterIP")
    old = service(6379, 6379, uid="u1", version="999")
    assert occurrences(published({}, "update", response=new), published({}, "update", response=old, at=1)) == []
    assert occurrences(published({}, "update", response=old, at=1)) == ["u1"]


def test_an_old_pod_tells_nothing_of_a_workload_that_told_itself() -> None:
    moved = workload(NAMED, labels={"app": "moved"})
    changed = write("statefulsets", {}, "update", name="store", response={**moved, "metadata": {"uid": "u"}})
    old = {"metadata": {**made_by("StatefulSet", "store"), "labels": LABELS}, "spec": pods(NAMED)}
    pod = write("pods", old, user=f"{CONTROLLER}statefulset-controller", name="store-0", at=1)
    assert fired(exposed_redis, changed, pod, published(REDIS_80, at=2)) == []
    assert fired(exposed_redis, pod, published(REDIS_80, at=2)) == ["shop/edge"]


@pytest.mark.parametrize("answer", [None, TABLE, workload(NAMED)])
def test_a_body_is_opened_wherever_it_stands(answer: JSON | None) -> None:
    event = write("deployments", workload(NAMED), name="store", at=1, response=answer)
    assert fired(exposed_redis, published(REDIS_80), event) == ["shop/edge"]


def test_escapes_hide_nothing() -> None:
    raw = msgspec.Raw(msgspec.json.encode(workload(NAMED)).replace(b"redis", b"\\u0072edis"))
    event = msgspec.structs.replace(write("deployments", None, name="store", at=1), request=raw, response=raw)
    assert fired(exposed_redis, published(REDIS_80), event) == ["shop/edge"]


def test_namespaces_do_not_mix() -> None:
    elsewhere = msgspec.structs.replace(WORKLOAD, object=msgspec.structs.replace(WORKLOAD.object, namespace="other"))
    assert fired(exposed_redis, published(REDIS_80), elsewhere) == []


def test_a_service_of_another_api_is_none() -> None:
    event = published(OPEN)
    knative = msgspec.structs.replace(event.object, api_group="serving.knative.dev")
    verdict = exposed_redis(msgspec.structs.replace(event, object=knative))
    assert isinstance(verdict, Quiet)


def test_it_names_who_completed_it_and_shows_both_requests() -> None:
    done = write("deployments", workload(NAMED), name="store", at=1, user="eve", addresses=("203.0.113.7",))
    (found,) = findings(exposed_redis, [published(REDIS_80), done])
    assert found.match.actor is not None
    assert (found.match.actor.name, found.match.actor.addresses) == ("eve", ("203.0.113.7",))
    assert len(found.evidence) == 2
    assert found.evidence[1].event_id == done.event_id
    json.dumps(found.match.fields)


STORY = (
    published(service(80, "tcp", uid="u1", version="1"), event_id="a"),
    write("deployments", workload(NAMED), name="store", at=1, event_id="b"),
    published(service(80, "tcp", uid="u1", version="3", type="ClusterIP"), "update", at=2, event_id="c"),
    published({"spec": {"type": "LoadBalancer"}}, "patch", at=2, event_id="d"),
    write("deployments", verb="delete", name="store", at=3, event_id="e"),
    write("pods", workload(NAMED)["spec"]["template"], name="store", at=3, event_id="f"),
)


def test_every_order_of_arrival_gives_the_same() -> None:
    expected = findings(exposed_redis, STORY)
    assert len(expected) == 2
    for order in itertools.permutations(STORY):
        assert findings(exposed_redis, order) == expected


EVENTS = st.lists(
    st.builds(
        lambda kind, name, port, at, number: msgspec.structs.replace(
            published(service(port, "tcp", type=kind), name=name, at=at)
            if number % 3
            else write("deployments", workload(NAMED), ("create", "delete")[number % 2], name=name, at=at),
            event_id=f"e{number}",
        ),
        st.sampled_from(["LoadBalancer", "ClusterIP"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([80, 6379]),
        st.integers(0, 200) | st.sampled_from([RETENTION // 1_000_000, RETENTION // 500_000]),
        st.integers(0, 99),
    ),
    max_size=12,
)


@given(EVENTS)
def test_plain_state_and_forgetting_change_nothing(events: list[AuditEvent]) -> None:
    observed = observations(exposed_redis, events)

    def through_plain(_: Any, state: Inventory, __: Any) -> Inventory:
        written = msgspec.json.decode(msgspec.json.encode(exposed_redis.to_plain(state)))
        return exposed_redis.from_plain(exposed_redis.version, written)

    def forgetting(_: Any, state: Inventory, observation: Any) -> Inventory:
        return Inventory() if observation.time > exposed_redis.expires(state) else state

    plain = list(judged(exposed_redis, observed))
    assert list(judged(exposed_redis, observed, through_plain)) == plain
    assert list(judged(exposed_redis, observed, forgetting)) == plain


def test_a_namespace_that_is_silent_for_90_days_is_forgotten() -> None:
    later = RETENTION / 1_000_000
    events = [published(REDIS_80), write("deployments", workload(NAMED), name="store", at=later)]
    assert fired(exposed_redis, *events) == ["shop/edge"]
    assert fired(exposed_redis, events[0], msgspec.structs.replace(events[1], time=events[1].time + 1)) == []


def test_a_flood_is_bounded_and_a_service_that_comes_last_is_still_found() -> None:
    state, found = Inventory(), list[Finding]()
    flood = [published(service(80, type="ClusterIP"), name=f"s{n}", at=n) for n in range(LARGEST + 5)]
    flood += [write("pods", workload(NAMED)["spec"]["template"], name=f"p{n}", at=1000 + n) for n in range(LARGEST + 5)]
    for one in observations(exposed_redis, [*flood, published(REDIS_80, at=9999), published(OPEN, at=9998)]):
        found += [item for item in exposed_redis.step(state, one) if isinstance(item, Finding)]
    assert (len(state.services), len(state.workloads)) == (LARGEST, LARGEST)
    assert {item.match.entity.name for item in found} == {"edge"}
    assert len(msgspec.msgpack.encode(exposed_redis.to_plain(state))) < 500_000


def test_one_service_is_bounded() -> None:
    ports = [{"port": n % 65536, "targetPort": "x" * 999, "name": "y" * 999} for n in range(5000)]
    body = service(
        ports=ports, loadBalancerSourceRanges=["0.0.0.0/1"] * 999, selector={str(n): "v" for n in range(999)}
    )
    kept = object_notes.wrote(published(body), exposed_redis.keeps)
    assert not isinstance(kept, Quiet)
    assert len(msgspec.msgpack.encode(kept.what)) < 250_000
