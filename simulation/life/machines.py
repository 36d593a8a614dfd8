"""What nodes run by themselves: cron, timers, package updates, the kubelet's checks, the cloud's agents, and logins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, is_working_time
from simulation.cluster import Cluster
from simulation.platforms import Platform
from simulation.schedule import Life
from simulation.sensors.processes import Machine, Program
from simulation.sensors.trees import Tree, grow, tree

DEBIAN = frozenset({Platform.AKS, Platform.SELF})
"""Platforms whose nodes have apt, cron and rsyslog; on the others the system is an image that nobody changes."""


@dataclass(frozen=True)
class Routine:
    """Something that every node runs again and again."""

    every: int
    """Microseconds; what happens more often than once an hour is thinned by the profile's pace."""
    runs: Tree
    service: tuple[str, ...] = ()
    """Under which service; none: systemd itself."""
    on: frozenset[Platform] = frozenset(Platform)


def _canary(chain: str) -> tuple[Tree, ...]:
    return tuple(
        tree(f"/usr/sbin/iptables -w 5 -S {chain} -t {name}", seconds=0.003) for name in ("mangle", "nat", "filter")
    )


MIRROR = ("203.0.113.10", 443)
CRON = ("/usr/sbin/cron", "-f")
KUBELET = ("/usr/local/bin/kubelet",)
DETECTOR = ("/usr/local/bin/node-problem-detector", "--config.custom-plugin-monitor=/etc/npd/health.json")
UPDATE = tree(
    "/usr/lib/apt/apt.systemd.daily update",
    tree(
        "/usr/bin/apt-get -qq -y update",
        tree("/usr/lib/apt/methods/https", seconds=1.4, connects=(MIRROR,), uid=42),
        tree("/usr/lib/apt/methods/https", seconds=0.9, connects=(MIRROR,), uid=42),
        tree("/usr/lib/apt/methods/gpgv", "/usr/bin/gpgv --ignore-time-conflict --status-fd 3", uid=42),
        tree("/usr/lib/apt/methods/store", uid=42),
    ),
    "/usr/bin/flock -w 3600 3",
    "/usr/bin/touch /var/lib/apt/periodic/update-stamp",
)
PACKAGE = "libexpat1_2.6.1-2ubuntu0.3_amd64.deb"
UPGRADE = tree(
    "/usr/lib/apt/apt.systemd.daily install",
    tree(
        "/usr/bin/unattended-upgrade",
        "/usr/bin/dpkg --print-foreign-architectures",
        tree("/usr/lib/apt/methods/https", seconds=0.8, connects=(MIRROR,), uid=42),
        tree(
            f"/usr/bin/dpkg --status-fd 11 --no-triggers --unpack --auto-deconfigure /var/cache/apt/archives/{PACKAGE}",
            f"/usr/bin/dpkg-split -Qao /var/lib/dpkg/reassemble.deb /var/cache/apt/archives/{PACKAGE}",
            f"/usr/bin/dpkg-deb --control /var/cache/apt/archives/{PACKAGE} /var/lib/dpkg/tmp.ci",
            tree(f"/usr/bin/dpkg-deb --fsys-tarfile /var/cache/apt/archives/{PACKAGE}", seconds=0.2),
            "/usr/bin/rm -rf -- /var/lib/dpkg/tmp.ci",
        ),
        tree(
            "/usr/bin/dpkg --status-fd 11 --configure --pending",
            tree(
                "/var/lib/dpkg/info/sysstat.postinst configure 12.6.1-2",
                tree(
                    "/usr/sbin/useradd -r -M -s /usr/sbin/nologin -d /nonexistent sysstat",
                    reads=("/etc/shadow",),
                    writes=("/etc/passwd", "/etc/shadow"),
                ),
                "/usr/bin/deb-systemd-helper --quiet was-enabled sysstat.service",
                "/usr/bin/deb-systemd-invoke restart sysstat.service",
            ),
            tree("/var/lib/dpkg/info/libc-bin.postinst triggered ldconfig", "/sbin/ldconfig"),
        ),
    ),
    "/usr/bin/touch /var/lib/apt/periodic/unattended-upgrades-stamp",
)
ROTATE = tree(
    "/usr/sbin/logrotate /etc/logrotate.conf",
    tree(
        ("/bin/sh", "-c", "/usr/lib/rsyslog/rsyslog-rotate", "logrotate_script", "/var/log/syslog"),
        tree("/usr/lib/rsyslog/rsyslog-rotate", "/usr/bin/systemctl kill -s HUP rsyslog.service"),
    ),
    tree("/bin/gzip", seconds=0.3),
    writes=("/var/log/syslog", "/var/log/auth.log"),
)
DAILY = tree(
    ("/bin/sh", "-c", "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }"),
    tree(
        "/usr/bin/run-parts --report /etc/cron.daily",
        tree("/etc/cron.daily/apt-compat", "/usr/bin/systemctl is-system-running"),
        tree("/etc/cron.daily/dpkg", "/usr/libexec/dpkg/dpkg-db-backup"),
        tree("/etc/cron.daily/man-db", "/usr/bin/mandb --no-purge --quiet"),
    ),
)
HOURLY = tree(
    ("/bin/sh", "-c", "cd / && run-parts --report /etc/cron.hourly"),
    tree("/usr/bin/run-parts --report /etc/cron.hourly", seconds=0.01),
)
MANAGED = tree(
    "/opt/puppetlabs/puppet/bin/ruby /opt/puppetlabs/puppet/bin/puppet agent --onetime --no-daemonize --splay",
    "/usr/bin/systemctl is-enabled -- chrony",
    "/usr/bin/systemctl is-active -- chrony",
    "/usr/bin/dpkg-query -W --showformat=${Status} chrony",
    seconds=6,
    connects=(("10.0.0.30", 8140),),
    status=2,
)
CHECKED = tree(
    "/usr/local/bin/health-checker --component=kubelet --enable-repair=true --cooldown-time=1m",
    "/usr/bin/systemctl show kubelet --property=InactiveExitTimestamp",
    tree("/usr/bin/timeout 10 journalctl --unit kubelet --since -5min", "/usr/bin/journalctl --unit kubelet"),
)
ROUTINES: Sequence[Routine] = (
    Routine(HOUR, HOURLY, CRON, DEBIAN),
    Routine(10 * MINUTE, tree(("/bin/sh", "-c", "command -v debian-sa1 > /dev/null && debian-sa1 1 1")), CRON, DEBIAN),
    Routine(DAY, DAILY, CRON, DEBIAN),
    Routine(DAY, ROTATE, on=DEBIAN),
    Routine(12 * HOUR, UPDATE, on=DEBIAN),
    Routine(DAY, UPGRADE, on=DEBIAN),
    Routine(DAY, tree("/usr/bin/systemd-tmpfiles --clean")),
    Routine(7 * DAY, tree("/sbin/fstrim --listed-in /etc/fstab:/proc/self/mountinfo --verbose", seconds=3)),
    Routine(30 * MINUTE, MANAGED, on=frozenset({Platform.SELF})),
    Routine(5 * MINUTE, tree("/usr/bin/chronyc -n tracking"), DETECTOR),
    Routine(5 * MINUTE, CHECKED, DETECTOR),
    Routine(3 * MINUTE, tree("/usr/sbin/iptables -w 5 -S KUBE-KUBELET-CANARY -t mangle", seconds=0.003), KUBELET),
    Routine(
        5 * MINUTE,
        tree("/usr/local/bin/health-monitor.sh", tree("/usr/bin/timeout 60 crictl pods", "/usr/local/bin/crictl pods")),
        on=frozenset({Platform.AKS}),
    ),
    Routine(
        5 * MINUTE,
        tree("/usr/sbin/iptables -w -t security -C OUTPUT -d 168.63.129.16 -p tcp -m owner --uid-owner 0 -j ACCEPT"),
        ("/usr/bin/python3", "-u", "bin/WALinuxAgent-2.14.0.1-py3.12.egg", "-run-exthandlers"),
        frozenset({Platform.AKS}),
    ),
    Routine(
        30 * MINUTE,
        tree("/usr/bin/ssm-document-worker", seconds=2, connects=(("203.0.113.20", 443),)),
        ("/usr/bin/amazon-ssm-agent",),
        frozenset({Platform.EKS}),
    ),
    Routine(
        HOUR,
        tree("/usr/bin/gce_workload_cert_refresh", connects=(("169.254.169.254", 80),)),
        on=frozenset({Platform.GKE}),
    ),
)
JOINED = (
    tree("/usr/sbin/modprobe -a overlay br_netfilter"),
    tree("/usr/sbin/sysctl --system"),
    tree("/usr/bin/systemctl daemon-reload"),
    tree("/usr/bin/systemctl enable --now containerd"),
    tree("/usr/bin/systemctl enable --now kubelet"),
)
"""What cloud-init runs on a node that was just made."""
LOOKED = (
    "systemctl status kubelet", "journalctl -u kubelet -n 100 --no-pager", "crictl ps", "crictl images", "df -h",
    "free -m", "journalctl -u containerd --since -1h", "dmesg -T", "systemctl list-timers", "vim notes.txt",
)  # fmt: skip
"""What operators run who have logged in to look around."""


