"""Index templates: the fields of a data stream's documents, and how long the documents are kept."""

from __future__ import annotations

import logging
from typing import Any

from search_setup.engine import Engine, Settings

LOG = logging.getLogger("search_setup")
HOUR = 3_600_000
# above the engine's own template for logs-*-*, which has 100
PRIORITY = 500
LARGEST_SHARD = "10gb"
# Lucene's limit for a term: 32,766 bytes, and a character can have 4 bytes
LONGEST_TERM = 8191


def mappings(*, elasticsearch: bool) -> dict[str, Any]:
    """The fields of a log event.

    No other field is indexed and no type is guessed, so no event can break the index for later events.
    All attributes are one field: search for `attributes.<name>`; values are indexed as words, not as numbers.
    """
    keyword = {"type": "keyword", "ignore_above": 1024}
    names = ("service", "level", "trace_id", "span_id", "instance")
    free = {"type": "flattened", "ignore_above": LONGEST_TERM} if elasticsearch else {"type": "flat_object"}
    return {
        "dynamic": False,
        "properties": {
            "@timestamp": {"type": "date"},
            "timestamp": {"type": "alias", "path": "@timestamp"},
            **dict.fromkeys(names, keyword),
            "message": {"type": "text"},
            # The place in Kafka. The id of a document has a digest too, and engines find no part of an id.
            "origin": keyword,
            "attributes": free,
            "extra": {"type": "object", "enabled": False},
        },
    }


def template(engine: Engine, stream: str, replicas: int) -> dict[str, Any]:
    """The index template of a data stream."""
    settings: dict[str, Any] = {"number_of_shards": 1, "number_of_replicas": replicas, "codec": "best_compression"}
    # The engine's default is 1 s. With 2 s the newest events appear a little later, and each index costs less.
    settings["refresh_interval"] = "2s"
    if engine.life_cycles:
        settings["lifecycle"] = {"name": stream}
    return {
        "index_patterns": [stream],
        "data_stream": {},
        "priority": PRIORITY,
        "template": {
            "settings": {"index": settings},
            "mappings": mappings(elasticsearch=engine.elasticsearch),
        },
        "_meta": {"managed_by": "kafkalogs"},
    }


def rollover_ms(retention_ms: int) -> int:
    """The age at which a stream gets a new index: an eighth of the retention, at least an hour, at most a day."""
    return min(24 * HOUR, max(HOUR, retention_ms // 8))


def policy(retention_ms: int) -> dict[str, Any]:
    """The life cycle policy of a data stream; the age counts from the end of an index."""
    roll = {"max_age": f"{rollover_ms(retention_ms)}ms", "max_primary_shard_size": LARGEST_SHARD}
    return {
        "policy": {
            "phases": {
                "hot": {"actions": {"rollover": roll}},
                "delete": {"min_age": f"{retention_ms}ms", "actions": {"delete": {}}},
            }
        }
    }


def set_up(engine: Engine, settings: Settings) -> None:
    """Write the templates, and the life cycle policies if the engine has them. The first event makes a stream."""
    for stream, retention_ms in settings.streams.items():
        if engine.life_cycles:
            engine.ask("PUT", f"/_ilm/policy/{stream}", policy(retention_ms))
        engine.ask("PUT", f"/_index_template/{stream}", template(engine, stream, settings.replicas))
        # An existing stream gets new fields now; the type of a field can change only with the next index.
        if backing_indices(engine, stream):
            fields = mappings(elasticsearch=engine.elasticsearch)
            engine.ask("PUT", f"/{stream}/_mapping?write_index_only=true", fields)
        LOG.info("data stream %s: kept for %.1f h", stream, retention_ms / HOUR)


def backing_indices(engine: Engine, stream: str) -> list[str]:
    """The indices of a data stream, the current one at the end; empty if there is no such stream."""
    found = engine.ask("GET", f"/_resolve/index/{stream}*").get("data_streams", [])
    indices = next((one["backing_indices"] for one in found if one["name"] == stream), [])
    # for one index the answer is a string, not a list; the names end with the index's number
    return sorted([indices] if isinstance(indices, str) else indices, key=lambda name: int(name.rsplit("-", 1)[1]))
