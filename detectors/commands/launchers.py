"""Programs that start another in a way of their own: shells, `env -S`, `find -exec`, `su -c`, `kubectl exec` ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct

from detectors.commands.options import leading, named
from detectors.commands.words import Unresolved

Words: TypeAlias = Sequence[str]

_CONTAINER_VALUES = named(
    "-e -u -w -H -c -l -n -a --env --env-file --user --workdir --detach-keys --host --context --log-level --config"
    " --timeout --runtime-endpoint --namespace --exec-id --cwd --address --root --connection --url"
)
_POD_VALUES = named(
    "-c -n -f -s --container --namespace --filename --context --kubeconfig --server --token --cluster --user --as"
    " --as-group --pod-running-timeout --request-timeout --certificate-authority"
)
_XARGS = named("-a -d -E -I -n -L -P -s --arg-file --delimiter --max-args --max-procs --max-chars --process-slot-var")
_SU = named(
    "-c -C -g -G -s -T -w -u --command --session-command --group --supp-group --shell --user --whitelist-environment"
)
_FLOCK = named("-w -E -c --timeout --conflict-exit-code --command")
_SCRIPT = named("-c -E -I -O -B -m -o -T --command --echo --log-in --log-out --log-io --output-limit")
_PARALLEL = named("-j -P -N -n -L -I -a -S -d --jobs --max-args --arg-file --colsep --delay --joblog")
_TMUX = named("-s -n -c -e -F -x -y -t -L -S -f")
_ENV = named("-u -C -S --unset --chdir --split-string")
_LOADER_VALUES = named("--library-path --inhibit-rpath --audit --preload --argv0 --glibc-hwcaps-prepend")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z_0-9.-]*)=(.*)", re.DOTALL)
_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


class Step(Struct):
    """What one wrapper starts: words, or the text of a shell."""

    label: str
    words: list[str] = []
    text: str | None = None
    positional: tuple[str, ...] | None = None
    """`$0`, `$1` ... of the text, where they are known."""
    rest: tuple[str, ...] = ()
    """The words after the text: a sensor that joins words may have cut them off it."""
    assignments: tuple[tuple[str, str], ...] = ()
    same_shell: bool = False
    """The text is read by the shell itself: `eval`."""
    takes_input: bool = False
    """Its words continue with what stands on the standard input: `xargs`."""
    replaces: str = ""
    """What each word of the input replaces, instead of being added."""


def _step(label: str, words: Words) -> list[Step]:
    return [Step(label, list(words))] if words else []


def _text(label: str, words: Words, at: int) -> list[Step]:
    """A shell's text that stands at a place, if one does."""
    return [Step(label, text=words[at], rest=tuple(words[at + 1 :]))] if at < len(words) else []


def joined(words: Words) -> str:
    """Words as one text; not known if one of them is not."""
    text = " ".join(words)
    return text if all(type(word) is str for word in words) else Unresolved(text)


def assignments(words: Words) -> tuple[tuple[tuple[str, str], ...], int]:
    """The assignments at the front of words, and how many they are."""
    found = []
    for word in words:
        assignment = _ASSIGNMENT.fullmatch(word)
        if assignment is None:
            break
        found.append((assignment[1], assignment[2]))
    return tuple(found), len(found)


def shell(name: str, words: Words) -> list[Step]:
    """`sh -c text $0 $1 ...`, with options in any form before the text."""
    at, commanded = 0, False
    while at < len(words):
        word = words[at]
        if word in ("-", "--") or word[:1] not in ("-", "+") or len(word) < 2:
            at += word in ("-", "--")
            break
        long = word[:2] == "--"
        if word.startswith("--command=") and name == "fish":
            return [Step(f"{name} -c", text=word.partition("=")[2])]
        commanded = commanded or word == "--command" or (word[0] == "-" and not long and "c" in word)
        at += 1 + (word in ("--rcfile", "--init-file") if long else word.count("o") + word.count("O"))
    if not commanded or at >= len(words):
        return []
    rest = tuple(words[at + 1 :])
    return [Step(f"{name} -c", text=words[at], positional=rest or (name,), rest=rest)]


def _env(words: Words) -> list[Step]:
    found, start = leading(words, _ENV)
    rest = list(words[start:])
    if rest[:1] == ["-"]:
        rest = rest[1:]
    split = [*found.get("-S", []), *found.get("--split-string", [])]
    rest = [word for text in split for word in text.split()] + rest
    assigned, count = assignments(rest)
    return [Step("env", rest[count:], assignments=assigned)] if rest[count:] else []


def _xargs(words: Words) -> list[Step]:
    found, start = leading(words, _XARGS)
    replaces = (found.get("-I") or found.get("--replace") or [""])[0] or ("{}" if "-i" in found else "")
    rest = list(words[start:])
    return [Step("xargs", rest, takes_input=True, replaces=replaces)] if rest else []


def _find(words: Words) -> list[Step]:
    steps: list[Step] = []
    at = 0
    while at < len(words) and len(steps) < 8:
        if words[at] in _EXEC:
            stop = next((i for i in range(at + 1, len(words)) if words[i] in (";", "\\;", "+")), len(words))
            inner = [Unresolved(word) if "{}" in word else word for word in words[at + 1 : stop]]
            steps += _step(f"find {words[at]}", inner)
            at = stop
        at += 1
    return steps


