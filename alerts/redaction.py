"""Secrets are taken out of texts and values before anything leaves.

Patterns are RE2 over bytes, so that a hostile text costs time in proportion to its length.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import re2

from alerts.secret_patterns import ANY, HIDDEN, ORDINARY, PATTERNS, SECRET_KEY, SECRET_OBJECT, SECRET_OBJECT_DATA

DEEPEST = 32
"""Levels of a value; what lies deeper is left out."""
_LONGEST_HEAD = 256
"""Characters of a command's beginning that are looked at together with each of its arguments."""
_LONGEST_NAME = 64
"""Characters of a key that is remembered."""
_COMMAND_QUERY = re2.compile(r"""command=[^&\s"']*(?:&command=[^&\s"']*){0,63}""")
_DATA_KEYS = ("data", "stringData")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation in which kubectl keeps a copy of the whole object."""


def well_formed(text: str) -> str:
    """The text as UTF-8 can say it: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def shortened(text: str, longest: int) -> str:
    """The text, cut if it is longer. Redact first: half of a secret is not known for one."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def beginning(text: str, longest: int) -> str:
    """The first characters of a text, without the word in which they end: it could be half of a secret."""
    return text if len(text) <= longest else text[:longest].rpartition(" ")[0]


def redact(text: str) -> str:
    """The text, well-formed, with `***` in place of each secret.

    Examples
    --------
    >>> redact("mysql -u root -phunter2 shop")
    'mysql -u root -p*** shop'
    >>> redact("docker run -p 8080:80 web")
    'docker run -p 8080:80 web'
    """
    return _by_patterns(_COMMAND_QUERY.sub(_redacted_query, well_formed(text)) if "command=" in text else text)


def _redacted_query(match: re2.Match) -> str:
    """The arguments of an exec request as the API server logs them, one `command=` each."""
    whole: str = match.group(0)
    words = [unquote_plus(part.partition("=")[2]) for part in whole.split("&")]
    shown = [_by_patterns(word) for word in _without_secret_arguments(words)]
    return whole if shown == words else "&".join(f"command={quote_plus(word, safe='/*')}" for word in shown)


def _by_patterns(text: str) -> str:
    raw = text.encode("utf-8", "replace")
    if ANY.search(raw) is None:
        return raw.decode()
    if SECRET_OBJECT.search(raw) is not None:
        for pattern in SECRET_OBJECT_DATA:
            raw = pattern.hide(raw)
    for pattern in PATTERNS:
        raw = pattern.hide(raw)
    return raw.decode()


def redact_value(value: Any, text: Callable[[str], str] = redact, deepest: int = DEEPEST) -> Any:
    """A JSON value with its texts redacted, and with `***` for what a key, a flag or a Secret object calls secret.

    Parameters
    ----------
    value
        Plain values. What JSON cannot say becomes text, and a number that is not finite becomes null.
    text
        What is done to each text.
    deepest
        Levels; what lies deeper is left out.

    Examples
    --------
    >>> redact_value({"kind": "Secret", "data": {"password": "aHVudGVyMg=="}})
    {'kind': 'Secret', 'data': {'password': '***'}}
    >>> redact_value(["mysql", "-p", "hunter2"])
    ['mysql', '-p', '***']
    """
    return _redacted(value, text, deepest)


def _redacted(value: Any, text: Callable[[str], str], depth: int) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {text(str(key)): _redacted(item, text, depth - 1) for key, item in _without_secrets(value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, text, depth - 1) for item in _without_secret_arguments(list(value))]
    return text(value if isinstance(value, str) else str(value))


def _without_secrets(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    """The mapping without what its kind, its keys, or a name beside a value calls secret."""
    fields = dict(mapping)
    if fields.get("kind") == "Secret":
        fields = _without_data(fields)
    elif fields.get("kind") == "SecretList" and isinstance(fields.get("items"), list | tuple):
        fields["items"] = [_without_data(item) if isinstance(item, Mapping) else item for item in fields["items"]]
    if _is_secret_key(fields.get("name")) and "value" in fields:
        fields["value"] = _hidden(fields["value"])
    return {key: _hidden(value) if _is_secret_key(key) else value for key, value in fields.items()}


def _without_data(secret: Mapping[Any, Any]) -> dict[Any, Any]:
    """A Secret object with the names of its data alone."""
    fields = dict(secret)
    for key in _DATA_KEYS:
        if key in fields:
            fields[key] = dict.fromkeys(fields[key], HIDDEN) if isinstance(fields[key], Mapping) else HIDDEN
    metadata = fields.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(metadata.get("annotations"), Mapping):
        annotations = {
            name: HIDDEN if name == _LAST_APPLIED else note for name, note in metadata["annotations"].items()
        }
        fields["metadata"] = {**metadata, "annotations": annotations}
    return fields


def _is_secret_key(key: Any) -> bool:
    if not isinstance(key, str):
        return False
    return _often_secret(key) if len(key) <= _LONGEST_NAME else _names_secret(key)


def _names_secret(key: str) -> bool:
    return SECRET_KEY.fullmatch(key.encode("utf-8", "replace")) is not None


_often_secret = lru_cache(maxsize=4_096)(_names_secret)


def _hidden(value: Any) -> Any:
    """Texts and numbers are hidden, also in a list; switches, references and objects are no secrets."""
    if isinstance(value, list | tuple):
        return [_hidden(item) for item in value]
    if isinstance(value, str):
        return value if ORDINARY.fullmatch(value.encode("utf-8", "replace")) is not None else HIDDEN
    return HIDDEN if isinstance(value, int | float) and not isinstance(value, bool) else value


def _without_secret_arguments(items: list[Any]) -> list[Any]:
    """A list of arguments without those that the command and the flag before them make secret."""
    shown: list[Any] = []
    for item in items:
        shown.append(_argument(shown, item) if shown and isinstance(item, str) else item)
    return shown


def _argument(before: list[Any], word: str) -> str:
    flag = before[-1]
    if not isinstance(flag, str) or not (flag.startswith("-") or word.startswith("-")):
        return word
    head = " ".join(part for part in (*before[:-1][:3], flag) if isinstance(part, str))
    if len(head) > _LONGEST_HEAD:
        return word
    quoted = shlex.quote(word) if any(map(str.isspace, word)) else word
    line = _by_patterns(f"{head} {quoted}")
    argument = line[len(head) + 1 :]
    return word if argument == quoted or not line.startswith(f"{head} ") else argument.strip("'")
