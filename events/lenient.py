"""Reading of records whose fields may have any type: one wrong field is absent, the others stay.

A format describes its records as msgspec structs whose fields all have defaults. The strict decoder
of such a struct is fast and refuses the whole record for one wrong type; the lenient reading takes
the record apart, and reads each field by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, cast, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, structs

from events.repair import paired, shallow

T = TypeVar("T", bound=Struct)
Integer: TypeAlias = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A number of hostile length is no number: it could not even be printed."""
Never: TypeAlias = Annotated[int, Meta(ge=1, le=0)]
"""No value has this type: strict reading refuses a record with such a field as soon as it comes to it."""
PortNumber: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
ABSENT = Raw()
"""Default of a body: nothing was there. JSON null is the same."""
NULL = Raw(b"null")
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
Members: TypeAlias = Mapping[str, Raw]
_containers: msgspec.json.Decoder[dict[str, Raw] | list[Raw]] = msgspec.json.Decoder(dict[str, Raw] | list[Raw])


class Opened(Struct, frozen=True):
    """A JSON object or list, its members not yet read."""

    data: bytes
    """The text, mended where it had to be."""
    value: dict[str, Raw] | list[Raw]
    pruned: bool = False
    """What was nested too deep is null now."""


class Reading(Struct, Generic[T], frozen=True):
    """A record, and what of it was absent because it could not be read."""

    value: T
    wrong: dict[str, str] = {}
    """Path of each wrong field (`objectRef.name`), and what is wrong with it."""
    pruned: bool = False


def opened(data: bytes) -> Opened | str:
    """Open a JSON object or list; the reason why not is `not JSON` or `unknown format`."""
    length, is_deep = len(data), False
    for mend in (bytes, paired, shallow):
        if mend is shallow and not is_deep:
            break
        data = mend(data)
        try:
            return Opened(data, _containers.decode(data), pruned=len(data) != length)
        except msgspec.ValidationError:
            return "unknown format"
        except msgspec.DecodeError:
            continue
        except RecursionError:
            is_deep = True
    return "not JSON"


class Reader(Generic[T]):
    """Reads records of one kind: `strict` raises one of UNREADABLE where `read` answers what can be known."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self.strict = msgspec.json.Decoder(kind).decode

    def read(self, record: bytes) -> Reading[T] | str:
        """The record, or the reason why it can't be opened at all."""
        try:
            return Reading(self.strict(record))
        except UNREADABLE:
            return self.lenient(record)

    def lenient(self, record: bytes) -> Reading[T] | str:
        """The record field by field, or the reason why it can't be opened at all."""
        document = opened(record)
        if isinstance(document, str):
            return document
        if not isinstance(document.value, dict):
            return "unknown format"
        wrong: dict[str, str] = {}
        return Reading(cast("T", _struct(self.kind, document.value, "", wrong)), wrong, document.pruned)


def present(raw: Raw) -> Raw | None:
    """A body; None if there is none."""
    return None if raw is ABSENT or raw == NULL else raw


def text_of(raw: Raw | None) -> str:
    """The string that a member holds; empty if it is none."""
    try:
        value = _decoder(str).decode(raw) if raw is not None else ""
    except UNREADABLE:
        return ""
    return cast("str", value)


def members_of(raw: Raw | None) -> Members | None:
    """The members of an object; None if it is none."""
    return None if raw is None else _try(dict[str, Raw], raw)


def elements_of(raw: Raw | None) -> list[Raw] | None:
    """The elements of a list; None if it is none."""
    return None if raw is None else _try(list[Raw], raw)


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


@lru_cache(maxsize=256)
def _fields(kind: type[Struct]) -> tuple[structs.FieldInfo, ...]:
    return structs.fields(kind)


def _try(kind: Any, raw: Raw) -> Any:
    try:
        return _decoder(kind).decode(raw)
    except UNREADABLE:
        return None


def _struct(kind: type[Struct], members: Members, path: str, wrong: dict[str, str]) -> Struct:
    values = {}
    for known in _fields(kind):
        raw = members.get(known.encode_name)
        if raw is not None:
            value = _value(known.type, raw, f"{path}{known.encode_name}", wrong)
            if value is not UNSET:
                values[known.name] = value
    return kind(**values)


def _value(kind: Any, raw: Raw, path: str, wrong: dict[str, str]) -> Any:
    if raw == NULL:
        return UNSET
    try:
        return _decoder(kind).decode(raw)
    except UNREADABLE as error:
        problem = str(error)
    for part in (kind,) if get_origin(kind) in (tuple, dict) else get_args(kind) or (kind,):
        value = _parts(part, raw, path, wrong)
        if value is not UNSET:
            return value
    wrong[path] = problem
    return UNSET


def _parts(kind: Any, raw: Raw, path: str, wrong: dict[str, str]) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Struct) and (members := members_of(raw)) is not None:
        return _struct(kind, members, f"{path}.", wrong)
    if origin is tuple and (elements := elements_of(raw)) is not None:
        read = [_value(arguments[0], element, f"{path}[]", wrong) for element in elements]
        return tuple(value for value in read if value is not UNSET)
    if origin is dict and (members := members_of(raw)) is not None:
        pairs = {key: _value(arguments[1], value, f"{path}.*", wrong) for key, value in members.items()}
        return {key: value for key, value in pairs.items() if value is not UNSET}
    return UNSET
