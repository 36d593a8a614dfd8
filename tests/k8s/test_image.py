"""The Containerfile keeps to the rules; building it needs a container engine, which tests do not have."""

import fnmatch
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.k8s.containerfile import Instruction, instructions
from tests.k8s.rendering import BASE, ROOT, Manifests

FILE = ROOT / "k8s" / "Containerfile"
ALL = instructions(FILE)
STAGES = [index for index, instruction in enumerate(ALL) if instruction.name == "FROM"]
FINAL = ALL[STAGES[-1] :]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def named(name: str, among: list[Instruction] = ALL) -> list[str]:
    return [instruction.rest for instruction in among if instruction.name == name]


def test_it_runs_as_the_user_of_the_pod_without_a_shell(base: Manifests) -> None:
    context = base["StatefulSet"]["spec"]["template"]["spec"]["securityContext"]
    assert named("USER", FINAL)[-1] == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert [json.loads(rest) for rest in named("ENTRYPOINT")] == [["tini", "--", *PROJECT["project"]["scripts"]]]
    assert named("STOPSIGNAL") == ["SIGTERM"]
    assert not named("CMD")
    assert all(json.loads(rest) for rest in named("RUN"))


def test_its_base_is_pinned_to_a_release_that_the_project_runs_on() -> None:
    (argument,) = [rest for rest in named("ARG") if rest.startswith("PYTHON=")]
    assert re.fullmatch(r"PYTHON=docker\.io/library/python:3\.1[12]-slim-bookworm(@sha256:[0-9a-f]{64})?", argument)
    assert {rest.split()[0] for rest in named("FROM")} == {"${PYTHON}"}
    python = argument.partition(":")[2].partition("-")[0]
    assert any(f"/python{python}" in rest for rest in named("RUN", FINAL))


def test_what_is_installed_is_pinned_by_hashes_and_nothing_is_fetched_besides() -> None:
    assert not named("ADD")
    assert "://" not in FILE.read_text()
    fetched = [json.loads(rest) for rest in named("RUN") if '"install"' in rest]
    assert fetched.pop() == ["apt-get", "install", "--yes", "--no-install-recommends", "tini"]
    assert all({"--require-hashes", "--no-deps"} & set(words) for words in fetched)
    assert len(fetched) == 2


def test_all_packages_are_copied_and_the_build_is_sent_only_what_it_needs() -> None:
    copied = {source for rest in named("COPY", ALL[: STAGES[-1]]) for source in rest.split()[:-1]}
    packages = {
        Path(pattern.removesuffix("*")) for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    assert {str(package) for package in packages} <= copied
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[1] == "*"
    assert {line.removeprefix("!") for line in kept if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
    assert named("COPY", FINAL) == ["--from=build /opt/middlewatch /opt/middlewatch"]


def test_data_of_packages_is_installed() -> None:
    declared = PROJECT["tool"]["setuptools"]["package-data"]
    for package in (name.removesuffix("*") for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]):
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and file.suffix not in {".py", ".pyc", ".pyi"} and "__pycache__" not in file.parts:
                patterns = declared.get(".".join(file.parent.relative_to(ROOT).parts), [])
                assert any(fnmatch.fnmatch(file.name, pattern) for pattern in patterns), file


def test_the_image_is_of_this_version(base: Manifests) -> None:
    version = PROJECT["project"]["version"]
    (container,) = base["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"middlewatch:{version}"
    assert f"VERSION={version}" in named("ARG", FINAL)
    assert 'org.opencontainers.image.version="${VERSION}"' in named("LABEL")[0]


@pytest.mark.parametrize("file", sorted(BASE.glob("*.yaml")), ids=lambda file: file.name)
def test_a_file_of_the_base_is_used(file: Path) -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    used = {*listed["resources"], *listed["configMapGenerator"][0]["files"], "kustomization.yaml"}
    assert file.name in used
