"""Addresses of the Internet."""

from __future__ import annotations

from simulation.chance import Chance


def public_address(chance: Chance) -> str:
    """A public IPv4 address drawn at random: it means nobody."""
    first = chance.pick((23, 31, 45, 62, 77, 80, 89, 94, 103, 109, 141, 146, 176, 185, 193, 194, 212, 217))
    return f"{first}.{chance.between(1, 250)}.{chance.between(0, 250)}.{chance.between(1, 250)}"
