"""Unpacking of compressed payloads, with a hard cap on what comes out."""

from __future__ import annotations

import binascii
import zlib

GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def gunzip(data: bytes, largest: int) -> bytes | str:
    """The content of one gzip member, or the reason why not: `bad gzip`, `too long`."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = unpacker.decompress(data, largest + 1)
    except zlib.error:
        return "bad gzip"
    if len(content) > largest:
        return "too long"
    return content if unpacker.eof and not unpacker.unused_data else "bad gzip"


def unbase64(text: str) -> bytes | str:
    """The bytes, or the reason why not: `bad base64`."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return "bad base64"
