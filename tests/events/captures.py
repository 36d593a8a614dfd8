"""The captures of each format, and their items."""

from pathlib import Path

from events import Item
from events.decoder import Decoder

FOLDER = Path(__file__).parents[1] / "captures" / "formats"
FORMATS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def lines(name: str) -> list[bytes]:
    return (FOLDER / f"{name}.jsonl").read_bytes().splitlines()


def items(name: str) -> list[Item]:
    """All items of a capture, envelopes opened."""
    decoder = Decoder("Default")
    return [item for line in lines(name) for item in decoder.decode(line)]
