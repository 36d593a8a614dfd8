"""Tell the hour and write it down: `python -m flows.demo.story OUT_DIR` makes the capture anew, byte for byte."""

from __future__ import annotations

import gzip
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

from flows.demo import azure, forge, weu
from flows.demo.apiserver import go_json, plain_json
from flows.demo.cast import Site
from flows.demo.controllers import Controllers
from flows.demo.fields import Json
from flows.demo.intrusion import Intrusion, stolen_identity
from flows.demo.invented import moment
from flows.demo.machines import Machines

PLAIN_BYTES = 60_000
"""A file that is larger is compressed."""
ROTATION = moment("09:30:00")
WEBHOOK = moment("09:58:00")
"""When forge's audit log moves from files to a webhook."""
TWICE_IN = 60
"""One in so many changes comes a second time, as a record of kube-audit-admin."""
Entries = list[tuple[int, Json]]


@dataclass(frozen=True)
class Hour:
    """What was reported in the hour, each in order of time."""

    weu_audit: Entries
    weu_tetragon: Entries
    weu_activity: Entries
    forge_audit: Entries
    forge_falco: Entries


def tell(*, incidents: bool = True) -> Hour:
    """Play the hour in both clusters; without incidents it is ordinary life alone."""
    shop, plant = weu.site(), forge.site()
    machines = Machines(shop)
    controllers = Controllers(shop, machines.started)
    pages = weu.live(shop, controllers, machines)
    plant_machines = Machines(plant)
    plant_controllers = Controllers(plant, plant_machines.started)
    forge.live(plant, plant_controllers, plant_machines)
    if incidents:
        Intrusion(shop, controllers, machines, pages[0]).enter()
        forge.incidents(plant, plant_controllers, plant_machines)
    shop.schedule.run()
    plant.schedule.run()
    activity = weu.add_ons() + (stolen_identity() if incidents else [])
    return Hour(_audit(shop), _runtime(shop), _sorted(activity), _audit(plant), _runtime(plant))


def _audit(site: Site) -> Entries:
    return _sorted(site.server.log)


def _runtime(site: Site) -> Entries:
    return _sorted(site.nodes[0].log)


def _sorted(entries: Entries) -> Entries:
    inside = [entry for entry in entries if moment("09:00:00") <= entry[0] < moment("10:00:00")]
    return sorted(inside, key=lambda entry: entry[0])


def files(hour: Hour) -> dict[str, bytes]:
    """The capture's files, uncompressed, by path."""
    first, second = _rotated([(at, go_json(entry).encode()) for at, entry in hour.forge_audit])
    return {
        "prod-weu-1/diagnostics.jsonl": _lines(azure.batches(_diagnostics(hour.weu_audit)), plain_json),
        "prod-weu-1/tetragon.jsonl": _lines([entry for _, entry in hour.weu_tetragon], go_json),
        "prod-weu-1/activity.jsonl": _lines([{"records": [entry]} for _, entry in hour.weu_activity], plain_json),
        "forge/audit-1.jsonl": first,
        "forge/audit-2.jsonl": second,
        "forge/audit-webhook.jsonl": _lines([_event_list(hour.forge_audit)], go_json),
        "forge/falco.jsonl": _damaged(_lines([entry for _, entry in hour.forge_falco], plain_json)),
    }


def _diagnostics(audit: Entries) -> list[Json]:
    records = [(at, azure.audit_record(at, entry)) for at, entry in audit]
    changes = [(at, entry) for at, entry in audit if entry["level"] == "RequestResponse"]
    records += [(at, azure.audit_record(at, entry, "kube-audit-admin")) for at, entry in changes[::TWICE_IN]]
    for place, category in enumerate(azure.KLOG):
        times = range(moment(f"09:0{place}:30"), moment("10:00:00"), 230_000_000 + place * 41_000_000)
        records += [(at, azure.klog_record(category, at)) for at in times]
    return [record for _, record in sorted(records, key=lambda entry: entry[0])]


def _rotated(lines: list[tuple[int, bytes]]) -> tuple[bytes, bytes]:
    """Two files; the copy of the first was taken in the middle of a line, and a line was copied twice."""
    before = [line for at, line in lines if at < ROTATION]
    after = [line for at, line in lines if ROTATION <= at < WEBHOOK]
    torn, middle = before[-1], len(before[-1]) // 2
    first = b"\n".join([*before[:-1], torn[:middle]]) + b"\n"
    second = b"\n".join([torn[middle:], after[0], *after]) + b"\n"
    return first, second


def _event_list(audit: Entries) -> Json:
    items = [entry for at, entry in audit if at >= WEBHOOK]
    for_list = [{key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in items]
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": for_list}


def _damaged(text: bytes) -> bytes:
    """One line lost its end."""
    lines = text.splitlines(keepends=True)
    middle = len(lines) // 3
    lines[middle] = lines[middle][: len(lines[middle]) // 2] + b"\n"
    return b"".join(lines)


def _lines(values: list[Json], written: Callable[[Json], str]) -> bytes:
    return b"".join(written(value).encode() + b"\n" for value in values)


def write(folder: pathlib.Path) -> None:
    """Write the capture into a folder; large files are compressed, without a time of day."""
    for name, text in files(tell()).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(text) > PLAIN_BYTES:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(text, 9, mtime=0))
        else:
            path.write_bytes(text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m flows.demo.story OUT_DIR")
    write(pathlib.Path(sys.argv[1]))
