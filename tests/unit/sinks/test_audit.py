"""The key of an audit row: the same for the same record, and another one for each other record at the same place."""

import pytest
from kafkalogs.sinks.settings import ROW_KEY

from .support import event

HERE = ("logs.audit", 3, 41)


def key(row):
    return tuple(row[column] for column in ROW_KEY.split(","))


def test_a_row_has_the_event_and_its_key(plugins):
    row = plugins.row(event(), HERE)
    assert key(row)[:3] == HERE
    assert {name: row[name] for name in row if not name.startswith("__connect_")} == plugins.convert(event())["event"]


def test_a_record_that_is_delivered_again_has_the_same_key(plugins):
    assert key(plugins.row(event(), HERE, 7)) == key(plugins.row(event(), HERE, 7))


@pytest.mark.parametrize(
    ("value", "timestamp"),
    [
        *((event(**change), 7) for change in ({"message": "other"}, {"service": "other"}, {"level": "error"})),
        *((event(**change), 7) for change in ({"attributes": {}}, {"trace_id": "1" * 32}, {"region": "eu"})),
        (event(timestamp="2026-01-02T03:04:05.679Z"), 7),
        (event(), 8),
        # The same texts in other fields.
        (event(service="order placed", message="checkout-service"), 7),
    ],
)
def test_another_record_at_the_same_place_has_another_key(plugins, value, timestamp):
    first, second = plugins.row(event(), HERE, 7), plugins.row(value, HERE, timestamp)
    assert key(first)[:3] == key(second)[:3]
    assert key(first) != key(second)
