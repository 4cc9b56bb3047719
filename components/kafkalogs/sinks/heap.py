"""The heap of Kafka Connect's workers, computed from what their connectors may hold at the same time."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..config import limits, units

BASE_HEAP: Final = 192 * units.MIB
"""The heap of a worker without connectors: classes of plugins, the three internal topics, the REST API."""

FETCH: Final = limits.fetched(limits.DEFAULT_BATCH)
"""The most that a consumer holds of one partition whose batches have the default limit, still compressed; bytes."""

USABLE_HEAP: Final = 0.7
"""The fraction of the heap that buffers may fill. The rest is for records in conversion and for G1. Above this fraction
G1 collects all the time."""

FULL_HEAP: Final = 0.95
"""The fraction of the heap that may be full for the moment of a poll of the largest records."""

HEAP_STEP: Final = 64 * units.MIB


@dataclass(frozen=True)
class ConnectorLoad:
    """What a connector holds in the memory of the workers."""

    tasks: int
    """Its `tasksMax`."""

    partitions: int
    """The partitions of all topics that it reads."""

    task_bytes: int = 0
    """The connector's own buffer in each task, such as the records of one bulk request; bytes."""

    poll_bytes: int = 0
    """The most that the records of one poll of a task hold; bytes."""

    partition_bytes: int = 0
    """The connector's own buffer for each partition, such as an open file; bytes."""

    fetch: int = FETCH
    """The most that the connector's consumer holds of one partition; bytes."""


def heap_bytes(loads: Iterable[ConnectorLoad], workers: int) -> int:
    """The heap of each worker, in bytes.

    One worker may be down, so n = max(1, workers - 1) workers share the tasks and partitions of each connector:

        heap = (BASE_HEAP + sum(ceil(tasks / n) * task_bytes
                                + ceil(partitions / n) * (fetch + partition_bytes))) / USABLE_HEAP

    rounded up to HEAP_STEP. A worker needs this heap after an outage, when all buffers are full. Even then a poll of
    the largest records, of each task at the same time, must fit into FULL_HEAP:

        heap >= (BASE_HEAP + buffers + sum(ceil(tasks / n) * poll_bytes)) / FULL_HEAP
    """
    loads, left = list(loads), max(1, workers - 1)
    buffers = sum(
        math.ceil(load.tasks / left) * load.task_bytes
        + math.ceil(load.partitions / left) * (load.fetch + load.partition_bytes)
        for load in loads
    )
    polls = sum(math.ceil(load.tasks / left) * load.poll_bytes for load in loads)
    needed = max((BASE_HEAP + buffers) / USABLE_HEAP, (BASE_HEAP + buffers + polls) / FULL_HEAP)
    return math.ceil(needed / HEAP_STEP) * HEAP_STEP
