"""Commands that cover tracks: shell histories, system logs, times of files, the timer of upgrades."""

from __future__ import annotations

from simulation.attacks.register import careful, near_miss
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.platforms import Platform
from simulation.schedule import Life

LOGS = "K8S.NODE_SystemLogRemoval"
RUNNER = ("ci", "gitlab-runner")
INSTALL = ("apt-get install -y postfix", "/usr/bin/dpkg --configure -a", "/bin/sh /var/lib/dpkg/info/postfix.postinst")
FORGET = "rm -rf /root/.bash_history"

table(
    "K8S.NODE_HistoryFileCleared",
    straight=[
        line("history -c", runs=[], interpreter="bash"),
        run("rm -f /root/.bash_history", at=Place.HOST),
        line("history -cw && unset HISTFILE", runs=[], interpreter="bash", at=Place.EXEC),
        line("cat /dev/null > ~/.bash_history", runs=["cat /dev/null"], at=Place.EXEC),
        run("shred -u /home/operator/.zsh_history", at=Place.HOST),
    ],
    careful=[
        line("ln -sf /dev/null ~/.bash_history", runs=["ln -sf /dev/null /var/www/.bash_history"]),
        line("HISTFILE=/dev/null; set +o history", runs=[], interpreter="bash", at=Place.EXEC),
        line(": > $HOME/.bash_his''tory", runs=[], at=Place.EXEC),
        line("f=.bash_; f=${f}history; truncate -s0 ~/$f", runs=["truncate -s0 /root/.bash_history"], at=Place.HOST),
        line(
            f"echo {encoded(FORGET)} | base64 -d | bash",
            runs=["base64 -d", Started("bash", [FORGET])],
            interpreter="bash",
            at=Place.HOST,
        ),
        run("busybox unlink /root/.ash_history", at=Place.EXEC),
        run(("python3", "-c", "import os; os.truncate(os.path.expanduser('~/.bash_history'), 0)"), at=Place.HOST),
    ],
    quiet=[
        run("tail -n 20 /root/.bash_history", at=Place.EXEC),
        run("grep -n systemctl /home/operator/.bash_history", at=Place.HOST),
        line("git log --oneline | grep -c history", at=Place.ENTRY, workload=RUNNER),
        run("rm -f /app/data/price_history.csv", at=Place.ENTRY),
    ],
)

table(
    LOGS,
    straight=[
        run("rm -f /var/log/auth.log /var/log/auth.log.1", at=Place.HOST),
        line("> /var/log/wtmp; > /var/log/btmp", runs=[], interpreter="bash", at=Place.HOST),
        run("journalctl --rotate --vacuum-time=1s", at=Place.HOST),
        run("truncate -s 0 /var/log/syslog", at=Place.HOST),
        run("auditctl -D", at=Place.HOST),
    ],
    careful=[
        line(
            "for f in secure messages; do cp /dev/null /var/log/$f; done",
            runs=["cp /dev/null /var/log/secure", "cp /dev/null /var/log/messages"],
            at=Place.HOST,
        ),
        run("sed -i /INTRUDER/d /var/log/auth.log", at=Place.HOST),
        line(
            "find /var/log -name 'auth.log*' -exec shred -u {} +",
            runs=[
                Started(
                    ("find", "/var/log", "-name", "auth.log*", "-exec", "shred", "-u", "{}", "+"),
                    ["shred -u /var/log/auth.log /var/log/auth.log.1"],
                )
            ],
            at=Place.HOST,
        ),
        run("busybox truncate -s 0 /var/log//../log/lastlog", at=Place.HOST),
        run(("perl", "-e", "truncate('/var/log/wtmp', 0)"), at=Place.HOST),
        line("rm -rf /host/var/log/po''ds/*", runs=[("rm", "-rf", "/host/var/log/pods/*")], at=Place.EXEC),
        run("./k -u operator", cwd="/dev/shm", at=Place.HOST, touches=("/var/log/wtmp", True)),
    ],
    quiet=[
        run("shred -u -- /var/log/syslog.7.gz", at=Place.DAEMON, under=("/usr/sbin/logrotate /etc/logrotate.conf",)),
        run("/usr/sbin/logrotate /etc/logrotate.d/rsyslog", at=Place.DAEMON, touches=("/var/log/syslog", True)),
        run("tail -n 50 /var/log/syslog", at=Place.HOST),
        line("cat /var/log/auth.log | grep -c 'Failed password'", at=Place.HOST),
        run("rm -f /app/logs/service.log.3", at=Place.ENTRY),
    ],
)


@careful(LOGS)
def logs_go_with_their_writer(scene: Scene) -> Life:
    """The syslog daemon is stopped, its journal is thrown away and begun anew under the old name."""
    shell = scene.host_shell()
    yield scene.pause()
    shell.run("service rsyslog stop", LOGS)
    yield scene.pause(2, 8)
    shell.run("mv /var/log/auth.log /root/.a", cwd="/root")
    shell.run("grep -v INTRUDER /root/.a".replace("INTRUDER", scene.address))
    yield scene.pause(2, 8)
    shell.run("tee /var/log/auth.log", LOGS)
    shell.run("service rsyslog start")


