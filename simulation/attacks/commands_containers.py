"""Commands about containers: new namespaces, privileged containers and commands in them, images built on a node."""

from __future__ import annotations

from simulation.attacks.bystanders import bystander
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, line, run, table
from simulation.clock import SECOND
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life

NAMESPACE = "K8S.NODE_NamespaceCreation"
EXECUTION = "K8S.NODE_PrivilegedExecutionInContainer"
PRIVILEGED = "K8S.NODE_PrivilegedContainerArtifacts"
RUNNER = ("ci", "gitlab-runner")
SOCKET = "/var/run/docker.sock"
API = "http://d/v1.45/containers"
POST = ("curl", "-s", "--unix-socket", SOCKET, "-H", "Content-Type: application/json", "-d")
"""A request to Docker by its socket; what is sent and where follow."""
PRIVILEGED_CONTAINER = '{"Image":"alpine","Cmd":["sh"],"HostConfig":{"Privileged":true,"Binds":["/:/h"]}}'

table(
    NAMESPACE,
    straight=[
        run("unshare -Urm", runs=["/bin/sh"]),
        run("unshare --map-root-user --net --mount ls /", runs=["ls /"], at=Place.EXEC),
        run("nsenter -t 1 -m -u -i -n -p -- bash", runs=["bash"], at=Place.EXEC),
        run("unshare -UrmC bash", runs=["bash"]),
    ],
    careful=[
        run("busybox unshare -r sh", runs=["sh"], at=Place.EXEC),
        line("nsen''ter -at1 sh", runs=[Started("nsenter -at1 sh", ["sh"])], at=Place.EXEC),
        line(
            "cp /usr/bin/unshare /var/www/html/u; timeout 60 ./u -fUrn --mount-proc sh",
            runs=[
                "cp /usr/bin/unshare /var/www/html/u",
                Started("timeout 60 ./u -fUrn --mount-proc sh", [Started("./u -fUrn --mount-proc sh", ["sh"])]),
            ],
        ),
        run(("python3", "-c", "import ctypes; ctypes.CDLL(None).unshare(0x10020000)"), at=Place.EXEC),
        run(("perl", "-e", "syscall(272, 0x10000000); sleep 60"), at=Place.EXEC),
    ],
    quiet=[
        run("unshare --mount --propagation slave /usr/libexec/mount-volume /mnt/data", at=Place.DAEMON),
        run("unshare --help", at=Place.EXEC),
        run("/usr/lib/chromium/chromium --type=zygote --enable-crashpad --headless", at=Place.ENTRY),
        run(
            "bwrap --unshare-all --ro-bind /usr /usr --die-with-parent -- /usr/bin/rsvg-convert in.svg",
            runs=["/usr/bin/rsvg-convert in.svg"],
            at=Place.ENTRY,
        ),
    ],
)


@near_miss(NAMESPACE)
def kured_looks_whether_to_restart(scene: Scene) -> Life:
    """Kured asks in the mount namespace of its node, now and then, whether an upgrade wants a restart."""
    shell = bystander(scene, "kured", "kured", "ghcr.io/kubereboot/kured:1.17.1", ("/usr/bin/kured",), privileged=True)
    for _ in range(3):
        look = "/usr/bin/test -f /var/run/reboot-required"
        shell.run(f"/usr/bin/nsenter -m/proc/1/ns/mnt -- {look}", runs=[look])
        yield 60 * SECOND


@near_miss(NAMESPACE)
def csi_driver_mounts(scene: Scene) -> Life:
    """A storage driver looks for its tools in the mount namespace of the node."""
    image = "registry.k8s.io/sig-storage/nfsplugin:v4.12.1"
    entry = ("/nfsplugin", "--nodeid=here", "--endpoint=unix:///csi/csi.sock")
    shell = bystander(scene, "kube-system", "csi-nfs-node", image, entry, privileged=True)
    mount = "/sbin/mount.nfs4 files.example:/share /var/lib/csi/vol1"
    shell.run(f"/usr/bin/nsenter --mount=/proc/1/ns/mnt -- {mount}", runs=[mount])
    yield scene.pause()


