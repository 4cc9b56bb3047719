"""Retention, for engines without life cycles: whole indices are deleted, as Kafka deletes whole segments."""

from __future__ import annotations

import logging

from search_setup.engine import Engine, Settings
from search_setup.templates import LARGEST_SHARD, backing_indices, rollover_ms

LOG = logging.getLogger("search_setup")


def retain(engine: Engine, settings: Settings, now: float) -> list[str]:
    """Begin a new index when it is due, and delete indices whose newest event is past retention; returns their names.

    now: seconds since 1970. So an event is kept for its retention, plus at most the time span of one index.
    """
    if engine.life_cycles:
        LOG.info("nothing to do: the engine has life cycles")
        return []
    deleted: list[str] = []
    for stream, retention_ms in settings.streams.items():
        if not backing_indices(engine, stream):
            continue
        age = {"max_age": f"{rollover_ms(retention_ms)}ms", "max_primary_shard_size": LARGEST_SHARD, "min_docs": 1}
        rolled = engine.ask("POST", f"/{stream}/_rollover", {"conditions": age})["rolled_over"]
        LOG.info("%s: %s", stream, "a new index" if rolled else "its index goes on")
        for index in backing_indices(engine, stream)[:-1]:
            newest = _newest_ms(engine, index)
            if newest is None or newest < now * 1000 - retention_ms:
                engine.ask("DELETE", f"/{index}")
                LOG.info("deleted %s", index)
                deleted.append(index)
    return deleted


def _newest_ms(engine: Engine, index: str) -> float | None:
    """The time of the newest event in an index; None if the index is empty."""
    query = {"size": 0, "aggs": {"newest": {"max": {"field": "@timestamp"}}}}
    return engine.ask("POST", f"/{index}/_search", query)["aggregations"]["newest"]["value"]
