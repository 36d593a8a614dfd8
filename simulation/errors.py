"""What can be wrong with a call of the simulation."""

from __future__ import annotations


class UnusableError(Exception):
    """What is asked for cannot be done; the message is for the user."""