@actor()
def machines(cluster: Cluster, chance: Chance) -> Life:
    """Everything that all nodes run: those that are there, and those that join later."""
    known: list[Machine] = []
    begun = cluster.now
    while True:
        for machine in cluster.machines:
            if machine not in known:
                known.append(machine)
                if cluster.now > begun:
                    _join(machine)
                for number, routine in enumerate(ROUTINES):
                    if cluster.platform in routine.on:
                        cluster.start(_follow(cluster, chance.child(machine.name, number), machine, routine))
        known = [machine for machine in known if machine in cluster.machines]
        yield MINUTE


def _join(machine: Machine) -> None:
    service = machine.service("/usr/bin/python3", "/usr/bin/cloud-init", "modules", "--mode=final")
    after = 0
    for step in JOINED:
        after = grow(service, step, after=after)


def _follow(cluster: Cluster, chance: Chance, machine: Machine, routine: Routine) -> Life:
    above = _service(machine, routine.service)
    thin = routine.every < HOUR
    yield chance.below(round(routine.every / cluster.profile.pace) if thin else routine.every)
    while machine in cluster.machines:
        grow(above, routine.runs)
        yield cluster.paced(routine.every) if thin else chance.about(routine.every, 0.02)


def _service(machine: Machine, argv: tuple[str, ...]) -> Program:
    if not argv:
        return machine.systemd
    return machine.kubelet if argv == KUBELET else machine.service(*argv)


