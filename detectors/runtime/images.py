"""Container images by their repositories, compared part by part: a trusted name inside another path is no match."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from fnmatch import fnmatchcase

_DOCKER_HUB = "docker.io"


def is_of(image: str, repositories: Iterable[str]) -> bool:
    """Whether an image comes from one of these repositories, or from a folder of repositories.

    Parameters
    ----------
    image
        As the sensor names it, with or without tag and digest.
    repositories
        Such as `mcr.microsoft.com/oss/kubernetes`; `*` stands for any text inside one part.

    Examples
    --------
    >>> is_of("quay.io/uswitch/kiam:v4.2@sha256:ab", ["quay.io/uswitch"])
    True
    >>> is_of("evil.example/quay.io/uswitch/kiam", ["quay.io/uswitch"])
    False
    """
    return _is_of(image, tuple(repositories))


@functools.lru_cache(maxsize=4096)
def _is_of(image: str, repositories: tuple[str, ...]) -> bool:
    parts = _parts(image)
    return any(_begins(parts, _parts(repository)) for repository in repositories)


@functools.lru_cache(maxsize=4096)
def _parts(image: str) -> tuple[str, ...]:
    repository = image.partition("@")[0]
    folder, slash, name = repository.rpartition("/")
    parts = f"{folder}{slash}{name.partition(':')[0]}".split("/")
    registry = parts[0]
    if "." not in registry and ":" not in registry and registry != "localhost":
        parts = [_DOCKER_HUB, *parts] if len(parts) > 1 else [_DOCKER_HUB, "library", *parts]
    return tuple(parts)


def _begins(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(parts) >= len(pattern) and all(map(fnmatchcase, parts, pattern))
