"""One checkpoint of a killed run, which each test copies."""

import shutil
from pathlib import Path

import pytest

from flows.checkpoints.create import create
from tests.flows.checkpoints.toy import killed


@pytest.fixture(scope="session")
def _crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crashed") / "checkpoint"
    create(folder, 8)
    killed(folder)
    return folder


@pytest.fixture
def crashed(_crashed: Path, tmp_path: Path) -> Path:
    """A checkpoint of 8 partitions whose run was killed, with all of its history."""
    return Path(shutil.copytree(_crashed, tmp_path / "checkpoint"))
