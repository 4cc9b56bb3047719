"""What the campaign reads of the archive after a topic was made anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.counts import archived
from tests.support.pipeline import Archive

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
LOAD = "a load"


def row(topic: str, partition: int, offset: int, minute: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "timestamp": NOON + timedelta(minutes=minute),
        "trace_id": "1" * 32,
        "span_id": "2" * 16,
        "instance": LOAD,
        "kafka_topic": topic,
        "kafka_partition": partition,
        "kafka_offset": offset,
        **values,
    }


@pytest.fixture
def table(tmp_path: Path) -> Any:
    import pyarrow
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("kafkalogs", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("logs")
    texts = ("trace_id", "span_id", "instance", "kafka_topic")
    schema = pyarrow.schema(
        [
            ("timestamp", pyarrow.timestamp("us", tz="UTC")),
            *((name, pyarrow.string()) for name in texts),
            ("kafka_partition", pyarrow.int32()),
            ("kafka_offset", pyarrow.int64()),
        ]
    )
    made = catalog.create_table("logs.events", schema)

    def append(*rows: dict[str, Any]) -> Archive:
        made.append(pyarrow.Table.from_pylist(list(rows), schema))
        return Archive(made)

    yield append
    catalog.close()


def test_the_next_offset_of_a_partition_is_behind_its_newest_archived_record(table: Any) -> None:
    archive = table(row("logs.a", 0, 7), row("logs.a", 0, 9), row("logs.a", 1, 3), row("logs.b", 0, 5))
    since = {"logs.a": NOON, "logs.b": NOON}
    assert archive.ends(since) == {("logs.a", 0): 10, ("logs.a", 1): 4, ("logs.b", 0): 6}


def test_records_of_the_topic_that_had_the_name_before_do_not_count(table: Any) -> None:
    archive = table(row("logs.a", 0, 900), row("logs.a", 0, 4, 30), row("logs.b", 0, 5))
    since = {"logs.a": NOON + timedelta(minutes=20), "logs.b": NOON}
    assert archive.ends(since) == {("logs.a", 0): 5, ("logs.b", 0): 6}


def test_a_topic_that_nobody_asks_for_has_no_offset(table: Any) -> None:
    assert table(row("logs.gone", 0, 7)).ends({"logs.a": NOON}) == {}


def test_a_record_that_is_archived_twice_is_there_twice(table: Any) -> None:
    count = archived(2, table(row("logs.a", 0, 7), row("logs.a", 0, 8), row("logs.a", 0, 7)).rows("instance", LOAD))
    assert (count.found, count.twice) == (2, 1)


def test_two_records_that_had_the_same_place_are_two(table: Any) -> None:
    archive = table(row("logs.a", 0, 7), row("logs.a", 0, 7, 1), row("logs.a", 0, 7, instance="another load"))
    count = archived(2, archive.rows("instance", LOAD, "timestamp", "span_id"))
    assert (count.found, count.twice, count.exact) == (2, 0, True)
