"""What can be wrong with a checkpoint.

CheckpointError
    UnreadableRowError
"""

from __future__ import annotations

import re

UNWRITTEN = re.compile(r'SqliteFailure\(.*?Some\("([^"]{1,200})"\)', re.DOTALL)
"""How bytewax says that it could not write a partition of the checkpoint."""


class CheckpointError(Exception):
    """The checkpoint cannot be used so; the message is one sentence for the user."""


class UnreadableRowError(CheckpointError):
    """A row holds something else than plain values."""
