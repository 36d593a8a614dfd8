"""Changes of CoreDNS' configuration."""

from typing import Any

import pytest
from msgspec.structs import replace

from detectors.audit.coredns_modification import coredns_modification
from detectors.contract import Quiet
from detectors.examples import audit, fired
from events import AuditEvent, User
from tests.detectors.audit.written import TABLE, alert_id


def change(verb: str = "update", name: str = "coredns", namespace: str = "kube-system", **fields: Any) -> AuditEvent:
    return audit(verb, "configmaps", namespace=namespace, name=name, **fields)


def listed(*names: str) -> Any:
    return {"kind": "ConfigMapList", "metadata": {}, "items": [{"metadata": {"name": name}} for name in names]}


@pytest.mark.parametrize(
    "event",
    [
        *(change(verb) for verb in ("create", "update", "patch", "delete")),
        change(name="coredns-custom"),
        change(name="kube-dns"),
        change(name="rke2-coredns-rke2-coredns"),
        change(level="Metadata", user="masterclient"),
        change("create", "", request={}, response={"metadata": {"name": "coredns"}}),
        change("delete", request={"kind": "DeleteOptions"}, uri="/x?dryRun=All"),
        change("deletecollection", "", response=listed("a", "coredns")),
        change("deletecollection", ""),
        change("deletecollection", "", uri="/x?fieldSelector=metadata.name%3Dcoredns"),
        change("deletecollection", "", uri="/x?fieldSelector=metadata.name!%3Da,metadata.name!%3Dcoredns-custom"),
        change("deletecollection", "", uri="/x?fieldSelector=metadata.namespace%3D%3Dkube-system"),
        change("deletecollection", "", uri="/x?fieldSelector=&fieldSelector=metadata.name%3Da&labelSelector="),
        change("deletecollection", "", uri="/x?labelSelector=%21a", response=TABLE),
        change("deletecollection", "", response={**listed("coredns"), "kind": "PartialObjectMetadataList"}),
        change("patch", request={"metadata": {"labels": {"a": "b"}, "ownerReferences": [{"uid": "u"}]}}),
        change(user="system:serviceaccount:kube-system:default"),
    ],
)
def test_a_change_or_a_deletion_fires(event: AuditEvent) -> None:
    assert fired(coredns_modification, event) == [f"kube-system/{event.object.name or 'coredns'}"]


@pytest.mark.parametrize(
    ("event", "condition"),
    [
        (change(namespace="shop"), "the namespace is kube-system"),
        (change(name="x-coredns"), "the ConfigMap is one of"),
        (change(name="coredns-autoscaler"), "the ConfigMap is one of"),
        (change("create", "", request={}), "the ConfigMap is one of"),
        (change("deletecollection", "", response=listed("a")), "the ConfigMap is one of"),
        (change("deletecollection", "", uri="/x?labelSelector=owner%3Dhelm"), "the ConfigMap is one of"),
        (change("deletecollection", "", uri="/x?fieldSelector=metadata.name%3Da"), "the ConfigMap is one of"),
        (
            change("deletecollection", "", uri="/x?fieldSelector=metadata.name%3Da", response=TABLE),
            "the ConfigMap is one of",
        ),
        (change("patch", request={"metadata": {"labels": {"a": "b"}}}), "the patch changes more than labels"),
        (change(code=403), "not: the request was refused"),
        (change(uri="/x?dryRun=All"), "not: the request is a dry run"),
        (change("delete", request={"dryRun": ["All"]}), "not: the request is a dry run"),
        (change(user="eks:addon-manager"), "the identity is not a platform's add-on manager"),
        (change(user="aksService"), "the identity is not a platform's add-on manager"),
    ],
)
def test_it_stays_quiet_and_says_why(event: AuditEvent, condition: str) -> None:
    verdict = coredns_modification(event)
    assert isinstance(verdict, Quiet)
    assert verdict.condition.startswith(condition)


def test_a_certificate_in_the_add_on_managers_name_does_not_excuse() -> None:
    event = replace(change(), user=User("aksService", groups=("system:authenticated",)))
    assert fired(coredns_modification, event) == ["kube-system/coredns"]


def test_users_name_who_maintains_it() -> None:
    mine = coredns_modification.with_parameters({"identities": ["flux"]})
    assert fired(mine, change(user="flux"), change(user="flux2")) == ["kube-system/coredns"]


def version(number: str, stamp: str) -> Any:
    entry = {"manager": "flux", "operation": "Apply", "time": stamp}
    return {"metadata": {"uid": "u", "resourceVersion": number, "managedFields": [entry]}}


def test_an_apply_that_changes_nothing_adds_no_alert() -> None:
    applied = change("patch", request={}, response=version("7", "2026-09-21T14:13:20Z"))
    again = change("patch", request={}, response=version("7", "2026-09-21T14:13:20Z"), at=20)
    later = change("patch", request={}, response=version("7", "2026-09-21T14:13:20Z"), at=600)
    changed = change("patch", request={}, response=version("8", "2026-09-21T14:33:20Z"), at=1200)
    ids = [alert_id(coredns_modification, event) for event in (applied, again, later, changed)]
    assert ids[0] == ids[1]
    assert ids[2] is None
    assert ids[3] not in (None, ids[0])
