"""Webhook configurations and policies of admission, as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulation.attacks.scene import Scene
from simulation.json import Json
from simulation.kubernetes.objects import body

MUTATING = "MutatingWebhookConfiguration"
VALIDATING = "ValidatingWebhookConfiguration"


def bundle(scene: Scene) -> str:
    """A CA's certificate; obviously none."""
    return "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmludmVudGVk" + scene.chance.hexadecimal(700) + "Cg=="


def inside(scene: Scene, namespace: str, name: str) -> Json:
    """A server in the cluster."""
    return {
        "service": {"namespace": namespace, "name": name, "path": "/validate", "port": 443},
        "caBundle": bundle(scene),
    }


def outside(scene: Scene) -> Json:
    """A server of the intruder."""
    return {"url": f"https://{scene.address}:8443/admit", "caBundle": bundle(scene)}


def hook(name: str, client: Json, resources: Sequence[str] = ("pods",), **fields: Any) -> Json:
    """A webhook that is asked when such resources are made or changed; `policy` is what happens if it fails."""
    group = fields.get("group", "")
    rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": [group], "apiVersions": ["v1"]}
    return {
        "name": name,
        "clientConfig": client,
        "rules": [{**rule, "resources": list(resources), "scope": "*"}],
        "failurePolicy": fields.get("policy", "Ignore"),
        "matchPolicy": "Equivalent",
        "namespaceSelector": fields.get("namespaces", {}),
        "objectSelector": {},
        "sideEffects": "None",
        "timeoutSeconds": 10,
        "admissionReviewVersions": ["v1"],
    }


def webhooks(kind: str, name: str, *hooks: Json, notes: Json | None = None) -> Json:
    """A configuration; of mutating webhooks each says whether it is asked again."""
    again = {"reinvocationPolicy": "Never"} if kind == MUTATING else {}
    meta = {"labels": {"app": name}, "annotations": notes or {}}
    return body(kind, name, meta=meta, webhooks=[{**each, **again} for each in hooks])


def _constraints(resources: Sequence[str]) -> Json:
    group = "rbac.authorization.k8s.io" if "roles" in resources else ""
    rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": [group], "apiVersions": ["v1"]}
    rules = [{**rule, "resources": list(resources), "scope": "*"}]
    return {"namespaceSelector": {}, "objectSelector": {}, "resourceRules": rules, "matchPolicy": "Equivalent"}


def policy(name: str, expression: str, resources: Sequence[str]) -> Json:
    """A ValidatingAdmissionPolicy of one expression."""
    validations = [{"expression": expression, "message": "not now"}]
    spec = {"matchConstraints": _constraints(resources), "validations": validations, "failurePolicy": "Fail"}
    return body("ValidatingAdmissionPolicy", name, spec=spec, status={})


def mutating_policy(name: str, image: str) -> Json:
    """A MutatingAdmissionPolicy that adds a container to pods."""
    expression = (
        f'Object{{spec: Object.spec{{containers: [Object.spec.containers{{name: "relay", image: "{image}"}}]}}}}'
    )
    mutations = [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}]
    spec = {"matchConstraints": _constraints(["pods"]), "mutations": mutations}
    spec |= {"failurePolicy": "Ignore", "reinvocationPolicy": "IfNeeded"}
    return body("MutatingAdmissionPolicy", name, spec=spec)


def binding(name: str, kind: str = "ValidatingAdmissionPolicyBinding") -> Json:
    """What makes a policy apply, to everything."""
    actions = {"validationActions": ["Deny"]} if kind.startswith("Validating") else {}
    return body(kind, f"{name}-binding", spec={"policyName": name, **actions})
