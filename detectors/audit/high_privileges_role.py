"""A role with which its holder can come to own the cluster."""

from __future__ import annotations

from itertools import islice

from detectors.audit.bodies import UNRECORDED, written
from detectors.audit.conditions import COMPLETED, bootstrap
from detectors.audit.entities import SHOWN, actor, named, object_entity, who
from detectors.audit.lists import AGGREGATOR, is_one_of
from detectors.audit.objects import PolicyRule, Role
from detectors.audit.powers import GATHERED, powers
from detectors.audit.workloads import digest, instance
from detectors.contract import Match, Quiet, rule
from detectors.selection import writes
from events import AuditEvent

NAMED = 5
"""As many privileges stand in the sentence, those of any kind first; the fields have all."""


@rule(
    "K8S_HighPrivilegesRole",
    on=writes("clusterroles", "roles"),
    unless=(*COMPLETED, bootstrap),
    misses=(
        "Powers that several roles give together. Roles of an ordinary namespace that read its secrets or make its"
        " pods. Reading secrets, and writing webhook configurations, that the rule lists by name. Custom resources"
        f" whose operator does the work for whoever may write them. {UNRECORDED}"
    ),
    noise=(
        "Operators, backup tools and ingress controllers come with such roles: it fires once for each when it is"
        " installed, and again when a role gains more. No earlier form is kept, so a write of the whole of an old role"
        " raises it once more, under the same id."
    ),
)
def high_privileges_role(event: AuditEvent) -> Match | Quiet:
    """Someone created or changed a role so that it gives power over the cluster, or over all of a namespace.

    Examples
    --------
    >>> def role(verb, resource):
    ...     return {"rules": [{"apiGroups": [""], "resources": [resource], "verbs": [verb]}]}
    >>> fired(high_privileges_role, audit("create", "clusterroles", name="x", request=role("create", "pods/exec")))
    ['x']
    >>> fired(high_privileges_role, audit("create", "roles", namespace="shop", request=role("create", "pods")))
    []
    """
    write = written(event, Role)
    if isinstance(write, Quiet):
        return write
    if write.said is not None and write.said.rules is None:
        return Quiet("the patch itself sets rules", "it sets none")
    wide = event.object.resource == "clusterroles" or event.object.namespace == "kube-system"
    rules = [rule for rule in write.now.rules or () if rule is not None]
    found = sorted({power for rule in rules for power in powers(rule, wide=wide)})
    if not found:
        return Quiet("a rule gives high privileges", [_short(rule) for rule in rules[:SHOWN]])
    if is_one_of(event.user, {AGGREGATOR}) and GATHERED.get(event.object.name, frozenset()).issuperset(found):
        return Quiet("aggregation gives the role more than it ordinarily gathers", found)
    entity = object_entity(event, write.now.meta)
    first = sorted(found, key=lambda power: not power.startswith("any "))
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    telling = islice((_short(rule) for rule in rules if any(powers(rule, wide=wide))), SHOWN)
    return Match(
        entity,
        f"{instance(event, write.now.meta)}:{digest(found)}",
        f"{who(event)} wrote {named(entity)}, which gives {', '.join(first[:NAMED])}{more}",
        {"powers": found, "rules": list(telling)},
        actor(event),
    )


def _short(rule: PolicyRule) -> str:
    what = ", ".join((rule.resources or rule.non_resource_urls or [])[:SHOWN])
    names = f" named {', '.join(rule.resource_names[:SHOWN])}" if rule.resource_names else ""
    return f"{', '.join((rule.verbs or [])[:SHOWN])} of {what}{names}"
