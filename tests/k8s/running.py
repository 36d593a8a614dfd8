"""What a pod of the rendered StatefulSet runs, and with what."""

from pathlib import Path
from typing import Any

import pytest

from flows.configuration import Configuration, configure
from tests.k8s.rendering import Manifests


def pod(manifests: Manifests) -> dict[str, Any]:
    """The spec of the pods."""
    spec: dict[str, Any] = manifests["StatefulSet"]["spec"]["template"]["spec"]
    return spec


def container(manifests: Manifests) -> dict[str, Any]:
    """The only container of a pod."""
    (one,) = pod(manifests)["containers"]
    assert isinstance(one, dict)
    return one


def configured(
    manifests: Manifests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ordinal: int = 0
) -> Configuration:
    """What a pod would run with: its settings file, its environment, its Secret."""
    (tmp_path / "password").write_text("invented\n")
    text = manifests["ConfigMap"]["data"]["settings.yaml"]
    mounted = mounts(manifests)["kafka"]
    file = tmp_path / "settings.yaml"
    file.write_text(text.replace(mounted, str(tmp_path)))
    assert mounted in text
    name = manifests["StatefulSet"]["metadata"]["name"]
    for variable in container(manifests).get("env", []):
        assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
        monkeypatch.setenv(variable["name"], f"{name}-{ordinal}")
    return configure(file)


def mounts(manifests: Manifests) -> dict[str, str]:
    """The paths of the volumes, by name."""
    return {mount["name"]: mount["mountPath"] for mount in container(manifests)["volumeMounts"]}


def names(manifests: Manifests) -> list[str]:
    """What the pods are called in the DNS of their namespace."""
    spec, name = manifests["StatefulSet"]["spec"], manifests["StatefulSet"]["metadata"]["name"]
    return [f"{name}-{ordinal}.{spec['serviceName']}" for ordinal in range(spec["replicas"])]
