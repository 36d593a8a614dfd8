"""What can go wrong with Kafka."""


class KafkaFailedError(Exception):
    """Something about Kafka failed; the message is for the user."""


class KafkaSettingsError(Exception):
    """The settings are not taken by librdkafka; the message is for the user."""
