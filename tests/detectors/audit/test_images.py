"""Images, paths, and what is ordinary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.audit.daemons import daemons
from detectors.audit.images import TrustedImage, repository
from detectors.audit.objects import Container
from detectors.audit.paths import inside, normal, sensitive


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("nginx", "nginx"),
        ("docker.io/nginx", "nginx"),
        ("index.docker.io/library/nginx@sha256:aa", "nginx"),
        ("Registry.K8s.io/kube-proxy:v1", "registry.k8s.io/kube-proxy"),
        ("localhost/kube-proxy", "localhost/kube-proxy"),
        ("evil.example/registry.k8s.io/kube-proxy", "evil.example/registry.k8s.io/kube-proxy"),
        ("evil.example:443/docker.io/prom/node-exporter:1", "evil.example:443/docker.io/prom/node-exporter"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy",
        ),
        ("", ""),
    ],
)
def test_repositories_are_compared_in_one_form(image: str, wanted: str) -> None:
    assert repository(image) == wanted


@given(st.text())
def test_any_text_is_read_as_an_image_and_as_a_path(text: str) -> None:
    assert ":" not in repository(text).rpartition("/")[2]
    assert normal(normal(text)) == normal(text)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "//",
            "/etc",
            "/etc/",
            "//etc",
            "/./etc",
            "/var/../etc",
            "/etc/kubernetes",
            "/etc/kubernetes/admin.conf",
        ),
        *(
            "/var/lib/kubelet/pods",
            "/var/lib/docker",
            "/var/lib/containerd",
            "/var/run",
            "/run/x",
            "/root/.ssh",
            "/home/a",
        ),
        *(
            "/proc",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/sda",
            "/boot",
            "/usr/bin",
            "/lib/modules",
            "/var/log",
            "/var/log/pods",
        ),
        *("/sysroot/etc", "/var/home", "/mnt/stateful_partition/home", "/var/lib/waagent", "/var/vcap/data"),
        *("/var/run/docker.sock", "/run/containerd/containerd.sock", "/mnt/crio.sock", "/var", "/var/lib", "/opt"),
    ],
)
def test_what_gives_power_over_the_node_is_sensitive(path: str) -> None:
    assert sensitive(normal(path))


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/x",
        "/mnt/data",
        "/dev/null",
        "/data",
        "/etcd-data",
        "/srv",
        "/var/lib/app",
        "/opt/app",
        "/etc/localtime",
        "/runner",
    ],
)
def test_ordinary_paths_are_not(path: str) -> None:
    assert not sensitive(normal(path))


def test_a_folder_holds_itself_and_what_is_below_it() -> None:
    assert [inside(path, "/etc") for path in ("/etc", "/etc/a", "/etcetera", "/")] == [True, True, False, False]


NODE_EXPORTER = "quay.io/prometheus/node-exporter:v1.9"


@pytest.mark.parametrize(
    ("image", "command", "namespace", "path", "allowed"),
    [
        (NODE_EXPORTER, None, "monitoring", "/", True),
        (NODE_EXPORTER, ["/bin/node_exporter"], "monitoring", "/proc", True),
        (NODE_EXPORTER, None, "monitoring", "/etc/shadow", False),
        (NODE_EXPORTER, ["/bin/sh", "-c", "x"], "monitoring", "/", False),
        ("evil.example/prometheus/node-exporter", None, "monitoring", "/", False),
        (NODE_EXPORTER, ["/tini", "--", "/bin/ash"], "monitoring", "/", False),
        (NODE_EXPORTER, ["/lib64/ld-linux-x86-64.so.2", "/host/bin/python3.12"], "monitoring", "/", False),
        (NODE_EXPORTER, [None, "--collector.filesystem.sh=x"], "monitoring", "/", True),
        ("quay.io/cilium/cilium:v1", ["bash"], "kube-system", "/proc", False),
        ("registry.k8s.io/etcd:3", None, "kube-system", "/etc/kubernetes/pki/etcd", True),
        ("registry.k8s.io/etcd:3", None, "shop", "/etc/kubernetes/pki/etcd", False),
    ],
)
def test_a_known_daemon_may_mount_its_own_paths(
    image: str, command: list[str | None] | None, namespace: str, path: str, allowed: bool
) -> None:
    assert daemons(()).may_mount(Container(image=image, command=command), namespace, path) is allowed


def test_users_name_their_own() -> None:
    mine = (TrustedImage(repository="registry.example/agent", paths=("/etc/agent",), namespaces=("ops",)),)
    agent = Container(image="registry.example/agent:2")
    places = [("ops", "/etc/agent/x"), ("ops", "/etc"), ("shop", "/etc/agent")]
    assert [daemons(mine).may_mount(agent, *place) for place in places] == [True, False, False]


@pytest.mark.parametrize(
    ("image", "namespace", "allowed"),
    [
        ("quay.io/cilium/cilium:v1", "kube-system", True),
        ("quay.io/cilium/cilium:v1", "shop", False),
        ("quay.io/calico/node:v3", "kube-system", False),
    ],
)
def test_daemons_that_run_shells_anyway_may_do_so_in_daemon_sets_of_kube_system(
    image: str, namespace: str, allowed: bool
) -> None:
    shell = Container(image=image, command=["bash", "-c", "x"])
    assert daemons(()).may_be_privileged(shell, namespace, daemon=True) is allowed
    assert not daemons(()).may_be_privileged(shell, namespace)
