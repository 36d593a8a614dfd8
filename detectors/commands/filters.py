"""What simple programs print, where it can be told from their words and their input."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator, Sequence

from detectors.commands.words import unescape

LENGTH = 65_536
"""Longer output counts as not known."""
_CONVERSION = re.compile(r"%(?:%|[-0-9.+ #]{0,8}([sbdiucqxXo]))")
_ECHO_OPTION = re.compile(r"-[neE]+")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_NOT_HEX = re.compile(rb"[^0-9a-fA-F]")
_DECODES = re.compile(r"--decode|-[a-zA-Z]*[dD][a-zA-Z]*")


def output(name: str, arguments: Sequence[str], given: bytes | None) -> bytes | None:
    """What a program prints; None if that is not known.

    Parameters
    ----------
    name
        Of the program.
    arguments
        Its arguments, all of them known.
    given
        What stands on its standard input.

    >>> output("base64", ["-d"], b"bm1hcA==")
    b'nmap'
    """
    if name in ("echo", "printf"):
        printed = _echo(arguments) if name == "echo" else _printf(arguments)
    elif given is None or name not in _FILTERS:
        return None
    else:
        printed = _FILTERS[name](arguments, given)
    return None if printed is None or len(printed) > LENGTH else printed


def _echo(arguments: Sequence[str]) -> bytes:
    options = ""
    words = list(arguments)
    while words and _ECHO_OPTION.fullmatch(words[0]):
        options += words.pop(0)[1:]
    text = " ".join(words)
    printed = unescape(text) if "e" in options else text.encode(errors="replace")
    return printed if "n" in options else printed + b"\n"


def _printf(arguments: Sequence[str]) -> bytes | None:
    words = list(arguments)
    if words[:1] == ["--"]:
        words.pop(0)
    if not words or words[0].startswith("-"):
        return None
    form, *values = words
    holes = sum(match[1] is not None for match in _CONVERSION.finditer(form))
    rounds = -(-len(values) // holes) if holes and values else 1
    if rounds * len(form) > LENGTH:
        return None
    remaining = iter(values)
    return b"".join(_formatted(form, remaining) for _ in range(rounds))


def _formatted(form: str, values: Iterator[str]) -> bytes:
    pieces, at = [], 0
    for match in _CONVERSION.finditer(form):
        pieces.append(unescape(form[at : match.start()]))
        at = match.end()
        if match[1] is None:
            pieces.append(b"%")
            continue
        value = next(values, "")
        pieces.append(unescape(value) if match[1] == "b" else value.encode(errors="replace"))
    return b"".join([*pieces, unescape(form[at:])])


def _copied(arguments: Sequence[str], given: bytes) -> bytes | None:
    return given if all(word in ("-", "-u", "/dev/stdin") for word in arguments) else None


def _base64(arguments: Sequence[str], given: bytes) -> bytes | None:
    if not any(_DECODES.fullmatch(word) for word in arguments):
        return None
    digits = _NOT_BASE64.sub(b"", given)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def _base32(arguments: Sequence[str], given: bytes) -> bytes | None:
    if not any(_DECODES.fullmatch(word) for word in arguments):
        return None
    try:
        return base64.b32decode(b"".join(given.split()))
    except binascii.Error:
        return None


def _openssl(arguments: Sequence[str], given: bytes) -> bytes | None:
    plain = arguments[:1] == ["base64"] or (arguments[:1] == ["enc"] and {"-base64", "-a"} & set(arguments))
    return _base64(["-d"], given) if plain and "-d" in arguments else None


def _xxd(arguments: Sequence[str], given: bytes) -> bytes | None:
    flags = {char for word in arguments if word.startswith("-") for char in word[1:]}
    if not {"r", "p"} <= flags:
        return None
    digits = _NOT_HEX.sub(b"", given)
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def _reversed(arguments: Sequence[str], given: bytes) -> bytes | None:
    lines = given.decode(errors="replace").split("\n")
    return None if arguments else "\n".join(line[::-1] for line in lines).encode()


def _unzipped(arguments: Sequence[str], given: bytes) -> bytes | None:
    try:
        return zlib.decompressobj(31).decompress(given, LENGTH + 1)
    except zlib.error:
        return None


def _gzip(arguments: Sequence[str], given: bytes) -> bytes | None:
    return _unzipped(arguments, given) if any(_DECODES.fullmatch(word) for word in arguments) else None


def _translated(arguments: Sequence[str], given: bytes) -> bytes | None:
    if len(arguments) != 2:
        return None
    if arguments[0] == "-d":
        return given.translate(None, _set(arguments[1]))
    source, target = _set(arguments[0]), _set(arguments[1])
    if not source or not target or arguments[0].startswith("-"):
        return None
    target = (target + target[-1:] * len(source))[: len(source)]
    table = bytearray(range(256))
    for before, after in zip(reversed(source), reversed(target), strict=True):
        table[before] = after
    return given.translate(bytes(table))


def _set(text: str) -> bytes:
    """The characters of a `tr` set; classes such as `[:space:]` are none."""
    chars = unescape(text[:256])
    return re.sub(rb"(.)-(.)", lambda match: bytes(range(match[1][0], match[2][0] + 1)), chars, flags=re.DOTALL)


_FILTERS: dict[str, Callable[[Sequence[str], bytes], bytes | None]] = {
    "cat": _copied,
    "tee": _copied,
    "base64": _base64,
    "base32": _base32,
    "openssl": _openssl,
    "xxd": _xxd,
    "rev": _reversed,
    "gunzip": _unzipped,
    "zcat": _unzipped,
    "gzip": _gzip,
    "tr": _translated,
}
