"""What is measured: logs of simulated clusters, and slim records of as many entities as are wanted."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from alerts.alert import rfc3339
from simulation.choices import Form, Scale
from simulation.clock import moment
from simulation.journal import Count
from simulation.outlets import RotatedFiles
from simulation.profile import SCALES, SensorKind
from simulation.world import Order, World

BEGIN = "2026-03-02"
HOST, FILE = "192.0.2.7", "/tmp/update"  # noqa: S108  intruders like temporary folders
YEARS = 20


def simulated(
    folder: Path,
    source: str,
    events: int,
    form: Form = Form.NATIVE,
    sensor: SensorKind = SensorKind.TETRAGON,
    seed: int = 7,
) -> Path:
    """One log of one medium cluster in which nobody attacks; no line comes twice."""
    shape = SCALES[Scale.MEDIUM].model_copy(update={"sensor": sensor})
    order = Order(shape, days=365, clusters=1, seed=seed, form=form, sources=(source,), begin=moment(BEGIN))
    files = RotatedFiles(folder, source, 1 << 40, compress=False)
    World(order, lambda _cluster, _source: files, lambda _label: None, Count(events)).run()
    files.close()
    return folder / files.path


def inputs(folder: Path, events: int) -> dict[str, Path]:
    """Each source and form that has a row of its own."""
    return {
        "native audit": simulated(folder / "native", "audit", events),
        "AKS envelopes": simulated(folder / "aks", "audit", events, Form.AKS),
        "runtime (Tetragon)": simulated(folder / "tetragon", "runtime", events),
        "Falco": simulated(folder / "falco", "runtime", events, sensor=SensorKind.FALCO),
        "Azure Activity": _years(simulated(folder / "arm", "arm", events // YEARS // 4, Form.AKS)),
    }


def _years(file: Path) -> Path:
    """The same log in one year after another: to simulate so many of its rare events would take too long."""
    lines = file.read_bytes().splitlines(keepends=True)
    told = (line.replace(b"2026-", b"%d-" % (2026 + year)) for year in range(YEARS) for line in lines)
    return written(file.with_name("years.jsonl"), told)


def download(number: int, micros: int) -> bytes:
    """A container of this number downloads a file: the detectors of containers keep something of it."""
    return execution(number, micros, "/usr/bin/curl", f"-so {FILE} http://{HOST}/files/update")


def run_of_download(number: int, micros: int) -> bytes:
    """The container runs the file."""
    return execution(number, micros, FILE, "")


def execution(number: int, micros: int, binary: str, arguments: str) -> bytes:
    """A container of this number runs something."""
    at = rfc3339(micros)
    exec_id = base64.b64encode(f"node-1:{micros}:{number}".encode()).decode()
    container = {
        "id": f"containerd://{number:012x}{number:052x}",
        "name": "web",
        "image": {"name": "registry.example/web:1"},
    }
    process = {
        "exec_id": exec_id,
        "pid": 1 + number % 30_000,
        "uid": 0,
        "cwd": "/",
        "binary": binary,
        "arguments": arguments,
        "start_time": at,
        "parent_exec_id": exec_id[:-4],
        "pod": {
            "namespace": f"team-{number % 50}",
            "name": f"web-{number:07}",
            "container": container,
            "workload": "web",
            "workload_kind": "Deployment",
        },
    }
    return orjson.dumps({"process_exec": {"process": process}, "node_name": "node-1", "time": at}) + b"\n"


def request(number: int, micros: int, resource: str = "configmaps") -> bytes:
    """A service account of this number reads something."""
    namespace = f"team-{number % 50}"
    event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"{number:08x}-0000-4000-8000-{micros & 0xFFFFFFFFFFFF:012x}",
        "stage": "ResponseComplete",
        "requestURI": f"/api/v1/namespaces/{namespace}/{resource}/settings",
        "verb": "get",
        "user": {"username": f"system:serviceaccount:{namespace}:account-{number}"},
        "sourceIPs": [f"10.244.{number % 200}.{number % 250}"],
        "userAgent": "web/1.4",
        "objectRef": {"resource": resource, "namespace": namespace, "name": "settings", "apiVersion": "v1"},
        "responseStatus": {"code": 200},
        "stageTimestamp": rfc3339(micros),
    }
    return orjson.dumps(event) + b"\n"


def written(path: Path, lines: Iterable[bytes]) -> Path:
    """A file of these lines."""
    with path.open("wb", 1 << 20) as file:
        file.writelines(lines)
    return path


def visits(keys: int, events: int, begin: int, step: int) -> Iterator[tuple[int, int]]:
    """Key and time (microseconds) of so many events, the keys in turn but in no order that a cache could like."""
    stride = 7919 if keys % 7919 else 7907
    for number in range(events):
        yield number * stride % keys, begin + number * step
