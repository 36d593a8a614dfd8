"""The words that are read are the words that bash passes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.commands import read
from events import Process

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="needs bash to compare with")
RECORDER = 'call() { printf "%s\\0" "$#" "$@" >&3; }\n'
"""A function that writes the words it is given; the texts call nothing else but echo and printf."""

bare = st.text("abcXYZ019_-+./:@%^,=", min_size=1, max_size=6)
single = st.text('ab "$`\\{};|&\n\t*é', max_size=6).map(lambda text: f"'{text}'")
double = st.text("ab '{};|&\n\t*é", max_size=6).map(lambda text: f'"{text}"')
escaped = st.sampled_from("abn $'\"\\;|&(){}<>#*").map(lambda char: "\\" + char)
ansi = st.sampled_from(["$'a\\x41'", "$'\\101b'", "$'\\n\\t'", "$'it\\'s'", "$'\\u0041'", '$"ab"', "$'\\e\\q'"])
EXPANSIONS = (
    '$v ${v} "$v" $w "${w}" $IFS ${IFS} "$IFS" $none ${#v} ${v:1} ${v:1:2} ${v#a} ${v%%b*} ${v//b/_} ${v/a/} ${v^^} $x '
    '${v:+z} ${a[1]} "${a[@]}" ${a[*]} ${!name} $# ${v##*b} ${x:0:3} ${none:-x} ${none:-$w} "${none:-x}"'
)
variables = st.sampled_from([*EXPANSIONS.split(), "${v: -2}", "${none:-x y}", '"${none:-x y}"'])
printed = st.sampled_from(
    [
        "$(echo p q)", '"$(echo p q)"', "`echo r`", "$(printf '%s-' m n)", '"$(printf "a\\n\\n")"', "$(:)",
        "$(echo 'b c' | cat)", "$(echo aGkgeW91 | base64 -d)", "$(echo abc | rev)", "$(echo abc | tr a-c d-f)",
        "$(echo $(echo n))", "$(v=other; echo $v)", "$(cat <<< 'here string')", "$(echo -n a; echo -e 'b\\tc')",
        "$(printf '\\x61%%%b' '\\101')",
    ]
)  # fmt: skip
braces = st.sampled_from(
    [
        "{a,b}",
        "x{a,b}y",
        "{1..3}",
        "{c..a}",
        "{a,{b,c}}",
        "{}",
        "{,z}",
        "{a,b}{c,d}",
        "{'a,b',c}",
        "{a,$v}",
        "\\{a,b}",
        "{a}",
        "{a}x,y}",
        "{..,}",
    ]
)
BRACES = ("{", "}", ",", "a", "{}", "{a,b}", "{1..3}", "\\{", "'x,'", "..", "{a}", "{a,{b,c}}", "0", "{,z}")
pieces = st.one_of(bare, single, double, escaped, ansi, variables, printed, braces)
words = st.lists(pieces, min_size=1, max_size=4).map("".join)
calls = st.lists(words, max_size=4).map(lambda found: " ".join(["call", *found]))
wrapped = st.one_of(
    calls,
    st.lists(calls, min_size=1, max_size=2).map(lambda found: "{ " + "; ".join(found) + "; }"),
    st.lists(calls, min_size=1, max_size=2).map(lambda found: "(" + "; ".join(found) + ")"),
    calls.map(lambda call: f"echo a | {call} | cat"),
    calls.map(lambda call: f"for v in 1 'b c' {{x,y}}; do {call}; done"),
    calls.map(lambda call: f"if true; then {call}; fi"),
    calls.map(lambda call: f"f() {{ {call} $1 \"$@\"; }}; f o 'p q'"),
    calls.map(lambda call: f"v=new; {call}"),
    calls.map(lambda call: f"case abc in ab*) {call};; esac # {call}"),
    calls.map(lambda call: f"{call} 2>/dev/null </dev/null"),
    calls.map(lambda call: f"eval {shlex.quote(call)}"),
)
SETTINGS = "v=abab w='a  b' x=' pad ' a=(one 'two three') name=v\nset --\n"


def passed(text: str) -> list[list[str]]:
    """The words of each call, from bash."""
    assert BASH is not None
    reading, writing = os.pipe()
    shell = subprocess.Popen(
        [BASH, "--norc", "-c", f"exec 3>&{writing}\n{RECORDER}{SETTINGS}{text}"],
        pass_fds=(writing,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        fields = iter(stream.read().decode(errors="replace").split("\0")[:-1])
    shell.wait(timeout=10)
    return [[next(fields) for _ in range(int(count))] for count in fields]


def resolved(text: str) -> list[list[str]] | None:
    """The words of each call, as read; None if some could not be resolved."""
    found = read(Process(binary="/bin/bash", argv=("bash", "-c", SETTINGS + text)))
    if any(command.unknown for command in found):
        return None
    return [list(command.arguments) for command in found if command.name == "call"]


@given(st.lists(wrapped, min_size=1, max_size=3).map("\n".join))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_resolved_is_what_bash_passes(text: str) -> None:
    mine = resolved(text)
    if mine is not None:
        assert mine == passed(text)


@given(st.lists(st.sampled_from(BRACES), min_size=2, max_size=7).map("".join))
@settings(max_examples=60, deadline=None)
def test_braces_are_those_of_bash(word: str) -> None:
    mine = resolved(f"call {word}")
    if mine is not None:
        assert mine == passed(f"call {word}")


def test_plain_words_are_always_resolved() -> None:
    text = "call 'a b' \"c\"d\\ e {f,g} $'\\x41' $v \"$w\"; (call h) && call i"
    assert resolved(text) == passed(text) == [["a b", "cd e", "f", "g", "A", "abab", "a  b"], ["h"], ["i"]]
