"""The base fits together, and with the program that it starts."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from flows.cli import app
from tests.k8s.pod_security import violations
from tests.k8s.rendering import Manifests
from tests.k8s.running import configured, container, mounts, names, pod

KINDS = {"ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount", "StatefulSet"}
OLDEST = "1.27"
"""Of Kubernetes: the first that knows all fields by default."""
RESUME = timedelta(minutes=5)
"""For reading state back; a million entities were measured at 75 s (docs/performance.md)."""


def ports_of(rules: list[dict[str, Any]]) -> list[set[int]]:
    return [{port["port"] for port in rule["ports"]} for rule in rules]


@pytest.mark.parametrize("version", [[], ["--kubernetes-version", OLDEST]], ids=["newest", "oldest"])
def test_every_manifest_keeps_to_the_schema_of_its_kind(base: Manifests, tmp_path: Path, version: list[str]) -> None:
    assert set(base) == KINDS
    file = tmp_path / "base.yaml"
    file.write_text(yaml.safe_dump_all(base.values()))
    command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict", "--no-warn", *version, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_restricted_and_writes_where_volumes_are_only(base: Manifests) -> None:
    assert violations(pod(base)) == []
    assert container(base)["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod(base)["securityContext"]["fsGroup"] == pod(base)["securityContext"]["runAsGroup"]
    assert {"emptyDir", "name"} == set(next(v for v in pod(base)["volumes"] if v["name"] == "tmp"))
    assert mounts(base)["tmp"] == "/tmp"


def test_it_has_no_way_to_the_api_server_and_no_secret_in_it(base: Manifests) -> None:
    assert base["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod(base)["automountServiceAccountToken"] is False
    assert pod(base)["serviceAccountName"] == base["ServiceAccount"]["metadata"]["name"]
    (secret,) = [volume["secret"] for volume in pod(base)["volumes"] if "secret" in volume]
    assert "optional" not in secret
    assert secret["defaultMode"] == 0o440
    assert "Secret" not in base
    assert container(base)["image"].rpartition(":")[2] not in {"", "latest"}


def test_all_pods_start_together_and_none_is_replaced_by_itself(base: Manifests) -> None:
    spec = base["StatefulSet"]["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["updateStrategy"] == {"type": "OnDelete"}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert spec["serviceName"] == base["Service"]["metadata"]["name"]
    assert base["Service"]["spec"]["clusterIP"] == "None"
    assert base["Service"]["spec"]["publishNotReadyAddresses"] is True
    assert base["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_selectors_select_the_pods(base: Manifests) -> None:
    labels = base["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    same = [
        base["StatefulSet"]["spec"]["selector"]["matchLabels"],
        base["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        base["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        base["Service"]["spec"]["selector"],
        *(
            peer["podSelector"]["matchLabels"]
            for rule in base["NetworkPolicy"]["spec"]["ingress"] + base["NetworkPolicy"]["spec"]["egress"]
            for peer in rule.get("from", rule.get("to", []))
            if "podSelector" in peer
        ),
    ]
    assert len(same) == 6
    assert all(labels.items() >= selector.items() and selector for selector in same)


def test_volumes_are_there_for_all_mounts(base: Manifests) -> None:
    claims = [claim["metadata"]["name"] for claim in base["StatefulSet"]["spec"]["volumeClaimTemplates"]]
    assert sorted(mounts(base)) == sorted([*claims, *(volume["name"] for volume in pod(base)["volumes"])])
    (named,) = [volume["configMap"]["name"] for volume in pod(base)["volumes"] if "configMap" in volume]
    assert named == base["ConfigMap"]["metadata"]["name"]


def test_the_command_line_takes_the_arguments(base: Manifests) -> None:
    name, *arguments = container(base)["args"]
    command: Any = typer.main.get_command(app)
    given = command.commands[name].make_context(name, list(arguments)).params
    assert given["settings"] == Path(mounts(base)["settings"]) / "settings.yaml"
    assert given["checkpoint"].parent == Path(mounts(base)["checkpoint"])  # beside the volume's own lost+found
    assert not given["inputs"]


def test_the_settings_are_taken(base: Manifests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(base, tmp_path, monkeypatch).settings
    assert settings.kafka is not None
    assert settings.kafka.client["sasl.password"] == "invented"
    assert settings.kafka.alerts is not None
    assert settings.kafka.dead_letters is not None


def test_no_service_adds_settings_to_the_environment(base: Manifests) -> None:
    assert pod(base)["enableServiceLinks"] is False


def test_ports_agree(base: Manifests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(base, tmp_path, monkeypatch).settings
    assert settings.pods is not None
    workers = {int(address.rpartition(":")[2]) for address in settings.pods.addresses}
    opened = {port["name"]: port["containerPort"] for port in container(base)["ports"]}
    assert opened == {"health": settings.health.port, "workers": workers.pop()}
    assert not workers
    assert str(settings.health.address) == "0.0.0.0"  # noqa: S104  probes come from outside the pod
    services = base["Service"]["spec"]["ports"]
    assert {port["targetPort"]: port["port"] for port in services} == opened
    assert all(container(base)[f"{kind}Probe"]["httpGet"]["port"] in opened for kind in ("startup", "readiness"))
    assert container(base)["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "health"}
    rules = base["NetworkPolicy"]["spec"]
    assert ports_of(rules["ingress"]) == [{opened["health"]}, {opened["workers"]}]
    assert settings.kafka is not None
    brokers = {int(broker.rpartition(":")[2]) for broker in settings.kafka.brokers.split(",")}
    peers, names, kafka = ports_of(rules["egress"])
    assert (peers, names) == ({opened["workers"]}, {53})
    assert brokers <= kafka <= {9092, 9093}
    assert set(rules["policyTypes"]) == {"Ingress", "Egress"}


def test_each_pod_has_an_address_behind_the_service(base: Manifests) -> None:
    written = yaml.safe_load(base["ConfigMap"]["data"]["settings.yaml"])
    assert [address.rpartition(":")[0] for address in written["pods"]["addresses"]] == names(base)


def test_there_is_time_to_start_and_to_end(base: Manifests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(base, tmp_path, monkeypatch).settings
    assert settings.pods is not None
    startup, liveness = container(base)["startupProbe"], container(base)["livenessProbe"]
    assert settings.kafka is not None
    begins = timedelta(seconds=startup["periodSeconds"] * startup["failureThreshold"])
    assert startup["httpGet"]["path"] == container(base)["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert begins >= settings.pods.wait + settings.kafka.away + RESUME
    assert pod(base)["terminationGracePeriodSeconds"] >= settings.shutdown.total_seconds() + 10
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 30
