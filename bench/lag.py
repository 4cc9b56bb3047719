"""The lag of the platform's consumer groups, and whether the lag grows, from Kafka's offsets.

Groups commit their offsets at intervals: the stream job with each checkpoint (5 s), Connect every 5 s, the archive with
each commit to its table (30 s in `local`). Between two commits the lag of a group grows even if the group keeps up, so
a graph of the lag has teeth like a saw. **Only the lowest point of the teeth counts**: the smallest lag within a time
that is longer than a tooth.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # pyright: ignore[reportPrivateImportUsage]
from kafkalogs.client.committed import Group, Place
from kafkalogs.parts import GROUPS

TOOTH = 35.0
"""Seconds; longer than the longest time between two commits."""
SHARE = 0.03
"""A lag grows if it increases by more than this share of the records that arrived in the same time..."""
FEW = 50
"""...and by more than this number of records."""


@dataclass(frozen=True)
class Sample:
    """One measurement. at: time of the monotonic clock; ends: the offset of each partition after its last readable
    record; committed: the committed offsets by group."""

    at: float
    ends: Mapping[Place, int]
    committed: Mapping[str, Mapping[Place, int]]

    def lag(self, group: str) -> int:
        """Records that a group has not read, or has read but not committed."""
        return sum(max(0, self.ends[place] - offset) for place, offset in self.committed[group].items())

    def read(self, group: str) -> int:
        """The sum of a group's committed offsets: its progress."""
        return sum(self.committed[group].values())


class Lags:
    """settings: of librdkafka, for a user that may describe all topics and groups. topics: the number of partitions of
    each topic that gets events."""

    def __init__(self, settings: Mapping[str, Any], topics: Mapping[str, int]) -> None:
        self._admin = AdminClient(dict(settings))
        self._groups = {name: Group(settings, name) for name in GROUPS.values()}
        self.written = frozenset((name, number) for name, count in topics.items() for number in range(count))

    def read(self) -> Sample:
        """Measure once. Fails if a group has no offsets at all, because its lag could not grow."""
        known = self._admin.list_topics(timeout=20).topics
        all_places = [(topic, number) for topic, about in known.items() for number in about.partitions]
        committed = {name: group.committed(all_places, 20) for name, group in self._groups.items()}
        silent = [group for group, offsets in committed.items() if not offsets]
        assert not silent, f"groups without any offset: {', '.join(silent)}; are these parts running?"
        places = self.written.union(*committed.values())
        spec = {TopicPartition(*place): OffsetSpec.latest() for place in places}
        # committed records only: no consumer can read the records of an open transaction
        level = IsolationLevel.READ_COMMITTED
        found = self._admin.list_offsets(spec, isolation_level=level, request_timeout=20)
        ends = {(at.topic, at.partition): answer.result().offset for at, answer in found.items()}
        return Sample(time.monotonic(), ends, committed)

    def watch(self, seconds: float, every: float = 1.0) -> list[Sample]:
        """Measure repeatedly for ``seconds``, with pauses of ``every`` seconds."""
        samples = [self.read()]
        until = samples[0].at + seconds
        while samples[-1].at < until:
            time.sleep(every)
            samples.append(self.read())
        return samples


def came(samples: Sequence[Sample], places: frozenset[Place] | Mapping[Place, int]) -> int:
    """The number of records that arrived between the first and the last sample."""
    first, last = samples[0].ends, samples[-1].ends
    return sum(last[place] - first.get(place, last[place]) for place in places)


def rate(samples: Sequence[Sample], places: frozenset[Place]) -> float:
    """The number of records that arrived per second."""
    return came(samples, places) / (samples[-1].at - samples[0].at)


def smallest(samples: Sequence[Sample], group: str) -> Sample:
    """The sample with the smallest lag of a group."""
    return min(samples, key=lambda sample: sample.lag(group))


def growth(samples: Sequence[Sample], group: str) -> tuple[int, float]:
    """How much the lag of a group grew, and the largest growth that does not count; both in records.

    The growth is the smallest lag in the last third of the samples' time, minus the smallest in the first third. The
    largest growth that does not count is SHARE of the records that arrived between these two samples, and at least FEW
    records. In three minutes this finds a group that reads less than 97 % of the arriving records.
    """
    start, length = samples[0].at, samples[-1].at - samples[0].at
    early = smallest([one for one in samples if one.at <= start + length / 3], group)
    late = smallest([one for one in samples if one.at >= start + length * 2 / 3], group)
    between = came([early, late], late.committed[group])
    return late.lag(group) - early.lag(group), max(FEW, SHARE * between)


def growing(samples: Sequence[Sample]) -> list[str]:
    """The parts whose lag grows."""
    found = {part: growth(samples, group) for part, group in GROUPS.items()}
    return [part for part, (grown, none) in found.items() if grown > none]


def behind(samples: Sequence[Sample], seconds: float) -> list[str]:
    """The parts whose lag was above the records that arrive in ``seconds``, during all of the last TOOTH seconds."""
    last = [one for one in samples if one.at >= samples[-1].at - TOOTH]
    length = samples[-1].at - samples[0].at
    most = {
        part: max(FEW, seconds * came(samples, samples[-1].committed[group]) / length) for part, group in GROUPS.items()
    }
    return [part for part, group in GROUPS.items() if smallest(last, group).lag(group) > most[part]]


def reading_share(samples: Sequence[Sample], part: str) -> float | None:
    """The share of the arriving records that a part read between two of its commits; None without two commits."""
    group = GROUPS[part]
    commits = [two for one, two in itertools.pairwise(samples) if two.read(group) != one.read(group)]
    if len(commits) < 2:
        return None
    arrived = came([commits[0], commits[-1]], commits[-1].committed[group])
    return (commits[-1].read(group) - commits[0].read(group)) / arrived if arrived else None
