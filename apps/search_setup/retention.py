"""Retention, for engines without life cycles: whole indices are deleted, as Kafka deletes whole segments."""

from __future__ import annotations

import logging
from itertools import pairwise

from search_setup.engine import Engine, Settings
from search_setup.templates import LARGEST_SHARD, backing_indices, rollover_ms

LOG = logging.getLogger("search_setup")


def retain(engine: Engine, settings: Settings, now: float) -> list[str]:
    """Begin a new index when it is due, and delete indices that were ended before the retention; returns their names.

    now: seconds since 1970. The age of an index counts from its end, as in a life cycle: then the next one began. So an
    event is kept for its retention from its arrival, plus at most the time span of one index, whatever time it says.
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
        indices = backing_indices(engine, stream)
        for index, successor in pairwise(indices):
            if _begun_ms(engine, successor) < now * 1000 - retention_ms:
                engine.ask("DELETE", f"/{index}")
                LOG.info("deleted %s", index)
                deleted.append(index)
    return deleted


def _begun_ms(engine: Engine, index: str) -> int:
    """When an index was made, by the engine's clock; milliseconds since 1970."""
    found = engine.ask("GET", f"/{index}/_settings/index.creation_date")
    return int(found[index]["settings"]["index"]["creation_date"])
