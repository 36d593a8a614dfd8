"""What a command asks about the system it runs on."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator

import re2

from detectors.commands import Command, script
from detectors.commands.options import SHELLS, interpreter
from detectors.runtime.destinations import destinations
from detectors.runtime.discovery_questions import METADATA_SERVICE, PUBLIC_ADDRESS, QUESTIONS, Question
from detectors.runtime.metadata import patterns, service_of
from detectors.runtime.programs import AWKS, FETCHERS
from detectors.selection import shell_text

READERS = AWKS | {
    *("cat", "tac", "head", "tail", "less", "more", "most", "bat", "batcat", "nl", "od", "xxd", "hexdump", "strings"),
    *("grep", "egrep", "fgrep", "rg", "sed", "cut", "sort", "uniq", "wc", "rev", "paste", "base64", "base32", "dd"),
    *("column", "comm", "diff", "expand", "fmt", "fold", "hd", "join", "pr", "shuf", "unexpand", "view", "zcat"),
    *("cp", "rsync", "scp", "tar"),
}
"""Programs that print what stands in the files that they are given, or carry it away."""
_COPIERS = frozenset({"cp", "rsync", "scp"})
"""Of these the last operand is written, not read."""
LISTERS = frozenset({"ls", "dir", "vdir", "exa", "eza", "lsd", "tree", "stat", "find"})
_FREQUENT = READERS | {"ls", "curl", "wget", "http", "fetch"}
"""Programs that run too often to be selected by name alone."""
_WRAPPERS = frozenset(
    {"busybox", "toybox", "env", "nohup", "timeout", "nsenter", "chroot", "setsid", "script", "su", "xargs"}
    | {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-musl-x86_64.so.1", "ld-musl-aarch64.so.1", "ld.so"}
)
"""Of these a sensor may show nothing but the wrapper."""
_FOLDERS = r" (?:/(?:$|[\s;&|<>)'\"])|/(?:root|home|etc|opt|srv|mnt|media|boot|proc|dev|var|run)\b|~|\$)"
_API = (
    rf"kubernetes|:10250|:10255|:6443|/api|/openapi|:237[56]|(?:docker|containerd|crio)\.sock|file:/|{PUBLIC_ADDRESS}"
)
_UPWARDS = re.compile(r"^(?:\.\./|/)+")
_MOUNTED_HOST = re2.compile(r"^/(?:host|hostfs|rootfs|mnt/[^/]+|proc/(?:\d+|self)/root)(/.*)$")
_WORDS = (
    "passw|shadow|/etc/group|sudoers|resolv|/etc/hosts|hostname|release|/etc/issue|cron|fstab|/proc/|/sys/class/dmi"
    "|secret|token|credential|api_?key|akia|private key|history|\\.docker|containerenv|ssh|aws|azure|gcloud|kube|mtab"
)
_LANGUAGES = r"(?:python|pypy|perl|ruby|node|nodejs|php|lua|luajit)[0-9.]*"
_QUOTED_PATH = re.compile(r"[\"'](/[^\"'\s]{1,256})[\"']")
_QUOTED = 32
"""Paths in the text of a one-liner that are looked at."""
_SHOWN = 15
"""Characters of a program's name that some sensors show."""


def prefilter() -> tuple[frozenset[str], tuple[str, ...]]:
    """Names of programs, and RE2 patterns of command lines, without which nothing is asked."""
    named = frozenset(_CALLED)
    readers = "|".join(sorted(READERS))
    fetchers = "|".join(sorted(FETCHERS & _FREQUENT))
    called = "|".join(sorted(named - _FREQUENT))
    lines = (
        rf"(?s)\b(?:{readers}|ls|dir|tree|stat)\b.*(?:{_WORDS})",
        rf"(?s)\b(?:ls|dir|tree|stat)\b.*{_FOLDERS}",
        rf"(?s)\b(?:{fetchers})\b.*(?:{_API})",
        rf"(?s)\b{_LANGUAGES} .*(?:{_WORDS})",
        rf"^[^ ]*(?:^/(?:tmp|var/tmp|dev/shm)/|/\.|memfd:|/fd/)[^ ]* (?:{called}|cat|ls)\b",
    )
    return (named | _WRAPPERS) - _FREQUENT, (
        *lines,
        *patterns(),
        *shell_text(rf"\b(?:{called})\b|< *[/~]|\b(?:echo|printf)\b.*/[^ ]*\*"),
    )


