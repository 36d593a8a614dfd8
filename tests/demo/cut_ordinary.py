"""Cut the ordinary captures out of the demo's hour: `python -m tests.demo.cut_ordinary` writes them anew.

Of each form of request, and of each program, that is named here the first line is kept; no incident is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flows.demo import azure
from flows.demo.apiserver import go_json, plain_json
from flows.demo.story import Entries, tell

ORDINARY = Path(__file__).parents[1] / "captures" / "ordinary"
NATIVE = frozenset(
    {
        "create daemonsets jonas.weber", "create pods daemon-set-controller", "delete namespaces jonas.weber",
        "deletecollection events namespace-controller", "get pods/exec jonas.weber", "get secrets ext-t.lindgren",
        "list pods metrics-server", "patch configmaps jonas.weber", "patch services argocd-application-controller",
        "update leases kube-scheduler", "watch pods forge-w-1", "get deployments jonas.weber", "get nodes forge-w-1",
        "get namespaces namespace-controller", "get pods jonas.weber", "get pods/log jonas.weber",
        "list configmaps namespace-controller", "list deployments jonas.weber", "list events jonas.weber",
        "list pods ext-t.lindgren", "update leases forge-w-1", "watch secrets generic-garbage-collector",
        "watch services metrics-server",
    }
)  # fmt: skip
AKS = frozenset(
    {
        "create pods priya.nair@contoso.example", "create rolebindings deployer", "create roles deployer",
        "create secrets deployer", "get pods/exec maria.alvarez@contoso.example", "list secrets deployer",
        "list nodes maria.alvarez@contoso.example", "patch daemonsets argocd-application-controller",
    }
)  # fmt: skip
TETRAGON = frozenset(
    {"cloud-node-manager", "curl", "docker-entrypoint.sh", "java", "logrotate", "nginx", "pg_isready", "run-parts"}
)
FALCO = frozenset(
    {"bash", "curl", "df", "env", "fluent-bit", "nginx", "ps", "python3", "sh", "sshd", "systemctl", "uptime"}
)


def ordinary() -> dict[str, bytes]:
    """The files by name."""
    hour = tell(incidents=False)
    klog = [azure.klog_record(category, hour.weu_audit[0][0]) for category in azure.KLOG]
    audit = [azure.audit_record(at, entry) for at, entry in firsts(hour.weu_audit, request, AKS)]
    return {
        "audit-native.jsonl": lines(entries(firsts(hour.forge_audit, request, NATIVE)), go_json),
        "audit-aks.jsonl": lines(azure.batches(klog + audit), plain_json),
        "tetragon.jsonl": lines(entries(firsts(hour.weu_tetragon, program, TETRAGON)), go_json),
        "falco.jsonl": lines(entries(firsts(hour.forge_falco, executable, FALCO)), plain_json),
    }


def firsts(log: Entries, form: Callable[[Any], str], wanted: frozenset[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The first entry of each form that is wanted."""
    left = set(wanted)
    for at, entry in log:
        key = form(entry)
        if key in left:
            left.remove(key)
            yield at, entry


def request(entry: Any) -> str:
    """An audit event's verb, resource and, without what comes before the last colon, user."""
    reference = entry["objectRef"]
    resource = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
    return f"{entry['verb']} {resource} {entry['user']['username'].rpartition(':')[2]}"


def program(entry: Any) -> str:
    """The program that a record of Tetragon is about; nothing for its end."""
    kind = next(iter(entry))
    return "" if kind == "process_exit" else str(entry[kind]["process"]["binary"].rpartition("/")[2])


def executable(entry: Any) -> str:
    """The program that a line of Falco is about."""
    return str(entry["output_fields"]["proc.exepath"].rpartition("/")[2])


def entries(log: Iterator[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The entries without their times."""
    return [entry for _, entry in log]


def lines(values: list[dict[str, Any]], written: Callable[[Any], str]) -> bytes:
    """One line for each value."""
    return b"".join(written(value).encode() + b"\n" for value in values)


if __name__ == "__main__":
    ORDINARY.mkdir(parents=True, exist_ok=True)
    for name, text in ordinary().items():
        (ORDINARY / name).write_bytes(text)
