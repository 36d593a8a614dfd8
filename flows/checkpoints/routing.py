"""In which recovery partition bytewax looks for a row: SeaHash of its key, modulo the partitions."""

from __future__ import annotations

_MASK = (1 << 64) - 1
_PRIME = 0x6EED0E9DA4D94A4F
_SEEDS = (0x16F11FE89B0D677C, 0xB480A793D8E6C86C, 0x6FE2E5AAF078EBC9, 0x14F994A4C5259381)
_END = b"\xff"
"""What Rust hashes after each string."""


def partition_of_row(step: str, key: str, partitions: int) -> int:
    """The partition of a step's state of one key; `step` is the whole step id.

    Examples
    --------
    >>> partition_of_row("middlewatch.objects", "prod|shop/web", 1)
    0
    """
    return _seahash(step.encode() + _END + key.encode() + _END) % partitions


def partition_of_execution(number: int, partitions: int) -> int:
    """The partition that tells of an execution."""
    return _seahash(number.to_bytes(8, "little")) % partitions


def partition_of_front(number: int, worker: int, partitions: int) -> int:
    """The partition that tells how far a worker of an execution was."""
    return _seahash(number.to_bytes(8, "little") + worker.to_bytes(8, "little")) % partitions


def _seahash(data: bytes) -> int:
    """SeaHash, a published hash of 64 bits.

    Examples
    --------
    >>> _seahash(b"to be or not to be")
    1988685042348123509
    """
    a, b, c, d = _SEEDS
    for start in range(0, len(data), 8):
        a, b, c, d = b, c, d, _diffused(a ^ int.from_bytes(data[start : start + 8], "little"))
    return _diffused(a ^ b ^ c ^ d ^ len(data))


def _diffused(x: int) -> int:
    x = x * _PRIME & _MASK
    x ^= (x >> 32) >> (x >> 60)
    return x * _PRIME & _MASK
