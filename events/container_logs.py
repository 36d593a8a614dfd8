"""What a container runtime or kubectl writes before a line that a container printed."""

from __future__ import annotations

import re2

_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
_PREFIX = re2.compile(
    rb"\d{4}-\d\d-\d\dT[0-9:.]{8,18}(?:Z|[+-]\d\d:\d\d) (?:stdout|stderr) [FP] |\[pod/[^\s\]]{1,512}\] ", _BYTES
)
"""The CRI's (`2026-11-24T12:00:00.1Z stdout F `), and that of `kubectl logs --prefix`."""
_LONGEST = 600


def bare(line: bytes) -> bytes:
    """The line as the container printed it; the same object if nothing stands before it.

    Examples
    --------
    >>> bare(b"2026-11-24T12:00:00.123456789Z stdout F {}")
    b'{}'
    >>> bare(b"[pod/tetragon-x7k2p/export-stdout] {}")
    b'{}'
    """
    prefix = _PREFIX.match(line[:_LONGEST])
    return line if prefix is None else line[prefix.end() :]
