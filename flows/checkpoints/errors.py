"""What can be wrong with a checkpoint.

CheckpointError
    UnreadableRowError
"""

from __future__ import annotations


class CheckpointError(Exception):
    """The checkpoint cannot be used so; the message is one sentence for the user."""


class UnreadableRowError(CheckpointError):
    """A row holds something else than plain values."""
