"""`python -m tests.kafka.prepare`: gets what the real broker needs, once, so that no test has to wait for it."""

import sys

from tests.kafka import jars
from tests.kafka.broker import Broker


def prepare() -> None:
    """Get the jars, and keep the classes that a broker loads: it then starts in half the time.

    Raises
    ------
    NoKafkaError
        There is no Java, or Maven cannot get the jars.
    """
    jars.class_path()
    with jars.alone():
        if not jars.archive().exists():
            _train()


def _train() -> None:
    trial = jars.archive().with_suffix(".new")
    with Broker(flags=[f"-XX:ArchiveClassesAtExit={trial}"]) as broker:
        trial.unlink(missing_ok=True)
        broker.create("trial")
        broker.produce("trial", "x", headers=[("a", b"b")])
        broker.read_all("trial")
        broker.stop()
    if trial.exists():
        trial.replace(jars.archive())


if __name__ == "__main__":
    try:
        prepare()
    except jars.NoKafkaError as error:
        sys.stderr.write(f"no real Kafka for the tests: {error}\n")
