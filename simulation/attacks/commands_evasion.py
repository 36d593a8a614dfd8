"""Commands against those who watch: security agents ended, disabled or removed."""

from __future__ import annotations

from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table

TERMINATION = "K8S.NODE_SuspectProcessTermination"
RUNNER = ("ci", "gitlab-runner")
STOP = "systemctl stop falco-modern-bpf.service"

table(
    TERMINATION,
    straight=[
        run("pkill -9 falco", at=Place.HOST),
        run("systemctl disable --now wazuh-agent", at=Place.HOST),
        run("killall -q tetragon", at=Place.EXEC),
        run("apt-get remove -y clamav-daemon", at=Place.HOST),
        run("setenforce 0", at=Place.HOST),
        run("rm -f /usr/bin/falco", at=Place.EXEC),
    ],
    careful=[
        line("kill -9 $(pgrep -f wdavdaemon)", runs=["pgrep -f wdavdaemon"], at=Place.HOST),
        line(
            "for p in aegis cloudmonitor; do pkill -KILL $p; done",
            runs=["pkill -KILL aegis", "pkill -KILL cloudmonitor"],
            at=Place.EXEC,
        ),
        run("systemctl --no-block --now mask mdatp.service", at=Place.HOST),
        line(
            "ps aux | grep 'osq[u]eryd' | awk '{print $2}' | xargs -r kill -9",
            runs=[
                "ps aux",
                ("grep", "osq[u]eryd"),
                ("awk", "{print $2}"),
                Started("xargs -r kill -9", ["kill -9 2417"]),
            ],
            at=Place.HOST,
        ),
        run("busybox killall -9 filebeat", at=Place.EXEC),
        line(f"echo {encoded(STOP)} | base64 -d | sh", runs=["base64 -d", Started("sh", [STOP])], at=Place.HOST),
        run("sudo -n chattr -i /opt/CrowdStrike/falcon-sensor", at=Place.HOST),
    ],
    quiet=[
        run("pkill -f gunicorn", at=Place.EXEC),
        line("kill -9 $(pidof node)", runs=["pidof node"], at=Place.EXEC),
        run("pkill -HUP auditd", at=Place.HOST),
        line("kill -USR1 $(pidof filebeat)", runs=["pidof filebeat"], at=Place.HOST),
        run("systemctl status wazuh-agent", at=Place.HOST),
        run(
            "systemctl restart falco",
            at=Place.DAEMON,
            under=("/usr/bin/python3 /root/.ansible/tmp/ansible-tmp-17/AnsiballZ_systemd.py",),
        ),
        run(
            "systemctl stop filebeat",
            at=Place.DAEMON,
            under=(
                "dpkg --unpack /var/cache/apt/archives/filebeat_8.15.2_amd64.deb",
                "/bin/sh /var/lib/dpkg/info/filebeat.prerm upgrade 8.15.2",
            ),
        ),
        run("iptables -t filter -F NODE-SETUP", at=Place.DAEMON, under=("/bin/bash /opt/node/setup.sh",)),
        run("ufw disable", at=Place.DAEMON, under=("/bin/bash /opt/node/setup.sh",)),
    ],
)
