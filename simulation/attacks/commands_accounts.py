"""Commands that add users, and tools that look for credentials."""

from __future__ import annotations

from simulation.attacks.bystanders import bystander
from simulation.attacks.register import near_miss
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.schedule import Life

ADDITION = "K8S.NODE_SuspectUserAddition"
PASSWORD_CHANGE = "K8S.NODE_SuspectPasswordChange"  # noqa: S105  the name of an alert type
PASSWORD_FILE = "K8S.NODE_SuspectPasswordFileAccess"  # noqa: S105  the same
RUNNER = ("ci", "gitlab-runner")
HASH = "$6$inventedsalt$AnInventedHashThatOpensNothing"
INSTALL = (
    "apt-get install -y postfix",
    "/usr/bin/dpkg --configure -a",
    "/bin/sh /var/lib/dpkg/info/postfix.postinst configure",
)
HIDDEN = "useradd -M -G docker svc-backup"

table(
    ADDITION,
    straight=[
        run("useradd -o -u 0 -g 0 -M -d /root -s /bin/bash systemd-net", at=Place.HOST),
        run("useradd -m -G sudo,docker ops2", at=Place.HOST),
        run(("useradd", "-m", "-p", HASH, "ops2"), at=Place.HOST, also=(PASSWORD_CHANGE,)),
        line("useradd -m ops2 && echo ops2:Invented-1 | chpasswd", runs=["useradd -m ops2", "chpasswd"], at=Place.HOST),
        run("useradd -m helper", at=Place.EXEC),
    ],
    careful=[
        run("useradd -ou0 -Ms/bin/bash games2", at=Place.HOST),
        run("adduser --quiet --disabled-password --gecos x --gid=0 svc-backup", at=Place.HOST),
        run("busybox adduser -D -G wheel svc", at=Place.EXEC),
        line(
            "u=svc; printf '%s:x:0:0::/root:/bin/sh\\n' $u | te''e -a /etc/passwd",
            runs=["tee -a /etc/passwd"],
            at=Place.EXEC,
        ),
        run(("sed", "-i", "$ a sys2:x:0:0::/root:/bin/sh", "/etc/passwd"), at=Place.EXEC),
        line(
            f"echo {encoded(HIDDEN)} | base64 -d | sh",
            runs=["base64 -d", Started("sh", [HIDDEN])],
            at=Place.HOST,
        ),
        run(
            "chroot /host useradd --non-unique --uid=0 --no-create-home svc",
            runs=["useradd --non-unique --uid=0 --no-create-home svc"],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("useradd -r -d /var/spool/postfix -s /usr/sbin/nologin postfix", at=Place.HOST, under=INSTALL),
        run("useradd --help", at=Place.HOST),
    ],
)


@near_miss(ADDITION)
def an_entry_point_makes_its_user(scene: Scene) -> Life:
    """Two containers start, whose start scripts make the users that their servers then run as."""
    for name, command in (("mailer", "useradd -u 1000 -m app"), ("resizer", "adduser -D -u 10001 worker")):
        entry = ("/bin/sh", "/docker-entrypoint.sh", name)
        shell = bystander(scene, "default", name, f"registry.example/tools/{name}:2.1", entry, starts=True)
        shell.run(command, after=200_000)
        yield scene.pause()


table(
    "K8S.NODE_KnownLinuxCredentialAccessTool",
    straight=[
        run("bash /tmp/mimipenguin.sh", at=Place.EXEC),
        run("python3 laZagne.py all", at=Place.EXEC, cwd="/opt/lz"),
        run("john --wordlist=/opt/w.txt /opt/h.txt", at=Place.EXEC),
        run("unshadow /etc/passwd /etc/shadow", at=Place.EXEC, also=(PASSWORD_FILE,)),
        line(
            "strace -f -p $(pgrep -xo sshd) -e trace=read,write -o /opt/.s",
            runs=["pgrep -xo sshd", "strace -f -p 812 -e trace=read,write -o /opt/.s"],
            at=Place.EXEC,
        ),
    ],
    careful=[
        run("/opt/.c/j --format=sha512crypt --fork=4 --wordlist=/opt/.c/w /opt/.c/h", at=Place.EXEC),
        run("./hc -m 1800 -a 0 -O h.txt w.txt -r best64.rule", at=Place.EXEC, cwd="/opt/.c"),
        line(
            'gdb -p "$(pidof sshd)" -batch -ex "generate-core-file /opt/.core"',
            runs=["pidof sshd", "gdb -p 812 -batch -ex 'generate-core-file /opt/.core'"],
            at=Place.EXEC,
        ),
        line("b''ash /opt/3sn''ake -d", runs=["bash /opt/3snake -d"], at=Place.EXEC),
        run("timeout 600 python3 -m lazagne all -oN", runs=["python3 -m lazagne all -oN"], at=Place.EXEC),
        line(
            f"echo {encoded('/usr/local/bin/linikatz.sh')} | base64 -d | sh",
            runs=["base64 -d", Started("sh", ["/usr/local/bin/linikatz.sh"])],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("chown -R john:john /srv/data/john", at=Place.EXEC),
        run("apt-cache policy hashcat", at=Place.EXEC),
        run("gitleaks detect --source . --no-banner", at=Place.ENTRY, workload=RUNNER, cwd="/builds/app"),
        run("trufflehog filesystem --directory /builds/app", at=Place.ENTRY, workload=RUNNER),
        run("strace -f -p 1 -e trace=network -c", at=Place.EXEC),
    ],
)
