"""Programs that move, copy and unpack files, and those that pass them on."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.commands import Command, options
from detectors.commands.options import named

READERS = frozenset(
    "cat gunzip zcat gzip xz xzcat unxz bzip2 bunzip2 bzcat zstd zstdcat base64 base32 tac dd".split()  # noqa: SIM905  as above
)
"""Programs that print a file that is named in their arguments."""
ENDINGS = {
    **dict.fromkeys(("gunzip", "gzip"), ".gz"),
    **dict.fromkeys(("unxz", "xz"), ".xz"),
    **dict.fromkeys(("bunzip2", "bzip2"), ".bz2"),
    **dict.fromkeys(("unzstd", "zstd"), ".zst"),
}
MOVERS = frozenset({"mv", "cp", "ln", "install"})
UNPACKERS = frozenset({"tar", "bsdtar", "unzip", "7z", "unrar"})
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
    if command.name not in UNPACKERS:
        return None
    words = command.arguments
    tar = command.name in ("tar", "bsdtar")
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


def _extracts(first: str, words: tuple[str, ...]) -> bool:
    if first.startswith("--"):
        return "--extract" in words
    return "x" in first.lstrip("-")
