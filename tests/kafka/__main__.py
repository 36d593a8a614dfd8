"""`make kafka`: a broker to try things with, until Ctrl-C."""

import contextlib
import shlex
import signal
import sys

from tests.kafka.broker import EVENT_HUBS, USERS
from tests.kafka.fixtures import started
from tests.kafka.jars import NoKafkaError
from tests.kafka.mock import Mock
from tests.kafka.prepare import prepare

LISTENERS = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL", "MTLS")
PREFIX = "middlewatch-"


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Start it, say what it is, and wait."""
    with contextlib.suppress(NoKafkaError):
        prepare()
    with started() as broker:
        say(broker.name)
        address = broker.brokers()
        if isinstance(broker, Mock):
            say(f"  PLAINTEXT       {address}   (no TLS, no passwords; topics are in memory)")
        else:
            for listener in LISTENERS:
                say(f"  {listener:15} {broker.brokers(listener)}")
            own = broker.authority.sign("alice")
            say(f"  CA              {broker.authority.certificate}")
            say(f"  for MTLS        {own.certificate}, {own.key}")
            say("  SASL            PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER (unsecured)")
            for user, password in (*USERS.items(), EVENT_HUBS):
                say(f"  user            {user}   {password}{'   (PLAIN)' if user == EVENT_HUBS[0] else ''}")
            for topic in ("audit", "runtime", "arm", "alerts", "dead-letters"):
                broker.create(PREFIX + topic, partitions=4)
            say(f"  topics          {PREFIX}audit, -runtime, -arm, -alerts, -dead-letters; others must be made first")
        say()
        say("Try, in another terminal:")
        say(f"  .venv/bin/middlewatch simulate /tmp/labels --kafka {shlex.quote(address)} --topics {PREFIX} --days 1")
        say("  .venv/bin/middlewatch detect --settings kafka.yaml, where kafka.yaml says:")
        topics = f'[{{pattern: "{PREFIX}(audit|runtime|arm)", cluster_from: key}}]'
        say(f'    kafka: {{brokers: "{address}", topics: {topics}}}')
        say()
        say("Ctrl-C ends it, and all its data with it.")
        with contextlib.suppress(KeyboardInterrupt):
            signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
