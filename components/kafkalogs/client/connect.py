"""A connection to Kafka as one of its services: a producer, and the ids of the topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from confluent_kafka import KafkaError, KafkaException, Message, TopicCollection
from confluent_kafka import Producer as KafkaProducer
from confluent_kafka.admin import AdminClient

from kafkalogs.client import settings as client
from kafkalogs.client.cluster_access import AccessError, ClusterAccess
from kafkalogs.client.settings import Catalog, Credentials, Settings

FLUSH_SECONDS = 70.0
"""How long to wait for the last acknowledgements: longer than `message.timeout.ms` of the producer."""

Delivered = Callable[[KafkaError | None, Message], None]


class Producer(Protocol):
    """The methods of confluent-kafka's producer that commands use."""

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Delivered) -> None:
        """Queue a record. Raises BufferError when the queue is full."""
        ...

    def poll(self, timeout: float) -> int:
        """Call the callbacks of delivered records. Waits at most `timeout` seconds for the first record."""
        ...

    def flush(self, timeout: float) -> int:
        """Wait at most `timeout` seconds for all records. Returns how many are not delivered."""
        ...


@dataclass(frozen=True)
class Connected:
    """A connection. topic_ids: topic id by name; a topic that was deleted and created again has a new id."""

    topic_ids: dict[str, str]
    producer: Producer


def connect_as(
    access: ClusterAccess, catalog: Catalog, service: str, topics: Sequence[str], bootstrap: str | None
) -> Connected:
    """Connect as a service. bootstrap: by default the listener for clients outside, if there is one. Raises AccessError
    or CatalogError."""
    credentials = access.credentials(catalog.cluster, catalog.service(service).user)
    return connect_kafka(catalog, service, credentials, bootstrap or catalog.external or catalog.bootstrap, topics)


def connect_kafka(
    catalog: Catalog, service: str, credentials: Credentials, bootstrap: str, topics: Sequence[str]
) -> Connected:
    """Connect as a service and look up its topics. Raises AccessError when Kafka does not answer or refuses."""
    trouble = client.Trouble()
    settings = client.admin(catalog, service, credentials, bootstrap=bootstrap)
    asker: Any = None  # Any: the admin client is partly untyped
    try:
        asker = AdminClient(cast(Any, {**settings, "error_cb": trouble, "log_level": 0}))
        answers = asker.describe_topics(TopicCollection(list(topics)), request_timeout=10)
        ids = {name: str(answer.result(15).topic_id) for name, answer in answers.items()}
        ready = _producer_settings(client.producer(catalog, service, credentials, bootstrap=bootstrap))
        producer = KafkaProducer(cast(Any, {**ready, "error_cb": trouble}))
    except KafkaException as error:
        if asker is not None:
            asker.poll(0)  # calls `trouble` with the client's reports so far
        said = error.args[0].str()
        because = f"; last: {trouble.last}" if trouble.last and trouble.last != said else ""
        if error.args[0].name() == "TOPIC_AUTHORIZATION_FAILED":
            # Kafka gives the same answer for a topic that does not exist.
            because = f"; see whether KafkaUser {service} and KafkaTopic {', '.join(topics)} are Ready"
        raise AccessError(f"Kafka at {bootstrap}, asked as {service}: {said}{because}") from error
    return Connected(ids, producer)


def _producer_settings(of_service: Settings) -> Settings:
    """A service's producer settings for a command. The command fails early, because it can be resumed."""
    return {
        **of_service,
        "message.timeout.ms": 60_000,
        "queue.buffering.max.messages": 20_000,
        "queue.buffering.max.kbytes": 65_536,
        "log_level": 0,
    }