def _applet(words: Words) -> list[Step]:
    return [] if words[:1] and words[0].startswith("-") else _step("busybox", words)


def _su(words: Words) -> list[Step]:
    for at, word in enumerate(words):
        if word in ("-c", "--command", "--session-command") or re.fullmatch(r"-[lmpP]+c", word):
            return _text("su -c", words, at + 1)
        if word.startswith(("--command=", "--session-command=")):
            return [Step("su -c", text=word.partition("=")[2])]
    return []


def _runuser(words: Words) -> list[Step]:
    found, start = leading(words, _SU)
    if {"-u", "--user"} & set(found):
        return _step("runuser", words[start:])
    return [Step("runuser -c", text=step.text, rest=step.rest) for step in _su(words)]


def _flock(words: Words) -> list[Step]:
    _, start = leading(words, _FLOCK)
    rest = words[start + 1 :]
    if rest[:1] and rest[0] in ("-c", "--command"):
        return _text("flock -c", rest, 1)
    return _step("flock", rest)


def _script(words: Words) -> list[Step]:
    found: dict[str, list[str]] = {}
    at = 0
    while at < len(words):
        more, count = leading(words[at:], _SCRIPT)
        found |= more
        at += max(count, 1)
    texts = found.get("-c") or found.get("--command")
    at = words.index(texts[0]) if texts and texts[0] in words else len(words)
    return [Step("script -c", text=texts[0], rest=tuple(words[at + 1 :]))] if texts else []


def _parallel(words: Words) -> list[Step]:
    _, start = leading(words, _PARALLEL)
    stop = next((i for i, word in enumerate(words) if word.startswith(":::")), len(words))
    template = words[start:stop]
    return [Step("parallel", text=Unresolved(joined(template)))] if template else []


def _tmux(words: Words) -> list[Step]:
    _, start = leading(words, _TMUX)
    if words[start : start + 1] and words[start] in ("new", "new-session", "new-window", "neww", "respawn-pane"):
        _, inner = leading(words[start + 1 :], _TMUX)
        rest = words[start + 1 + inner :]
        return [Step("tmux", text=joined(rest))] if rest else []
    return []


def loader(words: Words) -> list[Step]:
    """The dynamic loader called as a program."""
    found, start = leading(words, _LOADER_VALUES)
    return [] if {"--list", "--verify"} & set(found) else _step("ld.so", words[start:])


def _containers(label: str) -> Callable[[Words], list[Step]]:
    def step(words: Words) -> list[Step]:
        at = next((i for i, word in enumerate(words) if word == "exec"), None)
        if at is None:
            return []
        _, start = leading(words[at + 1 :], _CONTAINER_VALUES)
        return _step(label, words[at + 1 + start + 1 :])

    return step


def _kubectl(words: Words) -> list[Step]:
    at = next((i for i, word in enumerate(words) if word in ("exec", "debug", "run")), None)
    if at is None:
        return []
    if "--" in words[at:]:
        return _step(f"kubectl {words[at]}", words[list(words).index("--", at) + 1 :])
    if words[at] != "exec":
        return []
    rest = list(words[at + 1 :])
    _, start = leading(rest, _POD_VALUES)
    _, more = leading(rest[start + 1 :], _POD_VALUES)
    return _step("kubectl exec", rest[start + 1 + more :])


def _ip(words: Words) -> list[Step]:
    _, start = leading(words, frozenset())
    netns = list(words[start : start + 2]) in (["netns", "exec"], ["netns", "e"])
    return _step("ip netns exec", words[start + 3 :]) if netns else []


def _capsh(words: Words) -> list[Step]:
    at = next((i for i, word in enumerate(words) if word in ("--", "==")), None)
    return _step("capsh", ["/bin/bash", *words[at + 1 :]]) if at is not None else []


def _eval(words: Words) -> list[Step]:
    return [Step("eval", text=joined(words), same_shell=True)] if words else []


def _trap(words: Words) -> list[Step]:
    texts = [word for word in words if word not in ("--", "-")]
    return [Step("trap", text=texts[0], same_shell=True)] if len(texts) > 1 and texts[0][:1] != "-" else []


SPECIAL: dict[str, Callable[[Words], list[Step]]] = {
    "env": _env,
    "xargs": _xargs,
    "find": _find,
    "busybox": _applet,
    "toybox": _applet,
    "su": _su,
    "runuser": _runuser,
    "flock": _flock,
    "script": _script,
    "parallel": _parallel,
    "tmux": _tmux,
    "kubectl": _kubectl,
    "oc": _kubectl,
    "docker": _containers("docker exec"),
    "podman": _containers("podman exec"),
    "nerdctl": _containers("nerdctl exec"),
    "crictl": _containers("crictl exec"),
    "ctr": _containers("ctr exec"),
    "ip": _ip,
    "capsh": _capsh,
    "eval": _eval,
    "trap": _trap,
}