@near_miss(NAMESPACE)
def buildkit_builds_without_root(scene: Scene) -> Life:
    """A build service starts a step of a build in namespaces of its own."""
    image = "moby/buildkit:v0.24.0-rootless"
    shell = bystander(scene, "ci", "buildkitd", image, ("rootlesskit", "buildkitd"), uid=1000)
    step = "/usr/bin/buildkit-runc --version"
    shell.run(f"unshare --user --map-root-user --mount {step}", runs=[step])
    yield scene.pause()


table(
    EXECUTION,
    straight=[
        run("docker exec --privileged -it web bash", at=Place.HOST),
        run("nerdctl -n k8s.io exec --privileged 4f1c2a77b0d1 sh", at=Place.HOST),
        run("podman exec --privileged -u 0 web cat /proc/1/status", at=Place.HOST),
    ],
    careful=[
        run("docker exec -u0 --privileged=true -d web /opt/.x", at=Place.HOST),
        run(f"docker -H unix://{SOCKET} container exec --privileged web sh", at=Place.EXEC),
        run((*POST, '{"AttachStdout":true,"Privileged":true,"Cmd":["sh"]}', f"{API}/web/exec"), at=Place.EXEC),
    ],
    quiet=[
        run("docker exec -it registry-cache ls /var/lib/registry", at=Place.HOST),
        run("docker exec web grep -c privileged /etc/app.conf", at=Place.HOST),
    ],
)


def _privileged(scene: Scene) -> Workload:
    """One of the platform's own daemons that runs privileged."""
    found = scene.cluster.workloads_of("kube-system", "DaemonSet")
    return scene.chance.pick(
        [each for each in found if each.spec["containers"][0].get("securityContext", {}).get("privileged")]
    )


@straight(EXECUTION, sources=("audit", "runtime"))
def works_in_a_privileged_container(scene: Scene) -> Life:
    """Somebody with an administrator's credentials opens a shell in a privileged daemon, and looks at the node."""
    shell = scene.exec_shell(scene.person(admin=True), _privileged(scene), inside=(EXECUTION,), command=("bash",))
    yield scene.pause()
    shell.run("ls /proc/1/root/opt", EXECUTION)
    yield scene.pause()
    shell.run("mount -o remount,rw /sys/fs/cgroup", EXECUTION)


@careful(EXECUTION, sources=("audit", "runtime"))
def one_command_in_a_privileged_container(scene: Scene) -> Life:
    """The same without a shell or terminal: one copy of a file to the node."""
    command = ("cp", "/bin/mount", "/proc/1/root/opt/cni/bin/bridge2")
    scene.exec_shell(scene.person(admin=True), _privileged(scene), inside=(EXECUTION,), command=command, seconds=1)
    yield 0


@near_miss(EXECUTION)
def privileged_daemon_does_its_work(scene: Scene) -> Life:
    """A privileged daemon of the platform runs its own tools."""
    shell = scene.entry_point(_privileged(scene))
    for command in ("iptables -w 5 -t nat -S KUBE-HINTS", "iptables-restore -w 5 --noflush --counters"):
        shell.run(command)
        yield 5 * SECOND


@near_miss(EXECUTION)
def privileged_daemon_is_probed(scene: Scene) -> Life:
    """The kubelet probes a privileged container, and runs its hook before it ends."""
    image = "docker.io/ceph/ceph:v19.2.3"
    entry = ("ceph-osd", "--foreground", "--id", "3")
    main = bystander(scene, "rook-ceph", "rook-ceph-osd", image, entry, privileged=True).program
    machine, shim, container = main.machine, main.parent, main.container
    assert shim is not None
    for _ in range(3):
        probe = ("ceph", "--admin-daemon", "/run/ceph/ceph-osd.3.asok", "status")
        machine.run(shim, probe, container=container, probe=True, mark=scene.mark())
        yield 20 * SECOND
    machine.run(shim, ("/bin/sleep", "15"), 15, container=container, mark=scene.mark())


