"""Rows are read without trust: plain values come back, all else is refused with the reason."""

import collections
import datetime
import os
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.checkpoints.errors import UnreadableRowError
from flows.checkpoints.plain import MAX_DEPTH, differences, read_plain, readable

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = st.integers() | st.text() | st.binary()
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=30,
)


@given(PLAIN)
def test_plain_values_come_back(value: Any) -> None:
    back = read_plain(pickle.dumps(value))
    assert back == value
    assert list(differences(back, value)) == []
    readable(back)


@given(st.binary(max_size=60))
def test_no_bytes_do_harm(data: bytes) -> None:
    for prefix in (b"", b"\x80\x04", b"\x80\x04("):
        try:
            read_plain(prefix + data)
        except UnreadableRowError:
            continue


class Harm:
    """What a malicious row would do."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [Harm(), print, datetime.timedelta(1), collections.OrderedDict(a=1), {1}, frozenset({1}), bytearray(b"x"), 1j],
)
def test_nothing_else_is_read(value: Any, protocol: int) -> None:
    with pytest.raises(UnreadableRowError):
        read_plain(pickle.dumps((1, [value]), protocol))


def test_reasons() -> None:
    with pytest.raises(UnreadableRowError, match="names a class or a function"):
        read_plain(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UnreadableRowError, match="opcode"):
        read_plain(b"\x80\x04Nr\xff\xff\xff\x7f.")  # a memo of gigabytes
    with pytest.raises(UnreadableRowError, match="cut off"):
        read_plain(pickle.dumps("long" * 100)[:-5])
    with pytest.raises(UnreadableRowError, match="something follows"):
        read_plain(pickle.dumps(1) + b"N.")


def test_bombs() -> None:
    deep: Any = ()
    for _ in range(MAX_DEPTH):
        deep = (deep,)
    with pytest.raises(UnreadableRowError, match="deeper"):
        read_plain(pickle.dumps(deep))
    wide: Any = ["x"] * 10
    for _ in range(20):
        wide = [wide] * 10
    with pytest.raises(UnreadableRowError, match="more than"):
        read_plain(pickle.dumps(wide))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnreadableRowError):
        read_plain(pickle.dumps(endless))


def test_differences_name_places() -> None:
    one = (1, {"window": [1, 2], "gone": 1}, 0.0, True)
    other = (1, {"window": [1, 3, 4], "new": 1}, -0.0, 1)
    assert list(differences(one, other)) == [
        "[1].window[1]: 2 in the first, 3 in the second",
        "[1].window: 2 items in the first, 3 in the second",
        "[1].gone: only in the first",
        "[1].new: only in the second",
        "[2]: 0.0 in the first, -0.0 in the second",
        "[3]: True in the first, 1 in the second",
    ]
