"""Options and operands of a command, and the program that an interpreter runs."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.commands.command import Command

SHELLS = frozenset(
    {"sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "ksh93", "mksh", "lksh", "yash", "hush", "fish", "csh", "tcsh"}
)
_SHELL_VALUES = frozenset({"-o", "-O", "--rcfile", "--init-file"})
_INLINE: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "python": (frozenset({"-c", "-m"}), frozenset({"-W", "-X", "-Q"})),
    "pypy": (frozenset({"-c", "-m"}), frozenset({"-W", "-X"})),
    "perl": (frozenset({"-e", "-E"}), frozenset({"-I"})),
    "ruby": (frozenset({"-e"}), frozenset({"-I", "-r", "-C", "-E"})),
    "php": (frozenset({"-r", "-B", "-R", "-E", "--run"}), frozenset({"-d", "-c", "-z"})),
    "lua": (frozenset({"-e"}), frozenset({"-l"})),
    "luajit": (frozenset({"-e"}), frozenset({"-l"})),
    "node": (frozenset({"-e", "-p", "--eval", "--print"}), frozenset({"-r", "--require", "--import"})),
    "nodejs": (frozenset({"-e", "-p", "--eval", "--print"}), frozenset({"-r", "--require"})),
    "tclsh": (frozenset(), frozenset({"-encoding"})),
    "expect": (frozenset({"-c"}), frozenset()),
    "groovy": (frozenset({"-e"}), frozenset({"-cp"})),
    "julia": (frozenset({"-e", "-E"}), frozenset({"-L", "-p"})),
    "Rscript": (frozenset({"-e"}), frozenset()),
    "elixir": (frozenset({"-e"}), frozenset({"-r", "-S"})),
    "pwsh": (frozenset({"-Command", "-c", "-EncodedCommand", "-e", "-enc"}), frozenset({"-ExecutionPolicy"})),
}
"""Per interpreter: options whose value is the program, and other options with a value before the script."""
_INPUT = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_FILE_OPTIONS = frozenset({"-f", "--file", "-File"})


def named(options: str) -> frozenset[str]:
    """A set of options, written with spaces between them."""
    return frozenset(options.split())


def options(command: Command, with_value: frozenset[str] = frozenset()) -> tuple[dict[str, list[str]], list[str]]:
    """Read the arguments as options and operands, in any order, as GNU getopt does.

    Parameters
    ----------
    command
        The command whose arguments are read.
    with_value
        Options that take a value, as written: `-o`, `--output`; one dash and several letters are allowed (`-exec`).

    Returns
    -------
    The values of each option, as written with its dashes (an option without a value has empty ones), and the operands.
    `-xzf a`, `-ofile`, `-o file`, `--output=file` and `--output file` are understood; `--` ends the options.

    >>> options(Command("curl", "curl", ("-sSLo", "f", "--proxy=p", "http://h", "--", "-x")), frozenset({"-o"}))
    ({'-s': [''], '-S': [''], '-L': [''], '-o': ['f'], '--proxy': ['p']}, ['http://h', '-x'])
    """
    found: dict[str, list[str]] = {}
    operands: list[str] = []
    words = command.arguments
    at = 0
    while at < len(words):
        at = _option(words, at, with_value, found) or _operand(words, at, operands)
    return found, operands


def _operand(words: Sequence[str], at: int, operands: list[str]) -> int:
    if words[at] == "--":
        operands += words[at + 1 :]
        return len(words)
    operands.append(words[at])
    return at + 1


def leading(words: Sequence[str], with_value: frozenset[str]) -> tuple[dict[str, list[str]], int]:
    """The options before the first operand, and where that stands: POSIX order, as wrappers read them."""
    found: dict[str, list[str]] = {}
    at = 0
    while at < len(words):
        following = _option(words, at, with_value, found)
        if following is None:
            return found, at + (words[at] == "--")
        at = following
    return found, at


def _option(words: Sequence[str], at: int, with_value: frozenset[str], found: dict[str, list[str]]) -> int | None:
    """Read the option at this place: the place after it, or None if none stands here."""
    word = words[at]
    if len(word) < 2 or word[0] != "-" or word == "--":
        return None
    name, equals, value = word.partition("=")
    if word in with_value and (word.startswith("--") or len(word) > 2):
        found.setdefault(word, []).append(words[at + 1] if at + 1 < len(words) else "")
        return at + 2
    if word.startswith("--") or (equals and len(name) > 2 and name in with_value):
        found.setdefault(name, []).append(value)
        return at + 1
    return _group(words, at, with_value, found)


def _group(words: Sequence[str], at: int, with_value: frozenset[str], found: dict[str, list[str]]) -> int:
    letters = words[at]
    for place in range(1, len(letters)):
        option = f"-{letters[place]}"
        if option not in with_value:
            found.setdefault(option, []).append("")
            continue
        attached = letters[place + 1 :]
        value = attached or (words[at + 1] if at + 1 < len(words) else "")
        found.setdefault(option, []).append(value)
        return at + (1 if attached else 2)
    return at + 1


def interpreter(name: str) -> str:
    """The interpreter that a name stands for, its version cut off: `python3.11` is `python`; empty if it is none."""
    base = name.rstrip("-.0123456789")
    return base if base in _INLINE or base in SHELLS else name if name in SHELLS else ""


def script(command: Command) -> str | None:
    """The file that an interpreter runs, as written: `python3 -u /tmp/x.py` gives `/tmp/x.py`.

    None if the command is no interpreter, or takes its program from an option (`-c`, `-e`, `-m`) or from its input.

    >>> script(Command("python3", "/usr/bin/python3", ("-u", "/tmp/x.py", "-c")))
    '/tmp/x.py'
    >>> script(Command("python3", "python3", ("-m", "json.tool"))) is None
    True
    """
    return _program(command) or None


def takes_program_from_input(command: Command) -> bool:
    """Whether an interpreter runs what stands on its standard input: `curl ... | sh`, `| bash -s x`, `| python3 -`.

    >>> takes_program_from_input(Command("python3", "python3", ("-m", "json.tool")))
    False
    """
    return _program(command) == ""


def _program(command: Command) -> str | None:
    """The script; empty if that is the standard input; None if there is no script."""
    if command.name in (".", "source") and command.arguments:
        return "" if command.arguments[0] in _INPUT else command.arguments[0]
    kind = interpreter(command.name)
    if not kind:
        return None
    shell = kind in SHELLS
    inline, values = (frozenset({"-c"}), _SHELL_VALUES) if shell else _INLINE[kind]
    words = tuple(word for word in command.arguments if word[:1] != "+") if shell else command.arguments
    found, start = leading(words, inline | values | _FILE_OPTIONS)
    if inline & set(found):
        return None
    if files := [found[option][0] for option in _FILE_OPTIONS if option in found and not shell]:
        return files[0]
    operand = words[start] if start < len(words) else ""
    return "" if operand in _INPUT or (shell and "-s" in found) else operand
