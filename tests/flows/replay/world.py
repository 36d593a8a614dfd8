"""What is replayed, and what runs it."""

import tempfile
from pathlib import Path

from msgspec import Struct

from tests.flows.replay.alerts import Alerts
from tests.flows.replay.jobs import Server
from tests.flows.replay.rearrange import File


class World(Struct):
    """A capture, what it should raise, and the process that runs it."""

    capture: Path
    content: dict[str, dict[str, File]]
    expected: Alerts
    server: Server

    def __repr__(self) -> str:
        return "world"

    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """A new one beside the capture."""
        return tempfile.TemporaryDirectory(dir=self.capture.parent)
