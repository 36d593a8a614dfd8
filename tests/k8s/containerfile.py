"""The instructions of a Containerfile."""

from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """One instruction, its continued lines joined."""

    name: str
    rest: str


def instructions(path: Path) -> list[Instruction]:
    """All instructions of the file, in order; comments are left out."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    split = (line.split(maxsplit=1) for line in joined.splitlines())
    return [Instruction(name.upper(), " ".join(rest.split())) for name, rest in split]
