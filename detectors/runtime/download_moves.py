"""Programs that move, copy and unpack files, and those that pass them on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from detectors.commands import Command, options
from detectors.commands.options import named

READERS = frozenset(
    "cat gunzip zcat gzip xz xzcat unxz bzip2 bunzip2 bzcat zstd zstdcat base64 base32 tac dd head tail sed tr cut rev"  # noqa: SIM905  as above
    " xxd openssl gpg gpg2 grep awk strings".split()
)
"""Programs that print a file that is named in their arguments."""
ENDINGS = {
    **dict.fromkeys(("gunzip", "gzip"), ".gz"),
    **dict.fromkeys(("unxz", "xz"), ".xz"),
    **dict.fromkeys(("bunzip2", "bzip2"), ".bz2"),
    **dict.fromkeys(("unzstd", "zstd"), ".zst"),
}
MOVERS = frozenset({"mv", "cp", "ln", "install"})
UNPACKERS = frozenset({"tar", "bsdtar", "unzip", "7z", "unrar", "cpio", "jar"})
COMPILERS = frozenset({"gcc", "cc", "g++", "c++", "clang", "clang++", "tcc", "musl-gcc", "rustc", "go"})
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".s", ".S", ".rs", ".go")
_PYTHON_UNPACKS = frozenset({"zipfile", "tarfile"})
_MOVER_VALUES = named("-t --target-directory -m --mode -o --owner -g --group -S --suffix")
_ENTRIES = 4
"""Of the files that one command moves, so many are followed."""


def moved(command: Command) -> Iterator[tuple[str, str]]:
    """Paths as written from which a command moves or copies, and to which.

    The target may be a folder: then the file lies in it.

    Examples
    --------
    >>> list(moved(Command("install", "install", ("-m", "755", "/tmp/a", "/usr/local/bin"))))
    [('/tmp/a', '/usr/local/bin/a'), ('/tmp/a', '/usr/local/bin')]
    >>> list(moved(Command("gunzip", "gunzip", ("-f", "x.gz"))))
    [('x.gz', 'x')]
    """
    if command.name in MOVERS:
        yield from _to_target(command)
    elif ending := ENDINGS.get(command.name):
        _, operands = options(command)
        yield from ((word, word.removesuffix(ending)) for word in operands[:_ENTRIES] if word.endswith(ending))
    elif command.name == "dd":
        given = dict(word.split("=", 1) for word in command.arguments if "=" in word)
        if "if" in given and "of" in given:
            yield given["if"], given["of"]
    else:
        yield from _converted(command)


def _converted(command: Command) -> Iterator[tuple[str, str]]:
    """What a program makes of a file under another name: it decrypts, decodes or compiles it."""
    if command.name == "openssl":
        found, _ = options(command, named("-in -out -k -K -iv -pass -S -md"))
        yield from zip(found.get("-in", ()), found.get("-out", ()), strict=False)
    elif command.name in ("gpg", "gpg2"):
        found, operands = options(command, named("-o --output --passphrase --passphrase-file --homedir"))
        target = next((found[option][-1] for option in ("-o", "--output") if option in found), "")
        yield from ((word, target) for word in operands[:_ENTRIES] if target)
    elif command.name == "xxd":
        _, operands = options(command, named("-s -l -c -g -o"))
        yield from itertools.pairwise(operands[:2])
    elif command.name in COMPILERS:
        found, operands = options(command, named("-o -x -L -I -D -l -std"))
        target = found.get("-o", ["a.out"])[-1]
        yield from ((word, target) for word in operands[:_ENTRIES] if word.endswith(_SOURCES))


def _to_target(command: Command) -> Iterator[tuple[str, str]]:
    found, operands = options(command, _MOVER_VALUES)
    folder = next((found[option][-1] for option in ("-t", "--target-directory") if option in found), "")
    if command.name == "ln" and len(operands) == 1:
        operands = [*operands, "."]
    target = [] if folder else operands[-1:]
    for word in (operands if folder else operands[:-1])[:_ENTRIES]:
        yield word, f"{folder or target[0]}/{word.rstrip('/').rpartition('/')[2]}"
        if target:
            yield word, target[0]


def unpacked(command: Command) -> tuple[str, str] | None:
    """The archive that a command unpacks, empty for its input, and the folder; None if it unpacks none.

    >>> unpacked(Command("tar", "tar", ("-xzf", "a.tgz", "-C", "/opt")))
    ('a.tgz', '/opt')
    >>> unpacked(Command("tar", "tar", ("czf", "a.tgz", "/opt"))) is None
    True
    """
    words = command.arguments
    if words[:1] == ("-m",) and not _PYTHON_UNPACKS.isdisjoint(words[1:2]) and words[2:3] in (("-e",), ("--extract",)):
        return words[3] if len(words) > 3 else "", words[4] if len(words) > 4 else "."
    if command.name not in UNPACKERS:
        return None
    if command.name == "cpio":
        return _from_cpio(command)
    tar = command.name in ("tar", "bsdtar", "jar")
    if tar and not _extracts(words[0] if words else "", words):
        return None
    # The letters of old style (`tar xzf a.tgz -C /opt`) are an operand here.
    found, operands = options(command, named("-C -f --directory --file" if tar else "-d"))
    if tar and operands and words[0] == operands[0] and "." not in operands[0]:
        operands = operands[1:]
    folder = next((found[option][-1] for option in ("-C", "--directory", "-d") if option in found), ".")
    archive = next((found[option][-1] for option in ("-f", "--file") if option in found), "")
    archive = archive or next((word for word in operands if "." in word), "")
    return "" if archive == "-" else archive, folder


def _from_cpio(command: Command) -> tuple[str, str] | None:
    found, _ = options(command, named("-F -I -D -E -H --file --directory --format"))
    if found.keys().isdisjoint(("-i", "--extract")):
        return None
    archive = next((found[option][-1] for option in ("-F", "-I", "--file") if option in found), "")
    return archive, next((found[option][-1] for option in ("-D", "--directory") if option in found), ".")


def _extracts(first: str, words: tuple[str, ...]) -> bool:
    if first.startswith("--"):
        return "--extract" in words
    return "x" in first.lstrip("-")
