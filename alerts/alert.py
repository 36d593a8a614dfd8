"""An alert, as it leaves: one JSON object. Its field names are stable; more may be added."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LATEST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)

Time: TypeAlias = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", json_schema_extra={"format": "date-time"}),
]
"""RFC 3339 in UTC, with microseconds."""


def rfc3339(microseconds: int) -> str:
    """A time as alerts write it; what no calendar holds becomes the nearest time that one does.

    Examples
    --------
    >>> rfc3339(1_790_000_000_000_001)
    '2026-09-21T14:13:20.000001Z'
    """
    moment = EPOCH + timedelta(microseconds=min(max(microseconds, _EARLIEST), _LATEST))
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def milliseconds(time: str) -> int:
    """Milliseconds since 1970 of a time as alerts write it."""
    return (datetime.fromisoformat(time) - EPOCH) // timedelta(milliseconds=1)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AlertEntity(_Part):
    """What the alert is about: the object, container or identity. Kind, namespace and name identify it."""

    kind: str = Field(
        description="`service_account`, `user`, `container`, `pod`, `node`, `namespace`, `managed_identity`, or a "
        "Kubernetes kind in snake case such as `cluster_role_binding`."
    )
    name: str = Field(description="Name of the object or identity.")
    namespace: str | None = Field(None, description="Namespace it is in; absent if it is in none.")
    pod: str | None = Field(None, description="Name of the pod, where known and not the entity itself.")
    container: str | None = Field(None, description="Name of the container in the pod.")
    image: str | None = Field(None, description="Image of the container, with registry and tag.")
    node: str | None = Field(None, description="Node it runs on.")
    workload: str | None = Field(None, description="Kind and name of what made the pod: `Deployment/web`.")


class AlertActor(_Part):
    """Who did it, where known and not the entity itself."""

    kind: str = Field(description="`user`, `service_account`, `managed_identity` or `process`.")
    name: str = Field(description="Name of the identity, or the command line of the process.")
    addresses: tuple[str, ...] | None = Field(
        None,
        description="Addresses that the request names. Only the last is the connection; a client may invent others.",
    )
    user_agent: str | None = Field(None, description="User agent, as the client gives it.")
    parent: str | None = Field(None, description="Command line of the process that started it.")
    uid: int | None = Field(None, description="User number that the process runs under.")


class AlertOrigin(_Part):
    """Where a record was read: a place in a file, or in a topic."""

    path: str | None = Field(None, description="File.")
    line: int | None = Field(None, description="Line in the file, counted from 1.")
    item: int | None = Field(None, description="Position in the record, counted from 0, if it holds several events.")
    topic: str | None = Field(None, description="Kafka topic.")
    partition: int | None = Field(None, description="Partition of the topic.")
    offset: int | None = Field(None, description="Offset in the partition.")


class AlertEvidence(_Part):
    """One event that the alert rests on."""

    event_id: str = Field(description="Id of the event in its source: audit id, exec id, correlation id.")
    time: Time = Field(description="When it happened.")
    origin: AlertOrigin = Field(description="Where its record was read.")
    summary: str = Field(description="The event in one line, secrets redacted.")


class Explanation(_Part):
    """Why the alert was raised."""

    because: str = Field(description="The reason in one sentence.")
    conditions: tuple[str, ...] = Field(description="What was required and held, by name.")
    fields: dict[str, JsonValue] = Field(description="The fields that decided, with their values.")


class RaisedBy(_Part):
    """The detector that raised the alert."""

    name: str = Field(description="Name of the detector.")
    revision: int = Field(description="Counts up when the same event may get another answer.")


class Suppression(_Part):
    """The exception that suppressed the alert."""

    exception: str = Field(description="Id of the exception.")
    reason: str = Field(description="Why the exception was made.")


class Alert(_Part):
    """One occurrence of an alert type."""

    id: str = Field(description="Hash of alert type, cluster, entity and occurrence: the same in every run.")
    revision: int = Field(ge=1, description="Counts up each time that more is known of the same alert.")
    activity: Literal["create", "update"] = Field(description="`create` for revision 1, then `update`.")
    alert_type: str = Field(description="Alert type, as in Defender for Containers: `K8S_ClusterAdminBinding`.")
    title: str = Field(description="Title of the alert type.")
    severity: Literal["Informational", "Low", "Medium", "High"] = Field(
        description="Severity of the alert type, unless the settings give another."
    )
    tactics: tuple[str, ...] = Field(description="MITRE ATT&CK tactics, or `Probing`, `Exploitation`, `Unknown`.")
    techniques: tuple[str, ...] = Field(description="MITRE ATT&CK techniques, by id.")
    description: str = Field(description="What happened, why it matters, and what to do first.")
    cluster: str = Field(description="Cluster it happened in.")
    entity: AlertEntity = Field(description="What the alert is about.")
    actor: AlertActor | None = Field(None, description="Who did it; absent if unknown, or if it is the entity.")
    first_event_time: Time = Field(description="Time of the earliest event.")
    last_event_time: Time = Field(description="Time of the latest event.")
    count: int = Field(ge=1, description="How many different events were merged into the alert.")
    status: Literal["new", "suppressed"] = Field(description="`suppressed` if an exception covers it.")
    suppression: Suppression | None = Field(None, description="The exception, if the alert is suppressed.")
    explanation: Explanation = Field(description="Why it was raised, for machines and people.")
    evidence: tuple[AlertEvidence, ...] = Field(description="The earliest events that it rests on, at most 20.")
    detector: RaisedBy = Field(description="What raised it.")
    trimmed: tuple[str, ...] | None = Field(
        None, description="Parts that were cut so that the alert fits into a message; absent if it is whole."
    )


class _AsWritten(GenerateJsonSchema):
    """Schema of alerts as they are written: absent is never null, and a reader accepts fields that are new to it."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("additionalProperties", None)
        return made


def json_schema() -> dict[str, Any]:
    """The JSON schema of an alert, each field described."""
    made = Alert.model_json_schema(schema_generator=_AsWritten)
    return {"$schema": GenerateJsonSchema.schema_dialect, **made}
