"""The overlay of the documentation does what the page says."""

import re
from pathlib import Path

import pytest

from tests.k8s.pod_security import violations
from tests.k8s.rendering import BASE, PAGE, Manifests, needs_bases, render
from tests.k8s.running import configured, names

FILES = dict(re.findall(r"^```yaml\n# middlewatch/(\S+)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))


@pytest.fixture
def overlay(tmp_path: Path) -> Manifests:
    return rendered(tmp_path, FILES)


def rendered(tmp_path: Path, files: dict[str, str]) -> Manifests:
    needs_bases()
    (tmp_path / "k8s").mkdir()
    base, folder = tmp_path / "k8s" / "base", tmp_path / "middlewatch"
    base.mkdir()
    folder.mkdir()
    for file in BASE.iterdir():
        (base / file.name).write_text(file.read_text())
    for name, text in files.items():
        (folder / name).write_text(text)
    return render(folder)


def test_the_overlay_alters_what_it_says_and_nothing_else(overlay: Manifests, base: Manifests) -> None:
    assert all(manifest["metadata"]["namespace"] == "middlewatch" for manifest in overlay.values())
    assert overlay["ConfigMap"]["data"]["settings.yaml"] == FILES["settings.yaml"]
    (container,) = overlay["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    assert container.pop("image") == "registry.example.com/middlewatch:0.1.0"
    assert violations(overlay["StatefulSet"]["spec"]["template"]["spec"]) == []
    for manifest in overlay.values():
        del manifest["metadata"]["namespace"]
    assert overlay["Service"] == base["Service"]
    assert overlay["NetworkPolicy"] == base["NetworkPolicy"]


def test_several_pods_know_which_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = "    - middlewatch-0.middlewatch-workers:9300\n"
    assert one in FILES["settings.yaml"]
    more = "".join(one.replace("-0.", f"-{ordinal}.") for ordinal in range(3))
    files = {
        "kustomization.yaml": FILES["kustomization.yaml"].replace("count: 1", "count: 3"),
        "settings.yaml": FILES["settings.yaml"].replace(one, more),
    }
    manifests = rendered(tmp_path, files)
    for ordinal in range(3):
        pods = configured(manifests, tmp_path, monkeypatch, ordinal).settings.pods
        assert pods is not None
        assert pods.ordinal == ordinal
        assert [address.rpartition(":")[0] for address in pods.addresses] == names(manifests)


def test_the_settings_of_the_page_are_those_of_the_base(base: Manifests) -> None:
    def bare(text: str) -> list[str]:
        lines = (re.sub(r"\s+# .*$|^# .*$", "", line) for line in text.splitlines())
        return [line for line in lines if line]

    assert bare(FILES["settings.yaml"]) == bare(base["ConfigMap"]["data"]["settings.yaml"])


def test_what_the_page_names_is_in_the_base(base: Manifests) -> None:
    page = PAGE.read_text()
    spec = base["StatefulSet"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    (secret,) = [volume["secret"]["secretName"] for volume in spec["template"]["spec"]["volumes"] if "secret" in volume]
    said = [
        f"`{claim['metadata']['name']}-middlewatch-0`",
        f"create secret generic {secret} ",
        f"`{base['Service']['metadata']['name']}`",
        f"`terminationGracePeriodSeconds` ({spec['template']['spec']['terminationGracePeriodSeconds']})",
        "`monitoring`",
    ]
    assert [words for words in said if words not in page.replace("\n", " ")] == []