table(
    "K8S.NODE_TimestampTampering",
    straight=[
        run("touch -r /bin/ls /var/www/html/.cache.php"),
        run(("touch", "-d", "2019-03-01 10:00:00", "/var/www/html/config.php")),
        run("touch -acmr /bin/ls /usr/bin/dbus-helper", at=Place.HOST),
        run("touch -t 201801010101 /usr/local/bin/sysmon", at=Place.EXEC),
        run(
            ("debugfs", "-w", "-R", "set_inode_field /usr/bin/dbus-helper crtime 20190101000000", "/dev/sda1"),
            at=Place.HOST,
        ),
    ],
    careful=[
        run("touch --ref=/etc/hosts /etc/cron.d/sysstat2", at=Place.HOST),
        run("touch -hcd@1546300800 /usr/lib/x86_64-linux-gnu/libk.so.1", at=Place.EXEC),
        run("busybox touch -d 2020-02-02 /usr/sbin/rsyncd", at=Place.EXEC),
        line(
            "to''uch -d \"$(stat -c %y /bin/ls)\" /usr/bin/sysmon",
            runs=["stat -c %y /bin/ls", ("touch", "-d", "2025-06-03 08:12:31.000000000 +0000", "/usr/bin/sysmon")],
            at=Place.EXEC,
        ),
        run(("python3", "-c", "import os; os.utime('/usr/bin/sysmon', (1546300800, 1546300800))"), at=Place.EXEC),
        run(("perl", "-e", "utime 1546300800, 1546300800, '/usr/bin/sysmon'"), at=Place.HOST),
        line(
            "date -s '2019-01-01 04:00' && touch /usr/bin/dbus-helper && hwclock --hctosys",
            at=Place.HOST,
        ),
    ],
    quiet=[
        run("touch /app/ready", at=Place.ENTRY),
        run("touch -r config.h.in stamp-h1", at=Place.ENTRY, workload=RUNNER, cwd="/builds/app", under=("make -j4",)),
        run("touch -r /etc/postfix/main.cf.proto /etc/postfix/main.cf", at=Place.HOST, under=INSTALL),
        run(
            "touch -t 202401010000 /builds/toolchain/.stamp",
            at=Place.ENTRY,
            workload=RUNNER,
            under=("tar -xf /cache/toolchain.tar --checkpoint=9000 --checkpoint-action=exec=./stamp.sh",),
        ),
    ],
)

TIMER = "apt-daily-upgrade.timer"

table(
    "K8S.NODE_TimerServiceDisabled",
    straight=[
        run(f"systemctl stop {TIMER}", at=Place.HOST),
        run(f"systemctl disable --now {TIMER}", at=Place.HOST),
        run("systemctl mask apt-daily.timer", at=Place.HOST),
        run("service apt-daily-upgrade stop", at=Place.HOST),
        run(f"rm -f /lib/systemd/system/{TIMER}", at=Place.HOST),
    ],
    careful=[
        run("systemctl --no-block --quiet stop apt-daily.timer", at=Place.HOST),
        run("systemctl kill --kill-whom=all -s KILL apt-daily-upgrade.service", at=Place.HOST),
        line(
            f"chroot /host systemctl mask {TIMER}",
            runs=[Started(f"chroot /host systemctl mask {TIMER}", [f"systemctl mask {TIMER}"])],
            at=Place.EXEC,
        ),
        line(
            'u=apt-daily; for x in $u $u-upgrade; do sys""temctl -q stop $x.timer; done',
            runs=["systemctl -q stop apt-daily.timer", f"systemctl -q stop {TIMER}"],
            at=Place.HOST,
        ),
        run(f"ln -sf /dev/null /etc/systemd/system/{TIMER}", at=Place.HOST),
        run(
            "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StopUnit "
            f"ss {TIMER} replace",
            at=Place.HOST,
        ),
    ],
    quiet=[
        run(f"systemctl status {TIMER}", at=Place.HOST),
        run(f"systemctl enable --now {TIMER}", at=Place.HOST),
        run("systemctl list-timers apt-daily*", at=Place.HOST),
        run("systemctl stop fstrim.timer", at=Place.HOST),
        run(
            f"systemctl mask {TIMER}",
            at=Place.DAEMON,
            under=(
                "/usr/bin/python3 /usr/bin/cloud-init modules --mode=final",
                "/bin/sh /var/lib/cloud/instance/scripts/runcmd",
            ),
        ),
    ],
)


@near_miss("K8S.NODE_TimerServiceDisabled")
def node_set_up_stops_upgrades(scene: Scene) -> Life:
    """A platform's own script sets up a new node, and stops the timers so that apt is free for it."""
    machine = scene.chance.pick(scene.cluster.machines)
    is_eks = scene.cluster.platform is Platform.EKS
    outer = "/var/lib/cloud/instance/scripts/part-001" if is_eks else "/opt/azure/containers/provision_start.sh"
    inner = "/etc/eks/bootstrap.sh" if is_eks else "/opt/azure/containers/provision.sh"
    mark = scene.mark()
    start = machine.run(machine.systemd, ("/bin/bash", outer), 90, mark=mark)
    above = machine.run(start, ("/bin/bash", inner), 80, mark=mark)
    yield scene.pause(1, 3)
    for unit in ("apt-daily.timer", TIMER, "apt-daily-upgrade.service"):
        machine.run(above, ("systemctl", "stop", unit), mark=mark)
        yield scene.pause(1, 2)
