"""Files that are read in pieces, more of them than may be open at once."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

from flows.console import DASH

HEAD = 512
"""Bytes by which a file is known again, besides its inode: that of a deleted file is soon given to another."""
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class ReplacedError(OSError):
    """The file that was being read is gone: another one is at its path, or its content is another."""

    def __init__(self) -> None:
        super().__init__(errno.ESTALE, "the file was replaced while it was read")


class Pool:
    """The open files of a process: the least recently used is closed when one more is needed.

    Parameters
    ----------
    limit
        Files that may be open at once.
    """

    def __init__(self, limit: int = 64) -> None:
        self.limit = limit
        self.opened: dict[Stored, int] = {}
        self.lock = threading.RLock()

    @property
    def open(self) -> int:
        """How many are open now."""
        return len(self.opened)

    def descriptor(self, file: Stored) -> int:
        """An open descriptor of the file; valid as long as the caller holds the lock."""
        descriptor = self.opened.pop(file, None)
        if descriptor is None:
            while len(self.opened) >= self.limit:
                self.release(next(iter(self.opened)))
            descriptor = file.open()
        self.opened[file] = descriptor
        return descriptor

    def release(self, file: Stored) -> None:
        """Close it, if it is open."""
        with self.lock:
            descriptor = self.opened.pop(file, None)
            if descriptor is not None:
                os.close(descriptor)


class Stored:
    """A regular file as it is stored; open only while the pool can spare it.

    When it is opened again it must be the same file, at its path or, renamed, in the same folder.

    Parameters
    ----------
    path
        Of the file; `-` is a standard input that is a file.
    pool
        Opens it.

    Raises
    ------
    OSError
        It cannot be opened, or is no regular file.
    """

    def __init__(self, path: str, pool: Pool) -> None:
        self.path = path
        self.folder = Path(os.path.realpath(path)).parent
        self.pool = pool
        self.key: tuple[int, int] | None = None
        self.head = b""
        self.size()

    def read(self, size: int, offset: int) -> bytes:
        """At most this many bytes from there; none at the end."""
        with self.pool.lock:
            return os.pread(self.pool.descriptor(self), size, offset)

    def size(self) -> int:
        """Bytes as it is stored now."""
        with self.pool.lock:
            return os.fstat(self.pool.descriptor(self)).st_size

    def close(self) -> None:
        """Give the descriptor back; a later read opens the file again."""
        self.pool.release(self)

    def is_truncated(self, offset: int) -> bool:
        """Whether it no longer holds what was read of it up to there: it is shorter, or begins differently."""
        with self.pool.lock:
            return self.size() < offset or not self._is_same(self.pool.descriptor(self))

    def is_succeeded(self) -> bool:
        """Whether another file is at its path, and is written to: then nobody writes to this one any more."""
        try:
            status = Path(self.path).stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) != self.key and stat.S_ISREG(status.st_mode) and status.st_size > 0

    def open(self) -> int:
        """A new descriptor, for the pool."""
        if self.key is None:
            descriptor = _regular(self.path)
            status = os.fstat(descriptor)
            self.key = status.st_dev, status.st_ino
            self.head = os.pread(descriptor, HEAD, 0)
            return descriptor
        found = self._same(self.path)
        return self._beside() if found is None else found

    def _beside(self) -> int:
        assert self.key is not None
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.inode() == self.key[1] and (found := self._same(entry.path)) is not None:
                    return found
        raise ReplacedError

    def _same(self, path: str) -> int | None:
        try:
            descriptor = _regular(path)
        except FileNotFoundError:
            return None
        if self._is_same(descriptor):
            return descriptor
        os.close(descriptor)
        return None

    def _is_same(self, descriptor: int) -> bool:
        status, head = os.fstat(descriptor), os.pread(descriptor, HEAD, 0)
        if (status.st_dev, status.st_ino) != self.key or not head.startswith(self.head):
            return False
        self.head = head
        return True


def _regular(path: str) -> int:
    """Opening a pipe to see what it is would already tell its writer that somebody reads it."""
    if path != DASH and not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    descriptor = os.dup(0) if path == DASH else os.open(path, FLAGS)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "no regular file")
