"""Secrets are taken out of whole records, which stay records: JSON stays JSON, also where a text holds it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import msgspec

from alerts.redaction import redact, redact_value
from alerts.secret_patterns import HIDDEN
from events.container_logs import bare
from events.lenient import UNREADABLE, elements_of, members_of, opened, text_of
from events.packed import gunzip, unbase64
from events.repair import leading_members, paired, well_encoded

DEEPEST = 100
"""Levels of a record."""
INNER = 3
"""How often JSON may stand in a text of JSON."""
_NUMERIC = re.compile(r"[0-9a-fA-FTZ:.+-]*")
"""Numbers, times and identifiers, in which no pattern finds anything."""
_REMEMBERED = 256
"""Characters of a text that is remembered, for most come again."""
LONGEST = 16 << 20
"""Bytes of what a packed record holds."""
_decode = msgspec.json.Decoder(float_hook=float).decode
_REFS = ("objectRef", "ObjectRef")
_BODIES = ("requestObject", "responseObject", "RequestObject", "ResponseObject", "request", "response")
_DATA = ("data", "stringData")
_COMMANDS = (("binary", "arguments"), ("proc.exepath", "proc.args"), ("proc.name", "proc.args"))
"""Where sensors write a program apart from its arguments."""
_CUT = ',"responseObject":{'
"""How a record ends whose last member was cut."""


def redacted(line: bytes) -> bytes:
    """A line without the secrets that are known for such; the same bytes if there are none.

    Examples
    --------
    >>> redacted(b'{"env":[{"name":"DB_PASSWORD", "value":"hunter2"}]}')
    b'{"env":[{"name":"DB_PASSWORD","value":"***"}]}'
    >>> redacted(b'{"verb": "get", "code": 1.50}')
    b'{"verb": "get", "code": 1.50}'
    """
    whole = line if line.isascii() else well_encoded(line)
    printed = bare(whole)
    prefix = whole[: len(whole) - len(printed)]
    text = printed.decode(errors="replace")
    shown = _text(text, INNER)
    return line if shown == text else prefix + shown.encode(errors="replace").replace(b"\n", b"\r")


def _text(text: str, inner: int) -> str:
    """A text, which may hold JSON, without secrets."""
    bare_text = text.strip()
    if inner and bare_text[:1] in ("{", "[") and len(bare_text) > 2:
        shown = _json(bare_text, inner)
        if shown is not None:
            return text if shown is bare_text else shown
        whole = leading_members(bare_text)
        if whole != "{}" and (shown := _json(whole, inner)) is not None:
            return shown[:-1] + _CUT
    return _by_patterns(text)


def _by_patterns(text: str) -> str:
    if _NUMERIC.fullmatch(text) is not None:
        return text
    return _often(text) if len(text) <= _REMEMBERED else redact(text)


_often = lru_cache(maxsize=1 << 16)(redact)


def _json(text: str, inner: int) -> str | None:
    """The same JSON without secrets: the same text if it has none; None if it is no JSON object or list."""
    document = opened(text.encode(errors="replace"))
    if isinstance(document, str):
        return None
    unpacked = _archive(document.value)
    if unpacked is not None:
        return _json(unpacked, inner) or HIDDEN
    try:
        value = _decode(paired(document.data))
        shown = redact_value(_without_bodies(value, DEEPEST), partial(_text, inner=inner - 1), DEEPEST)
        return text if shown == value else _written(shown)
    except (*UNREADABLE, ValueError):
        return None


def _written(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except OverflowError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _archive(value: Any) -> str | None:
    """What AWS Lambda is handed, unpacked: secrets in it would not be seen."""
    members = members_of(value.get("awslogs")) if isinstance(value, dict) else None
    packed = unbase64(text_of(members.get("data"))) if members is not None else ""
    content = gunzip(packed, LONGEST) if isinstance(packed, bytes) else ""
    return well_encoded(content).decode() if isinstance(content, bytes) else None


def _without_bodies(value: Any, depth: int) -> Any:
    """The value without what only its place makes secret: bodies of requests for Secrets, arguments of programs."""
    if depth == 0:
        return value
    if isinstance(value, list):
        return [_without_bodies(item, depth - 1) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {key: _without_bodies(item, depth - 1) for key, item in value.items()}
    if _is_about_secrets(fields):
        fields |= {name: _body(fields[name]) for name in _BODIES if name in fields}
    for program, arguments in _COMMANDS:
        if isinstance(fields.get(program), str) and isinstance(fields.get(arguments), str):
            fields[arguments] = _arguments(fields[program], fields[arguments])
    return fields


def _is_about_secrets(record: Mapping[str, Any]) -> bool:
    """Whether an audit event, in the form of any platform, is about objects of the kind Secret."""
    for name in _REFS:
        ref = record.get(name)
        if isinstance(ref, str) and members_of(msgspec.Raw(ref.encode())) is not None:
            ref = _decode(ref.encode())
        if isinstance(ref, dict) and ref.get("resource") == "secrets":
            return True
    method = record.get("methodName")
    return isinstance(method, str) and ".secrets." in method


def _body(body: Any) -> Any:
    """A body of a Secret, of a list of them, or of a patch, with the names of its data alone."""
    if isinstance(body, str):
        raw = msgspec.Raw(body.encode(errors="replace"))
        is_json = members_of(raw) is not None or elements_of(raw) is not None
        return _written(_body(_decode(raw))) if is_json else HIDDEN if body else body
    if isinstance(body, list):
        return [_body(item) for item in body]
    if not isinstance(body, dict):
        return body
    fields = dict(body)
    for name in _DATA:
        if name in fields:
            data = fields[name]
            fields[name] = dict.fromkeys(data, HIDDEN) if isinstance(data, dict) else HIDDEN
    if "op" in fields and "value" in fields:
        fields["value"] = HIDDEN
    if isinstance(fields.get("items"), list):
        fields["items"] = [_body(item) for item in fields["items"]]
    return fields


def _arguments(program: str, arguments: str) -> str:
    """Arguments without what the program makes a secret of."""
    shown = redact(f"{program} {arguments}")
    return shown[len(program) + 1 :] if shown.startswith(f"{program} ") else redact(arguments)
