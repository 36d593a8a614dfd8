"""Files that a command runs without calling them: scripts, modules, libraries of an interpreter, kernel modules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import re2

from detectors.commands import Command, script
from detectors.commands.options import SHELLS, interpreter
from detectors.runtime.programs import AWKS

_MOST = 8
_LENGTH = 16_384
_CLASS_PATHS = frozenset({"-cp", "-classpath", "--class-path"})
_AGENT = "-javaagent:"
_LOADING = {
    **dict.fromkeys(SHELLS, frozenset({"--rcfile", "--init-file"})),
    **dict.fromkeys(("node", "nodejs"), frozenset({"-r", "--require", "--import"})),
    **dict.fromkeys(("make", "gmake"), frozenset({"-f", "--file", "--makefile"})),
    **dict.fromkeys(AWKS, frozenset({"-f", "--file"})),
    "gdb": frozenset({"-x", "--command"}),
    "java": frozenset({"-jar"}),
}
"""Options whose value is a file that is run, besides those of scripts."""
_VARIABLES = frozenset({"BASH_ENV", "ENV", "LD_AUDIT", "LD_PRELOAD", "PYTHONSTARTUP"})
_NAMED = re2.compile(
    r"(?:\b(?:exec|eval)\w*\s*\(?\s*(?:compile\s*\(\s*)?(?:open|File\.read|IO\.read|(?:fs\.)?readFileSync)\s*\(?\s*"
    r"|\b(?:require|require_once|include|include_once|do|run_path|execfile|dofile)\s*\(?\s*)['\"](/[^'\"\s]{1,512})['\"]"
)
"""A one-liner that runs the text of a file."""
_FROM_INPUT = re2.compile(
    r"(?i)\b(?:exec|eval|compile|system|popen|loadstring|instance_eval)\w*\b[^;\n]{0,256}"
    r"(?:\bstdin\b|<>|readFileSync\(\s*(?:0|['\"]/dev/stdin)|/dev/stdin|php://stdin|\binput\(\)|\$_\b)"
)
_AWK_FROM_INPUT = re2.compile(r"\bsystem\s*\(\s*\$0|\$0\s*\|\s*['\"](?:/bin/)?(?:ba|da|a)?sh\b")


def loaded(command: Command) -> Iterator[str]:
    """The files that a command runs, as written.

    Examples
    --------
    >>> list(loaded(Command("java", "java", ("-javaagent:/tmp/a.jar", "-cp", "/app/lib:/tmp/b.jar", "Main"))))
    ['/tmp/b.jar', '/tmp/a.jar']
    >>> list(loaded(Command("python3", "python3", ("-c", "exec(open('/tmp/x').read())"))))
    ['/tmp/x']
    """
    yield from (path for name, value in command.assignments if name in _VARIABLES for path in value.split(":")[:_MOST])
    kind, words = interpreter(command.name) or command.name, command.arguments
    file = script(command)
    if file and not file.startswith(("<(", "-", "/dev/fd/")):
        yield file
    for option, value in itertools.pairwise(words):
        if option in _LOADING.get(kind, ()):
            yield value
        elif kind == "java" and option in _CLASS_PATHS:
            yield from [path for path in value.split(":")[:_MOST] if path.endswith(".jar")]
    if kind == "java":
        yield from (word.removeprefix(_AGENT).partition("=")[0] for word in words if word.startswith(_AGENT))
    elif kind == "insmod":
        yield from words[:1]
    elif kind in ("python", "pypy") and words[:1] == ("-m",):
        yield from (f"{module.replace('.', '/')}.py" for module in words[1:2])
    elif file is None and kind not in SHELLS and interpreter(command.name):
        yield from _of_text(command)


def _of_text(command: Command) -> Iterator[str]:
    text = " ".join(command.arguments)[:_LENGTH]
    yield from (found.group(1) for found in itertools.islice(_NAMED.finditer(text), _MOST))


def runs_its_input(command: Command) -> bool:
    """Whether a one-liner of an interpreter runs what stands on its input.

    >>> runs_its_input(Command("python3", "python3", ("-c", "import sys; exec(sys.stdin.read())")))
    True
    >>> runs_its_input(Command("python3", "python3", ("-c", "import sys, json; print(json.load(sys.stdin))")))
    False
    """
    if interpreter(command.name) in SHELLS or not (interpreter(command.name) or command.name in AWKS):
        return False
    pattern = _AWK_FROM_INPUT if command.name in AWKS else _FROM_INPUT
    return pattern.search(" ".join(command.arguments)[:_LENGTH]) is not None