@actor()
def rules(cluster: Cluster, chance: Chance) -> Life:
    """Kube-proxy looks whether its chains are still there, and writes its rules again when Services change."""
    canary = _canary("KUBE-PROXY-CANARY")
    written = tree("/usr/sbin/iptables-restore -w 5 --noflush --counters", seconds=0.04)
    read = tree("/usr/sbin/iptables-save -t nat", seconds=0.01)
    while True:
        yield max(cluster.paced(MINUTE) // max(len(cluster.machines), 1), 1)
        proxies = cluster.workloads.get(("kube-system", "kube-proxy"))
        running = [pod.main for pod in proxies.pods if pod.main] if proxies else []
        if running:
            above = chance.pick(running)
            grow(above, chance.pick(canary))
            if chance.happens(0.15):
                grow(above, written, after=grow(above, read))


@actor()
def volumes(cluster: Cluster, chance: Chance) -> Life:
    """A CSI driver mounts the disk of a pod with a volume claim."""
    disk = "/dev/disk/azure/data/by-lun/0" if cluster.platform is Platform.AKS else "/dev/nvme1n1"
    target = "/var/lib/kubelet/plugins/kubernetes.io/csi/pv/globalmount"
    steps = (
        tree(f"/usr/sbin/blkid -p -s TYPE -s PTTYPE -o export {disk}"),
        tree(f"/usr/sbin/fsck -a {disk}"),
        tree(f"/usr/bin/mount -t ext4 -o defaults {disk} {target}"),
    )
    while True:
        yield chance.wait(8 * HOUR)
        drivers = [each for each in cluster.workloads_of("kube-system", "DaemonSet") if "csi" in each.name]
        running = [pod.main for driver in drivers for pod in driver.pods if pod.main]
        after = 0
        for step in steps if running else ():
            after = grow(running[0], step, after=after)


@actor()
def logins(cluster: Cluster, chance: Chance) -> Life:
    """Operators log in to nodes by ssh, and run two or three commands."""
    often = max(cluster.profile.people // 5, 1)
    while True:
        yield chance.wait(8 * HOUR // often)
        if is_working_time(cluster.now) or chance.happens(0.1):
            cluster.start(_login(chance.pick(cluster.machines), chance))


def _login(machine: Machine, chance: Chance) -> Life:
    steps = chance.picks(LOOKED, chance.between(2, 3))
    waits = [chance.between(6, 60) * SECOND for _ in steps]
    length = (sum(waits) + 5 * SECOND) / SECOND
    session = machine.run(machine.sshd, ("/usr/sbin/sshd", "-D", "-R"), length + 1)
    machine.touch(session, "/home/operator/.ssh/authorized_keys", after=90_000)
    machine.touch(session, "/etc/shadow", after=110_000)
    after = grow(session, tree("/etc/update-motd.d/00-header", "/usr/bin/uname -r"), after=300_000)
    login: dict[str, Any] = {"login": 1000, "uid": 1000, "cwd": "/home/operator"}
    shell = machine.run(session, ("/bin/bash", "--login"), length - 1, after=after, **login)
    for step, wait in zip(steps, waits, strict=True):
        yield wait
        grow(shell, tree(step, seconds=0.4))


@actor()
def losses(cluster: Cluster, chance: Chance) -> Life:
    """Now and then a sensor cannot keep up on a busy node."""
    while True:
        yield chance.wait(max(3 * DAY // len(cluster.machines), HOUR)) + HOUR
        chance.pick(cluster.machines).lose(chance.between(3, 90) * chance.between(3, 90))
