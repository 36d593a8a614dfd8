"""Programs that fetch: what they ask for, and the files that they write."""

from __future__ import annotations

from collections.abc import Callable

import re2
from msgspec import Struct

from detectors.commands import Command, options
from detectors.commands.options import interpreter, named
from detectors.runtime.download_clients import ANY, FETCHERS, NETCATS, SPEAK, Fetcher

_URL = re2.compile(r"(?i)^['\"]?(?:https?|ftps?)://")
_LOCAL = re2.compile(r"(?i)^(?:[a-z]+://)?(?:localhost|127\.[0-9.]+|\[::1\]|0\.0\.0\.0)(?:[:/]|$)")
_SINKS = frozenset({"/dev/null", "/dev/stderr", "/dev/tty"})
_STDOUT = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
_FOLDER_FOR_NAMED = frozenset({"-P", "--directory-prefix"})
"""wget's: it does not apply to a file that is told by `-O`."""
TALKERS = ("openssl", "dig", "nslookup", "host", "telnet", "ssh")
"""Programs that print what the other side says, and are mostly called for something else."""
_KEEP_FOLDERS = named("-x --force-directories -r --recursive -m --mirror")
_LENGTH = 512
_FILES = 16
_OF_HERE = ("/", "./", "../", "~")
_CLOUD_WORDS = frozenset({"s3", "storage", "cp", "blob", "copyto", "copy"})
_CLOUD_TOOLS = ("aws", "gsutil", "gcloud", "az", "rclone", "mc", "s3cmd")
_CLOUD_VALUES = named(
    "--file -f --name -n --account-name --container-name -c --region --profile --endpoint-url --sas-token"
)


class Fetch(Struct, frozen=True):
    """What one command fetches."""

    source: str
    """URL, or host and file, as written."""
    files: tuple[str, ...] = ()
    """Paths as written."""
    printed: bool = False
    """It goes to the standard output."""

    @property
    def local(self) -> bool:
        """It comes from the same machine."""
        return _LOCAL.search(self.source) is not None


def fetched(command: Command) -> Fetch | None:
    """What a command fetches from elsewhere; None if it does not.

    Examples
    --------
    >>> fetched(Command("curl", "curl", ("-sSLo/tmp/x", "http://h/a.sh")))
    Fetch(source='http://h/a.sh', files=('/tmp/x',), printed=False)
    >>> fetched(Command("wget", "wget", ("-q", "-P", "/opt", "http://h/a.sh?v=1"))).files
    ('/opt/a.sh?v=1',)
    >>> fetched(Command("wget", "wget", ("-q", "--spider", "http://h/a.sh"))) is None
    True
    """
    for redirection in command.redirections:
        if redirection.operator == "<" and redirection.target.startswith(("/dev/tcp/", "/dev/udp/")):
            return Fetch(redirection.target[:_LENGTH], printed=True)
    if special := _SPECIAL.get(command.name):
        return special(command)
    if fetcher := FETCHERS.get(command.name):
        return _requested(command, fetcher)
    if command.name in SPEAK or interpreter(command.name) or not any(map(_URL.search, command.arguments)):
        return None
    return _requested(command, ANY)


def _requested(command: Command, fetcher: Fetcher) -> Fetch | None:
    found, operands = options(command, fetcher.values | fetcher.output | fetcher.folder | fetcher.urls)
    if not fetcher.nothing.isdisjoint(found):
        return None
    given = [*operands, *_values(found, fetcher.urls)]
    urls = [word for word in given if _URL.search(word)] or [word for word in given if word]
    if not urls or (fetcher is ANY and not _URL.search(urls[0])):
        return None
    outputs = [value for value in _values(found, fetcher.output) if value]
    files = [name for name in outputs if name not in _STDOUT | _SINKS]
    if not fetcher.named.isdisjoint(found) or (fetcher.saves and not outputs):
        told = given[1:2] if command.name == "lwp-download" else []
        folders = command.name.startswith("wget") and not _KEEP_FOLDERS.isdisjoint(found)
        files += told or [_with_folders(url, found) if folders else _last_part(url) or "index.html" for url in urls]
    folder = next(iter(_values(found, fetcher.folder)), "")
    if folder and not (outputs and not _FOLDER_FOR_NAMED.isdisjoint(found)):
        files = [name if name.startswith("/") else f"{folder}/{name}" for name in files]
    printed = not files and all(name not in _SINKS for name in outputs)
    source = " ".join(operands) if command.name in NETCATS else urls[0]
    return Fetch(source[:_LENGTH], tuple(files[:_FILES]), printed)


def _values(found: dict[str, list[str]], wanted: frozenset[str]) -> list[str]:
    return [value for option in sorted(wanted & found.keys()) for value in found[option]]


