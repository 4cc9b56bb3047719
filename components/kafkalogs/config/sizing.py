"""Partitions, quotas, segments and disks: the arithmetic of the platform, as plain functions with their formulas."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from . import units

PARTITION_RATE: Final = 5 * units.MIB
"""Bytes per second that one partition is planned for. A partition takes several times as much; the reserve is for
catching up after an outage and for uneven keys."""

QUOTA_HEADROOM: Final = 1.10
"""By how much a quota exceeds the declared rate. Kafka measures the rate over sampled windows (11 of 1 s by default,
`quota.window.num`). The sampling alone would throttle a client that is exactly at its quota. 10 % is above that effect,
and well within the 20 % by which the enforced rate may differ from the declared rate."""

USABLE_DISK: Final = 0.85
"""The fraction of a broker's disk that logs may fill. The rest holds Kafka's own topics and metadata, and gives time to
act after the first alert."""

SEGMENT_BYTES: Final = 256 * units.MIB
"""The largest segment file of a topic."""

DELETION_DELAY: Final = 6 * units.MINUTE
"""The longest time between a segment's expiry and its removal: `log.retention.check.interval.ms` (5 min) and
`file.delete.delay.ms` (1 min); milliseconds."""

REQUEST_PERCENTAGE: Final = 200
"""The share of each broker's threads that a user may take unless the stack says otherwise; percent of one thread. 200
is two of a broker's eleven threads (three for the network, eight for requests)."""

CONTROLLER_MUTATION_RATE: Final = 10
"""Partitions per second that a user may create or delete. No user has a right to do so; the quota is a second limit."""

CONNECTIONS: Final = 2000
"""Open connections of a listener on each broker unless the stack says otherwise."""

CONNECTIONS_PER_SECOND: Final = 100
"""New connections per second of a listener on each broker unless the stack says otherwise. Further ones wait: after the
restart of a broker, 2000 clients are back within 20 s."""


LONGEST_TRANSACTION: Final = 6 * units.HOUR
"""How long the brokers wait for a producer that is gone before they end its transaction; milliseconds. A checkpoint of
the stream job promises to commit its transactions, so for this long the job can be gone and lose nothing that it has
written. The topics that the job writes keep their records no longer than this. Kafka's own default is 15 min."""


def partitions_for(rate: int, brokers: int) -> int:
    """Partitions of a topic that takes `rate` bytes/s: ceil(rate / PARTITION_RATE), rounded up to a multiple of the
    brokers, so that each broker leads the same number of partitions."""
    return math.ceil(max(1, math.ceil(rate / PARTITION_RATE)) / brokers) * brokers


def leader_share(partitions: int, brokers: int, keys: int | None = None) -> float:
    """The largest fraction of a topic's records that one broker leads.

    Leaders spread evenly: one broker leads at most ceil(partitions / brokers) of them. With only `keys` different keys,
    at most `keys` partitions get records, and one broker takes at least 1/keys of the records.
    """
    share = math.ceil(partitions / brokers) / partitions
    return share if keys is None else max(share, 1 / keys)


def quota_per_broker(rate: int, shares: Iterable[float]) -> int:
    """Kafka's quota for an identity that may use `rate` bytes/s over the whole cluster.

    `producer_byte_rate` and `consumer_byte_rate` apply to each broker separately. So the quota is what the broker with
    the largest share of the identity's records needs, plus 10 % (`QUOTA_HEADROOM`): ceil(rate * share * 1.10). With p
    partitions on b brokers, b a divisor of p, the whole cluster allows b * (rate / b) * 1.10 = 1.10 * rate. The split
    of a rate over several topics is not known, so the largest share of all topics counts.
    """
    return math.ceil(rate * max(shares) * QUOTA_HEADROOM)


def segment_ms(retention: int) -> int:
    """How long a topic writes into one segment; milliseconds.

    Kafka deletes whole segments, so a record stays up to this much longer than its retention: a tenth of the retention,
    at least 10 minutes (to avoid many small files) and at most a day.
    """
    return min(retention, max(10 * units.MINUTE, min(units.DAY, retention // 10)))


def kept_ms(retention: int) -> int:
    """How long a record really stays at most: retention + its segment + the deletion's delay; milliseconds."""
    return retention + segment_ms(retention) + DELETION_DELAY


@dataclass(frozen=True)
class DiskNeed:
    """What the topics of one service, or one topic of a part, need on all disks together."""

    name: str
    """The service, or the topic."""
    rate: int
    """Bytes per second."""
    retention: int
    """The longest retention of its topics; milliseconds. No split over the topics needs more disk."""
    copies: int
    """The replication factor."""
    reserve: int = 0
    """The least size of one copy, for a topic without a known rate; bytes."""
    part: str | None = None
    """The key of the part that makes the topic; None for a service."""

    @property
    def size(self) -> int:
        """max(rate * kept time, reserve) * copies; bytes."""
        return max(self.rate * kept_ms(self.retention) // 1000, self.reserve) * self.copies

    def __str__(self) -> str:
        kept = units.format_duration(self.retention)
        extra = units.format_duration(kept_ms(self.retention) - self.retention)
        one = f"{units.format_rate(self.rate)} x ({kept} + {extra})" if self.rate else units.about(self.reserve)
        return f"{self.name} {one} x {self.copies} = {units.about(self.size)}"


def usable_disk(disks: Iterable[int]) -> int:
    """Bytes that logs may fill on brokers with `disks` bytes each.

    Each broker gets the same number of partitions, whatever its disk. So the smallest disk counts for each.
    """
    sizes = list(disks)
    return int(min(sizes) * len(sizes) * USABLE_DISK) if sizes else 0
