"""Requests as values that can be counted."""

import pytest

from detectors.audit.operations import Operation, _operation, client, decision, operation, place
from detectors.examples import audit
from events import AuditEvent, User


@pytest.mark.parametrize(
    ("event", "label", "sensitive"),
    [
        (audit("get", "secrets"), "get secrets", True),
        (audit("get", "pods"), "get pods", False),
        (audit("get", "pods/exec"), "get pods/exec", True),
        (audit("update", "pods/ephemeralcontainers"), "update pods/ephemeralcontainers", True),
        (audit("create", "pods"), "create pods", True),
        (audit("create", "pods/eviction"), "create pods/eviction", False),
        (audit("create", "serviceaccounts/token"), "create serviceaccounts/token", True),
        (audit("get", "", uri="/apis/apps/v1?timeout=32s"), "get /apis", False),
        (audit("get", "", uri="/my/own/../path"), "get /other", False),
        (audit("list", "nodes", impersonated=User("root")), "list nodes as another", True),
    ],
)
def test_operations_have_a_label_and_may_be_sensitive(event: AuditEvent, label: str, sensitive: bool) -> None:
    told = operation(event)
    assert (told.label, told.sensitive) == (label, sensitive)
    assert isinstance(told, Operation)


def test_a_foreign_resource_of_a_sensitive_name_is_not_sensitive() -> None:
    assert _operation("get", "secrets", "", "vault.example") == ("get secrets.vault.example", False, False)
    assert _operation("list", "roles", "", "rbac.authorization.k8s.io").sensitive
    assert _operation("create", "selfsubjectrulesreviews", "", "authorization.k8s.io").sensitive
    assert _operation("create", "daemonsets", "", "apps").sensitive


def test_clients_and_places_have_few_values() -> None:
    assert client("Mozilla/5.0 (X11)") == "mozilla"
    assert client("kubectl/v1.33.0 (Darwin/arm64) kubernetes/x") == "kubectl darwin"
    assert client("kubectl") == "kubectl"
    assert [place(*one) for one in (("shop", "shop", False), ("", "shop", True), ("lab", "shop", False))] == [
        *("own|r", "cluster|w", "lab|r"),
    ]


@pytest.mark.parametrize(
    ("code", "said"), [(403, "forbidden"), (401, "forbidden"), (404, "ok"), (429, "ok"), (500, "ok")]
)
def test_an_outage_is_no_decision(code: int, said: str) -> None:
    assert decision(audit("get", "pods", code=code)) == said


def test_without_a_code_the_authorizer_has_decided() -> None:
    assert decision(audit("get", "pods", code=None, decision="forbid")) == "forbidden"
    assert decision(audit("get", "pods", code=None)) == "ok"
