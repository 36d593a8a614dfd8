"""Paths of files as a command names them, from the folder in which it stands."""

from __future__ import annotations

import posixpath
import re

UNKNOWN = "?/"
"""What paths begin with whose folder is not known: they are the same file only within one shell."""
_LENGTH = 1024
_WORKING_FOLDER = ("$(pwd)/", "`pwd`/", "$PWD/", "${PWD}/", "/proc/self/cwd/")
_ROOT = re.compile(r"^/proc/(?:1|self|thread-self)/root/+")
_SAME = {"/bin/": "/usr/bin/", "/sbin/": "/usr/sbin/", "/var/run/": "/run/"}
"""Folders that are links to others on nearly every system."""
_PATH_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def resolved(word: str, folder: str) -> str:
    """The path of a word from a folder, without `.` and `..`; it begins with UNKNOWN where the folder is not known.

    Examples
    --------
    >>> resolved("../srv/./t.py", "/app"), resolved("x", ""), resolved("$D/x", "/app")
    ('/srv/t.py', '?/x', '?/$D/x')
    """
    word = _ROOT.sub("/", word[:_LENGTH])
    for own in _WORKING_FOLDER:
        word = word.removeprefix(own)
    if word.startswith(("$", "`", "~")):
        return UNKNOWN + posixpath.normpath(word)
    if word.startswith("/"):
        return _plain(word)
    if not folder.startswith("/"):
        return UNKNOWN + posixpath.normpath(posixpath.join(folder.removeprefix(UNKNOWN), word))[-_LENGTH:]
    return _plain(posixpath.join(folder, word))


def _plain(path: str) -> str:
    """The path, with one slash at its beginning: POSIX lets two stand, Linux takes them as one."""
    path = posixpath.normpath(path)
    path = path[1:] if path.startswith("//") else path
    for link, folder in _SAME.items():
        if path.startswith(link):
            return folder + path.removeprefix(link)
    return path


def in_search_path(name: str) -> tuple[str, ...]:
    """Where a shell looks for a program of this name, as it usually is set up."""
    return tuple(f"{folder}/{name}" for folder in _PATH_FOLDERS)


def unpacked_name(archive: str) -> str:
    """What the folder in an archive is called, as far as its letters go: `/tmp/node-v22.tar.gz` is `node`.

    >>> unpacked_name("/tmp/node-v22.tar.gz"), unpacked_name("/tmp/7z.tgz")
    ('node', '7z')
    """
    base = posixpath.basename(archive).partition(".")[0]
    for mark in "-_":
        base = base.partition(mark)[0] or base
    return base
