"""Redis under other names and in other places of a pod, and pods that only have one near them."""

from typing import Any

import pytest

from detectors.audit.exposed_redis import exposed_redis
from detectors.examples import fired
from detectors.replay import findings
from events import AuditEvent
from tests.detectors.audit.test_exposed_redis import LABELS, NAMED, published, service, store, workload
from tests.detectors.audit.written import JSON, container, pods, write

WEB = container("web", "example/web:1")
WEB_8080 = container("web", "example/web:1", ports=[{"containerPort": 8080}])
STORE_6379 = store(ports=[{"containerPort": 6379}])
PING = ["redis-cli", "-h", "cache", "ping"]
FORWARDER = container("s", "example/forward:1", ports=[{"containerPort": 8080}])


def behind(*containers: JSON, **spec: Any) -> AuditEvent:
    return write("deployments", workload(*containers, **spec), name="store", at=1)


def program(*words: str, image: str = "ubuntu:24.04") -> JSON:
    return container("a", image, command=[words[0]], args=list(words[1:]))


@pytest.mark.parametrize(
    "event",
    [
        behind(store()),
        behind(STORE_6379),
        behind(store("redis/redis-stack-server:7")),
        behind(store("mirror.example:5000/valkey@sha256:0123")),
        behind(program("redis-server", "--port", "8080")),
        behind(program("/usr/local/bin/valkey-server", "/etc/x.conf")),
        behind(program("sh", "-c", "until redis-cli ping; do sleep 1; done; exec redis-server --port 8080")),
        behind(program("sh", "-c", "ulimit -n 9999;redis-sentinel /x.conf")),
        behind(program("sh", "-c", "redis-cli config set a b & exec docker-entrypoint.sh /x.conf", image="redis:7")),
        behind(container(), initContainers=[store(restartPolicy="Always")]),
        behind(STORE_6379, container("metrics", "example/exporter", ports=[{"containerPort": 9121}])),
    ],
)
def test_a_redis_is_found_by_image_or_program(event: AuditEvent) -> None:
    assert fired(exposed_redis, published(service(80, 8080)), event) == ["shop/edge"]


@pytest.mark.parametrize(
    "event",
    [
        behind(WEB_8080, store()),
        behind(WEB_8080, STORE_6379),
        behind(WEB, STORE_6379),
        behind(FORWARDER, STORE_6379),
        behind(WEB, initContainers=[store(command=PING)]),
        behind(WEB, initContainers=[store()]),
        behind(WEB_8080, initContainers=[store(restartPolicy="Always")]),
        behind(container("job", "redis:7", command=PING)),
        behind(container("job", "valkey/valkey:8", command=["/usr/bin/valkey-benchmark"], args=["-h", "cache"])),
        behind(program("sh", "-c", "redis-cli monitor")),
        behind(program("/app/predis-server")),
        behind(program("/app/redis-server-exporter")),
        behind(program("node", "redis-server.js")),
        behind(container("ui", "rediscommander/redis-commander:latest")),
        behind(container("x", "oliver006/redis_exporter:v1.62", ports=[{"containerPort": 8080}])),
    ],
)
def test_a_pod_that_has_only_to_do_with_redis_is_quiet(event: AuditEvent) -> None:
    assert fired(exposed_redis, published(service(80, 8080)), event) == []


def test_a_program_that_a_patch_gives_is_seen_and_one_that_it_leaves_stays() -> None:
    before = behind(container("a", "example/x:1", ports=[{"containerPort": 6379}]))
    gone = [{"op": "remove", "path": "/spec/template/spec/containers/0/ports"}]
    swap = [{"op": "add", "path": "/spec/template/spec/containers/0/command", "value": ["keydb-server"]}]
    change = write("deployments", [*gone, *swap], "patch", name="store", at=2)
    labels: JSON = {"spec": {"template": {"metadata": {"labels": {**LABELS, "b": "c"}}}}}
    relabelled = write("deployments", labels, "patch", name="store", at=3)
    (found,) = findings(exposed_redis, [before, change, relabelled, published(service(80, 8080), at=4)])
    assert found.match.fields["redis"] == ["program keydb-server of deployment store"]


def test_a_sidecar_stays_one_when_its_pod_is_patched() -> None:
    before = behind(container(), initContainers=[store(restartPolicy="Always")])
    labels: JSON = {"spec": {"template": {"metadata": {"labels": {"b": "c"}}}}}
    relabelled = write("deployments", labels, "patch", name="store", at=3)
    assert fired(exposed_redis, before, relabelled, published(service(80, 7000), at=4)) == ["shop/edge"]


def test_a_container_added_by_debugging_is_seen() -> None:
    pod = {"metadata": {"labels": LABELS}, "spec": pods(container())}
    added = {"metadata": {"labels": LABELS}, "spec": {**pods(container()), "ephemeralContainers": [NAMED]}}
    events = [write("pods", pod, name="p", at=1), write("pods/ephemeralcontainers", added, "update", name="p", at=2)]
    assert fired(exposed_redis, published(service(80, 7000)), *events) == ["shop/edge"]
