"""AKS audit events as rows of a Log Analytics workspace, as its data export writes them to event hubs and storage.

Source: the tables AKSAudit and AKSAuditAdmin of Azure Monitor. Their columns are the fields of an audit event under
other names; a column of dynamic type is an object, or text that holds one.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from events.audit import AuditEvent
from events.formats import aks, native
from events.lenient import NULL, Members, opened, text_of
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.times import micros

AUDIT_TABLES = frozenset({"AKSAudit", "AKSAuditAdmin"})
OTHER_TABLE = "AKSControlPlane"
EMPTY = Raw(b'""')
FIELDS = {
    "Level": "level",
    "AuditId": "auditID",
    "Stage": "stage",
    "RequestUri": "requestURI",
    "Verb": "verb",
    "UserAgent": "userAgent",
    "RequestReceivedTime": "requestReceivedTimestamp",
    "StageReceivedTime": "stageTimestamp",
}
"""Columns of text, and the fields that they hold."""
DYNAMIC_FIELDS = {
    "User": "user",
    "ImpersonatedUser": "impersonatedUser",
    "SourceIps": "sourceIPs",
    "ObjectRef": "objectRef",
    "ResponseStatus": "responseStatus",
    "RequestObject": "requestObject",
    "ResponseObject": "responseObject",
    "Annotations": "annotations",
}


def recognises(members: Members) -> bool:
    """Whether an object is a row of one of the tables of AKS."""
    table = text_of(members.get("Type"))
    return table in AUDIT_TABLES or table == OTHER_TABLE


def decode(record: bytes, cluster: str) -> AuditEvent | Skipped | Malformed:
    """The event of a row; a row of another log of the control plane is skipped."""
    row = opened(record)
    if isinstance(row, str) or isinstance(row.value, list):
        return Malformed(row if isinstance(row, str) else "unknown format", record[:HEAD_BYTES])
    columns = row.value
    if text_of(columns.get("Type")) not in AUDIT_TABLES:
        return Skipped("azure log category other")
    fields = {field: columns[column] for column, field in FIELDS.items() if column in columns}
    fields |= {field: _dynamic(columns.get(column, NULL)) for column, field in DYNAMIC_FIELDS.items()}
    name = aks.cluster_of(text_of(columns.get("_ResourceId"))) or cluster
    item = native.decode(msgspec.json.encode(fields), name, micros(text_of(columns.get("TimeGenerated"))))
    return Malformed(item.reason, record[:HEAD_BYTES], item.detail) if isinstance(item, Malformed) else item


def _dynamic(value: Raw) -> Raw:
    """An object or a list, out of the text that may hold it; null for an empty text."""
    text = text_of(value)
    inner = opened(text.encode()) if text else text
    if isinstance(inner, str):
        return NULL if value == EMPTY else value
    return Raw(inner.data)
