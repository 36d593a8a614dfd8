"""Kustomize's output, by kubectl or kustomize: whichever is installed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BASE = ROOT / "k8s" / "base"
PAGE = ROOT / "docs" / "run-on-kubernetes.md"

Manifest = dict[str, Any]
Manifests = dict[str, Manifest]
"""By kind; there is one of each."""


def render(folder: Path) -> Manifests:
    """What `kubectl apply -k` would apply; the test is skipped where nothing renders, and fails in CI."""
    command = _command()
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = list(yaml.safe_load_all(done.stdout))
    manifests = {manifest["kind"]: manifest for manifest in listed}
    assert len(manifests) == len(listed)
    return manifests


def needs_bases() -> None:
    """Overlays name their base among `resources`: the kustomize in kubectl before 1.21 cannot."""
    if _command()[0] == "kubectl":
        said = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, check=True).stdout
        client = json.loads(said)["clientVersion"]
        if (int(client["major"]), int(client["minor"].rstrip("+"))) < (1, 21):
            pytest.skip(f"kubectl {client['gitVersion']} cannot render overlays")


def _command() -> list[str]:
    for command in (["kubectl", "kustomize"], ["kustomize", "build"]):
        if shutil.which(command[0]):
            return command
    reason = "neither kubectl nor kustomize is installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