table(
    PRIVILEGED,
    straight=[
        run("docker run --privileged -v /:/host -it alpine:3.22 chroot /host", at=Place.HOST),
        run("nerdctl run --privileged=true -d docker.io/library/busybox sleep 9000", at=Place.HOST),
        run("podman create --cap-add=SYS_ADMIN --name s docker.io/library/alpine", at=Place.HOST),
        run("ctr -n k8s.io run --privileged --net-host docker.io/library/alpine:3.22 s sh", at=Place.HOST),
        run("docker run --rm --pid=host --privileged alpine nsenter -t 1 -m sh", at=Place.HOST),
    ],
    careful=[
        run(f"docker -H unix://{SOCKET} run -dit --cap-add ALL alpine sh", at=Place.EXEC),
        run("docker --host=tcp://10.42.0.1:2375 container run --rm -it --privileged=1 alpine sh", at=Place.EXEC),
        line(
            "r=--priv; chroot /host podman con''tainer run ${r}ileged -d alpine",
            runs=[
                Started(
                    "chroot /host podman container run --privileged -d alpine",
                    ["podman container run --privileged -d alpine"],
                )
            ],
            at=Place.EXEC,
        ),
        run((*POST, PRIVILEGED_CONTAINER, f"{API}/create?name=s"), at=Place.EXEC),
        run("docker container create --cap-add CAP_SYS_ADMIN --security-opt apparmor=unconfined alpine", at=Place.HOST),
    ],
    quiet=[
        run("docker run --rm --privileged=false registry.example/tools/lint:3 /src", at=Place.HOST),
        run("docker build --help", at=Place.HOST),
        line("docker inspect registry-cache | grep -i privileged", at=Place.HOST),
        run("docker inspect --format {{.HostConfig.Privileged}} registry-cache", at=Place.HOST),
    ],
)

table(
    "K8S.NODE_ImageBuildOnNode",
    straight=[
        run("docker build -t registry.local/sys:1 .", at=Place.HOST),
        run("docker buildx build --load -t sys:1 /opt/b", at=Place.HOST),
        run("nerdctl -n k8s.io build -t sys:1 .", at=Place.HOST),
        run("buildah bud -t sys:1 /opt/b", at=Place.HOST),
        run("docker commit web registry.local/web:1.4.2", at=Place.HOST),
    ],
    careful=[
        run(f"docker -H unix://{SOCKET} --log-level error image build -q -t sys:1 -", at=Place.EXEC),
        line(
            "chroot /host buil''dah build --isolation=chroot -t sys:1 /opt/b",
            runs=[
                Started(
                    "chroot /host buildah build --isolation=chroot -t sys:1 /opt/b",
                    ["buildah build --isolation=chroot -t sys:1 /opt/b"],
                )
            ],
            at=Place.EXEC,
        ),
        run(
            "curl -s --unix-socket /var/run/docker.sock -X POST -H Content-Type:application/x-tar "
            "--data-binary @/opt/c.tar http://d/v1.45/build?t=sys:1",
            at=Place.EXEC,
        ),
        run("/opt/.e --dockerfile=Dockerfile --context=dir:///opt/b --destination=registry.local/sys:1", at=Place.EXEC),
        run("docker --context default compose build --quiet web", at=Place.HOST),
    ],
    quiet=[
        run("docker builder prune -f --filter until=72h", at=Place.HOST),
        run("docker images --filter dangling=true", at=Place.HOST),
        run("/usr/local/go/bin/go build ./...", at=Place.ENTRY, workload=RUNNER, cwd="/builds/app"),
        run(("git", "commit", "-m", "Makefile: make docker-build caches layers"), at=Place.ENTRY, workload=RUNNER),
    ],
)
