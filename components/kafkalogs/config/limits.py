"""The sizes of records and batches: from a service's producer to dead letters.

Each limit follows from the one before it, so what one part accepts, each later part can take. Nothing else computes
such a limit. All are bytes.

Kafka limits a batch as it is stored, so compressed (`max.message.bytes` of a topic). A producer limits a record before
compression (`max.request.size` in Java, `message.max.bytes` in librdkafka). A consumer has no limit: its fetch sizes
only bound how much comes at once, and a larger first batch comes whole (KIP-74).
"""

from typing import Final

from . import units

DEFAULT_BATCH: Final = units.MIB
"""The largest batch of a topic that says nothing else; it is Kafka's default too."""

LEAST_BATCH: Final = 16 * units.KIB
"""The least that a stack file may write: a log event with a stack trace still fits."""

LARGEST_BATCH: Final = 8 * units.MIB
"""The most that a stack file may write. Each reader holds one batch of each partition, and a letter is as large."""

LETTER_RECORD: Final = 32 * units.MIB
"""The largest record that Connect's workers can write as a dead letter, before compression. It is all that Kafka's
producer buffers by default (`buffer.memory`), and 64 times the longest event that sinks take. A batch of
`LARGEST_BATCH` can hold more only if it is compressed. The alert DeadLettersLost counts such a record."""

LARGEST_REQUEST: Final = 100 * units.MIB
"""The largest request that a broker reads, by default (`socket.request.max.bytes`)."""

PARTITION_FETCH: Final = units.MIB
"""What a consumer asks of a partition at once, by default (`max.partition.fetch.bytes`)."""

CHARACTER: Final = 4
"""The longest character in UTF-8."""

DERIVED_ROOM: Final = 64 * units.KIB
"""What the stream job may add to an event: team, tier, key and headers."""

STREAM_LETTER_ROOM: Final = units.MIB
"""What the stream job adds to a dead letter: headers that say the reason and the place."""


def letter_batch(largest: int) -> int:
    """The largest batch of a sink's dead-letter topic. largest: that of the topics which the sink reads.

    A letter is one record of such a batch, compressed anew, with headers that describe the failure. Twice the size has
    room for headers with stack traces, and for a compression that is weaker than that of the service.
    """
    return 2 * max(largest, DEFAULT_BATCH)


def fetched(largest: int) -> int:
    """The most that a consumer holds of one partition, still compressed. largest: of the topic's batches."""
    return max(largest, PARTITION_FETCH)


def characters(largest: int, room: int) -> int:
    """How many characters surely fit into a record. room: bytes of the record that hold something else."""
    return (largest - room) // CHARACTER
