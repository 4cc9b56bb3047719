"""What each sink has of a load, counted until it has everything."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kafkalogs.client.reach import UnansweredError

from tests.chaos.load import Load
from tests.support import kafka, pipeline
from tests.support.run import of
from tests.support.sandbox import Sandbox

SECONDS = 900
"""A sink that is not complete then has lost something, or stands still."""

SETTLED = 10
"""Seconds after which a complete sink is counted again: nothing may arrive twice."""


STREAM_LETTERS = "dlq.stream"


@dataclass(frozen=True)
class Count:
    """wanted: records that the sink must have. found: those that it has. twice: what it has more than once.

    seconds: from the end of the fault's cause until the sink had everything; the time until it was given up otherwise.
    """

    wanted: int
    found: int
    twice: int
    seconds: float = 0

    @property
    def lost(self) -> int:
        """The records that the sink lacks."""
        return max(0, self.wanted - self.found)

    @property
    def exact(self) -> bool:
        """Whether the sink has each record once."""
        return self.lost == 0 and self.twice == 0


def _total(wanted: int, total: int) -> Count:
    return Count(wanted, min(total, wanted), max(0, total - wanted))


def _each(wanted: int, seen: list[str]) -> Count:
    return Count(wanted, len(set(seen)), len(seen) - len(set(seen)))


def _indexed(platform: Sandbox, load: Load) -> Count:
    return _total(len(load.run.now), pipeline.search(platform).count("instance", load.run.id))


def _audited(platform: Sandbox, load: Load) -> Count:
    query = f"select count(*) from audit_log where instance = '{load.run.id}'"
    return _total(load.run.audits(), pipeline.sql(platform, query))


def _archived(platform: Sandbox, load: Load) -> Count:
    with pipeline.archive(platform) as table:
        return archived(len(load.run.now), table.rows("instance", load.run.id, "timestamp", "trace_id", "span_id"))


def archived(wanted: int, rows: Iterable[Mapping[str, Any]]) -> Count:
    """Rows of the archive. Two rows are one record that is there twice only if their fields are the same, too: of a
    topic that was made anew, two records may have the same place."""
    return _each(wanted, [repr(sorted(row.items())) for row in rows])


def _extracted(platform: Sandbox, reader: str, load: Load) -> Count:
    events = of(load.run, (m.value() for m in kafka.read_committed(platform, reader, "logs.error")))
    return _each(sum(load.run.failures().values()), [json.dumps(event, sort_keys=True) for event in events])


def _lettered(platform: Sandbox, reader: str, load: Load) -> Count:
    return letters(
        load.letters,
        {topic: Counter(m.value() for m in kafka.read_committed(platform, reader, topic)) for topic in load.letters},
    )


def letters(wanted: Mapping[str, Sequence[bytes]], seen: Mapping[str, Counter[bytes | None]]) -> Count:
    """Dead letters by topic. The connectors promise each at least once, the stream job exactly once."""
    found = sum(value in seen[topic] for topic, values in wanted.items() for value in values)
    twice = sum(max(0, seen[STREAM_LETTERS][value] - 1) for value in wanted.get(STREAM_LETTERS, ()))
    return Count(sum(map(len, wanted.values())), found, twice)


def _paged(platform: Sandbox, load: Load) -> Count:
    """Records in incidents: each class of the probe's critical errors has one, which counts its records."""
    ours = [i for i in pipeline.incidents(platform) if load.run.id in i["dedup_key"]]
    paged = {i["payload"]["class"]: i["payload"]["custom_details"]["records"] for i in ours}
    wanted = load.incidents()
    found = sum(min(paged.get(name, 0), records) for name, records in wanted.items())
    return Count(sum(wanted.values()), found, sum(paged.values()) - found)


def count_everywhere(platform: Sandbox, reader: str, load: Load, since: float) -> dict[str, Count]:
    """Count all sinks at the same time, each until it is complete. since: the monotonic time of the fault's end."""
    counted: dict[str, Callable[[], Count]] = {
        "archive": lambda: _archived(platform, load),
        "search": lambda: _indexed(platform, load),
        "audit": lambda: _audited(platform, load),
        "stream": lambda: _extracted(platform, reader, load),
        "pager": lambda: _paged(platform, load),
        "dead letters": lambda: _lettered(platform, reader, load),
    }
    with ThreadPoolExecutor(len(counted)) as pool:
        waiting = {name: pool.submit(_until_complete, one, since) for name, one in counted.items()}
        return {name: one.result() for name, one in waiting.items()}


def _until_complete(count: Callable[[], Count], since: float) -> Count:
    deadline = time.monotonic() + SECONDS
    seen: Count | Exception = Count(0, 0, 0)
    while time.monotonic() < deadline:
        try:
            seen = count()
        except (UnansweredError, OSError, ValueError) as error:
            seen = error
        if isinstance(seen, Count) and seen.lost == 0:
            seconds = time.monotonic() - since
            time.sleep(SETTLED)
            again = count()
            return Count(again.wanted, again.found, again.twice, seconds)
        time.sleep(2)
    if isinstance(seen, Exception):
        raise AssertionError(f"no answer in {SECONDS} s: {seen}") from seen
    return Count(seen.wanted, seen.found, seen.twice, SECONDS)