def _with_folders(url: str, found: dict[str, list[str]]) -> str:
    """Where wget puts a file whose folders it keeps: below the host's name, unless told otherwise (`-nH`)."""
    path = url.partition("://")[2] or url
    path = path if _last_part(url) else f"{path.rstrip('/')}/index.html"
    return path.partition("/")[2] if "-H" in found or "--no-host-directories" in found else path


def _last_part(url: str) -> str:
    path = url.partition("://")[2] or url
    return path.partition("#")[0].rpartition("/")[2] if "/" in path else ""


def guessed(source: str) -> str:
    """The name under which someone would keep what a URL gives; empty if it has none."""
    return _last_part(source).partition("?")[0]


def _trivial_ftp(command: Command) -> Fetch | None:
    """`tftp -g -l LOCAL -r REMOTE HOST` of busybox, `tftp HOST -c get FILE`."""
    found, operands = options(command, named("-l -r -b"))
    if "get" in operands:
        return Fetch(" ".join(operands)[:_LENGTH], (operands[-1],))
    if "-g" not in found:
        return None
    remote = found.get("-r", [""])[-1]
    local = found.get("-l", [""])[-1] or remote.rpartition("/")[2]
    host = operands[0] if operands else ""
    return Fetch(f"{host}/{remote}"[:_LENGTH], () if local == "-" else (local,), local == "-")


def _ftp(command: Command) -> Fetch | None:
    """`ftpget HOST LOCAL REMOTE`, `ftp -o FILE URL`."""
    found, operands = options(command, named("-u -p -P -o"))
    if command.name == "ftpget" and len(operands) >= 2:
        return Fetch(" ".join(operands)[:_LENGTH], (operands[1],))
    if not operands or not _URL.search(operands[0]):
        return None
    return Fetch(operands[0][:_LENGTH], (found.get("-o", [_last_part(operands[0])])[-1],))


def _copier(command: Command) -> Fetch | None:
    """`scp HOST:FILE TARGET`."""
    _, operands = options(command, named("-i -P -p -o -F -J -l -c -S -e --exclude --include"))
    remote, target = operands[:-1], operands[-1:]
    if not remote or ":" not in remote[0] or remote[0].startswith("/") or ":" in target[0]:
        return None
    base = remote[0].rpartition("/")[2].rpartition(":")[2]
    return Fetch(remote[0][:_LENGTH], (target[0], f"{target[0]}/{base}"))


def _cloud(command: Command) -> Fetch | None:
    """`aws s3 cp s3://BUCKET/KEY FILE`, `az storage blob download --file FILE` and the like."""
    found, operands = options(command, _CLOUD_VALUES)
    if command.name == "az":
        files = _values(found, named("--file -f"))
        name = next(iter(_values(found, named("--name -n"))), "")
        return Fetch(f"blob {name}"[:_LENGTH], (files[0],)) if files and "download" in operands else None
    if command.name == "mc":
        remote = next((word for word in operands[1:] if "/" in word and not word.startswith(_OF_HERE)), "")
    else:
        remote = next((word for word in operands if (":" if command.name == "rclone" else "://") in word), "")
    if not remote or operands[-1] == remote or "://" in operands[-1] or _CLOUD_WORDS.isdisjoint(operands):
        return None
    if operands[-1] == "-":
        return Fetch(remote[:_LENGTH], printed=True)
    return Fetch(remote[:_LENGTH], (operands[-1], f"{operands[-1]}/{_last_part(remote)}"))


def _talker(command: Command) -> Fetch | None:
    """`openssl s_client -connect H:443`, `dig TXT H`, `telnet H 80`, `ssh H cat FILE`: what the other side says."""
    words = [word for word in command.arguments if not word.startswith(("-", "+"))]
    asks = any("txt" in word.casefold() for word in command.arguments)
    if command.name == "openssl":
        told = "s_client" in words[:1]
    elif command.name in ("telnet", "ssh"):
        told = len(words) >= (1 if command.name == "telnet" else 2)
    else:
        told = asks and bool(words)
    return Fetch(f"{command.name} {' '.join(words)}"[:_LENGTH], printed=True) if told else None


_SPECIAL: dict[str, Callable[[Command], Fetch | None]] = {
    **dict.fromkeys(("tftp", "atftp"), _trivial_ftp),
    **dict.fromkeys(("ftp", "ftpget"), _ftp),
    **dict.fromkeys(("scp", "rsync", "sftp"), _copier),
    **dict.fromkeys(_CLOUD_TOOLS, _cloud),
    **dict.fromkeys(TALKERS, _talker),
}