def asked(command: Command, folder: str = "") -> Iterator[Question]:
    """The questions that a command asks, some of them twice.

    Parameters
    ----------
    command
        One command, wrappers taken off.
    folder
        Where it runs; empty if unknown.

    Examples
    --------
    >>> [question.label for question in asked(Command("cat", "cat", ("hosts", "/host/etc/passwd", "x.conf")), "/etc")]
    ['/etc/hosts', '/etc/passwd']
    >>> [question.label for question in asked(Command("find", "find", ("/", "-perm", "-4000")))]
    ['SUID search']
    """
    arguments = " ".join(command.arguments)
    called = _CALLED[command.name].of(arguments) if command.name in _CALLED else []
    yield from called
    if command.name in FETCHERS and any(service_of(found, arguments) for found in destinations(command)):
        yield METADATA_SERVICE
    for redirection in command.redirections:
        if redirection.operator == "<":
            yield from _READ.of(_path(redirection.target, folder))
    yield from _of_text(command)
    if command.name in READERS and not _writes(command):
        yield from _of_operands(_READ, command, folder)
    elif command.name in LISTERS and not called:
        yield from _of_operands(_LISTED, command, folder)


class _Answers:
    """Questions by the pattern that a text must match, all of them in one RE2 Set."""

    def __init__(self, patterns: re2.Set, questions: Iterable[tuple[str, Question]]) -> None:
        self.patterns = patterns
        self.questions = []
        for pattern, question in questions:
            patterns.Add(pattern)
            self.questions.append(question)
        patterns.Compile()

    def of(self, text: str) -> list[Question]:
        return [self.questions[index] for index in sorted(self.patterns.Match(text) or ())]


def _by_program() -> dict[str, _Answers]:
    found: dict[str, list[tuple[str, Question]]] = {}
    for question in QUESTIONS:
        for name in question.programs.split():
            for shown in {name, name[:_SHOWN]}:
                found.setdefault(shown, []).append((question.arguments, question))
    return {name: _Answers(re2.Set.SearchSet(), questions) for name, questions in found.items()}


_CALLED = _by_program()
_READ = _Answers(re2.Set.FullMatchSet(), [(question.files, question) for question in QUESTIONS if question.files])
_LISTED = _Answers(re2.Set.FullMatchSet(), [(question.folders, question) for question in QUESTIONS if question.folders])


def _of_operands(paths: _Answers, command: Command, folder: str) -> Iterator[Question]:
    words = command.arguments[:-1] if command.name in _COPIERS else command.arguments
    for word in words:
        if not word.startswith("-"):
            yield from paths.of(_path(word.removeprefix("if="), folder))
        elif command.name == "find":
            return


def _of_text(command: Command) -> Iterator[Question]:
    """Files that a one-liner or a URL names, and folders that the shell itself lists (`echo /home/*`)."""
    if command.name in FETCHERS:
        for word in command.arguments:
            if word.startswith("file:/"):
                yield from _READ.of(_path("/" + word.removeprefix("file:").lstrip("/"), ""))
    elif command.name in ("echo", "printf"):
        for word in command.arguments:
            if word.startswith("/") and "*" in word and " " not in word:
                yield from _READ.of(_path(word, "")) or _LISTED.of(_path(word.rpartition("/")[0] or "/", ""))
    elif interpreter(command.name) and command.name not in SHELLS and script(command) is None:
        for found in itertools.islice(_QUOTED_PATH.finditer(" ".join(command.arguments)), _QUOTED):
            yield from _READ.of(_path(found.group(1), ""))


def _path(word: str, folder: str) -> str:
    """A path from the root of the system that it shows, be that a mounted host."""
    relative = folder and not word.startswith(("/", "~", "$"))
    path = posixpath.normpath(f"{folder}/{word}" if relative else word)
    path = _UPWARDS.sub("/", path)
    mounted = _MOUNTED_HOST.match(path)
    return (mounted.group(1) if mounted else path).replace("/var/run/", "/run/", 1)


def _writes(command: Command) -> bool:
    """Whether it writes the files that it names."""
    words = command.arguments
    if command.name == "tar":
        return "--extract" in words or any("x" in word for word in words[:1] if not word.startswith("--"))
    return command.name == "sed" and any(word.startswith(("-i", "--in-place")) for word in words)
