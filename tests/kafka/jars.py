"""Apache Kafka's jars: got by Maven once, and remembered."""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
VERSION = re.findall(r"<kafka.version>(.*)</kafka.version>", POM.read_text())[0]
OLDEST_JAVA = 17
DOWNLOAD_WITHIN = 600
"""Seconds."""
FLAGS = ["-Xmx384m", "-Xms64m", "-Xss512k", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
"""Little memory, and a quick start rather than quick code."""


class NoKafkaError(Exception):
    """The real broker cannot be had here; the message says why."""


def cache() -> Path:
    """Where the class path and the archive of loaded classes are kept, for this pom and this Java."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    known = hashlib.sha256(POM.read_bytes() + java_version().encode()).hexdigest()[:16]
    folder = home / "middlewatch" / f"kafka-{known}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def archive() -> Path:
    """The archive of loaded classes, with which Java starts in half the time; `prepare` makes it."""
    return cache() / "kafka.jsa"


def lacking() -> str | None:
    """What this machine lacks for the real broker, as far as that can be said without a download."""
    if shutil.which("java") is None:
        return "no java"
    found = re.search(r'version "(\d+)', java_version())
    if found is None or int(found[1]) < OLDEST_JAVA:
        return f"java is older than {OLDEST_JAVA}"
    if shutil.which("openssl") is None:
        return "no openssl, for certificates"
    return "no mvn" if shutil.which("mvn") is None and _remembered() is None else None


@functools.cache
def java_version() -> str:
    """What `java -version` says."""
    return subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr


@functools.cache
def class_path() -> str:
    """The jars of the broker and its tools; Maven gets them if they are not known.

    Raises
    ------
    NoKafkaError
        There is no Java, or Maven cannot get them.
    """
    if (lack := lacking()) is not None:
        raise NoKafkaError(lack)
    with alone():
        return _remembered() or _resolved()


@contextmanager
def alone() -> Iterator[None]:
    """No other process of this user is in here."""
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def java(*flags: str) -> list[str]:
    """How Java is called with these jars; the class and its arguments follow.

    Raises
    ------
    NoKafkaError
        The jars cannot be had.
    """
    found = class_path()
    known = [f"-XX:SharedArchiveFile={archive()}"] if archive().exists() else []
    logs = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", *FLAGS, *(flags or known), logs, "-cp", found]


def _remembered() -> str | None:
    """The class path of an earlier run, if all of it is still there."""
    file = cache() / "classpath"
    if not file.exists():
        return None
    known = file.read_text()
    return known if all(Path(jar).exists() for jar in known.split(os.pathsep)) else None


def _resolved() -> str:
    with tempfile.NamedTemporaryFile(dir=cache(), delete=False) as place:
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:build-classpath", f"-Dmdep.outputFile={place.name}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_WITHIN, check=False)
    except subprocess.TimeoutExpired:
        raise NoKafkaError(f"mvn did not get the jars in {DOWNLOAD_WITHIN} s") from None
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise NoKafkaError(f"mvn cannot get the jars: {(errors or ['no reason given'])[0]}")
    Path(place.name).replace(cache() / "classpath")
    return (cache() / "classpath").read_text()
