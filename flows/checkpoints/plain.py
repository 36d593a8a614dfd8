"""Rows of a checkpoint, read without trust: plain values and nothing else, within bounds."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Iterator
from typing import IO, Any, NoReturn

from flows.checkpoints.errors import UnreadableRowError

MAX_BYTES = 64 << 20
"""Of one row."""
MAX_VALUES = 4_000_000
"""In one row, where a value counts as often as it is referred to."""
MAX_DEPTH = 64

_FIXED = {pickle.PROTO: 1, pickle.FRAME: 8, pickle.BININT: 4, pickle.BININT1: 1, pickle.BININT2: 2, pickle.BINFLOAT: 8}
_FIXED |= {pickle.BINPUT: 1, pickle.BINGET: 1, pickle.LONG_BINGET: 4}
_FIXED |= dict.fromkeys((pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.MARK, pickle.MEMOIZE, pickle.STOP), 0)
_FIXED |= dict.fromkeys((pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.TUPLE), 0)
_FIXED |= dict.fromkeys((pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS), 0)
_FIXED |= dict.fromkeys((pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS), 0)
_COUNTED = {pickle.LONG1: 1, pickle.SHORT_BINUNICODE: 1, pickle.SHORT_BINBYTES: 1}
_COUNTED |= {pickle.BINUNICODE: 4, pickle.BINBYTES: 4, pickle.BINUNICODE8: 8, pickle.BINBYTES8: 8}
_SIZES: list[int | None] = [_FIXED.get(bytes((code,))) for code in range(256)]
_LENGTHS: list[int | None] = [_COUNTED.get(bytes((code,))) for code in range(256)]
_STOP = pickle.STOP[0]
_NAMING = {code[0] for code in (pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.INST, pickle.EXT1, pickle.EXT2, pickle.EXT4)}
_CALLING = {code[0] for code in (pickle.REDUCE, pickle.BUILD, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX)}


def read_plain(data: object) -> Any:
    """The plain value that a row holds.

    Raises
    ------
    UnreadableRowError
        It holds anything else, or more than is allowed: says what.

    Examples
    --------
    >>> read_plain(pickle.dumps((1, {"a": b"b"})))
    (1, {'a': b'b'})
    >>> read_plain(pickle.dumps(print))
    Traceback (most recent call last):
    flows.checkpoints.errors.UnreadableRowError: names a class or a function
    """
    if not isinstance(data, bytes):
        raise UnreadableRowError("not bytes")
    if len(data) > MAX_BYTES:
        raise UnreadableRowError(f"longer than {MAX_BYTES} bytes")
    _check_opcodes(data)
    try:
        value = _NothingByName(io.BytesIO(data)).load()
    except UnreadableRowError:
        raise
    except Exception as error:  # noqa: BLE001  what an unpickler raises is not told anywhere
        raise UnreadableRowError(f"not a pickle: {error}") from None
    check_size(value)
    return value


def _check_opcodes(data: bytes) -> None:
    """Refuse, before anything is built, all but the opcodes of plain values."""
    at, end = 0, len(data)
    while at < end:
        code = data[at]
        at += 1
        size = _SIZES[code]
        if size is None:
            width = _LENGTHS[code]
            if width is None:
                raise UnreadableRowError(_refusal(code))
            at += width + int.from_bytes(data[at : at + width], "little")
        elif code == _STOP:
            break
        else:
            at += size
    if at != end or not end or data[-1] != _STOP:
        raise UnreadableRowError("not a pickle: cut off, or something follows it")


def _refusal(code: int) -> str:
    if code in _NAMING:
        return "names a class or a function"
    if code in _CALLING:
        return "calls a class or a function"
    return f"no plain value (opcode {code:#04x})"


class _NothingByName(pickle.Unpickler):
    """Stands behind `_check_opcodes`."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)

    def find_class(self, _module: str, _name: str) -> NoReturn:
        raise UnreadableRowError("names a class or a function")

    def persistent_load(self, _reference: Any) -> NoReturn:
        raise UnreadableRowError("refers to something outside")


def check_size(value: Any) -> None:
    """Refuse what is too deep or, with all that is referred to twice, too large.

    Raises
    ------
    UnreadableRowError
        Says which.
    """
    left, depth = MAX_VALUES, 0
    level = [value]
    while level:
        left -= len(level)
        if left < 0:
            raise UnreadableRowError(f"more than {MAX_VALUES} values")
        depth += 1
        if depth > MAX_DEPTH:
            raise UnreadableRowError(f"deeper than {MAX_DEPTH} levels")
        inner: list[Any] = []
        for one in level:
            if type(one) is dict:
                inner.extend(one)
                inner.extend(one.values())
            elif type(one) is tuple or type(one) is list:
                inner.extend(one)
            if len(inner) > left:
                raise UnreadableRowError(f"more than {MAX_VALUES} values")
        level = inner


def readable(value: Any) -> Any:
    """The value as JSON can say it: tuples as lists, bytes as hexadecimal, keys as text."""
    if isinstance(value, dict):
        return {_as_key(key): readable(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [readable(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return value


def _as_key(key: Any) -> str:
    return key if isinstance(key, str) else str(readable(key))


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Where two plain values differ: `[3].window[0]: 5 here, 6 there`."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one:
            inner = f"{place}.{_as_key(key)}"
            if key in other:
                yield from differences(one[key], other[key], inner)
            else:
                yield f"{inner}: only in the first"
        yield from (f"{place}.{_as_key(key)}: only in the second" for key in other if key not in one)
    elif isinstance(one, (list, tuple)) and type(one) is type(other):
        for at, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from differences(left, right, f"{place}[{at}]")
        if len(one) != len(other):
            yield f"{place}: {len(one)} items in the first, {len(other)} in the second"
    elif not _same(one, other):
        yield f"{place}: {_short(one)} in the first, {_short(other)} in the second"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    return type(one) is type(other) and bool(one == other)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
