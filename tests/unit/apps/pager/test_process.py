"""What the process says of itself: settings, logs, metrics, probes; and the program as it is started."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pager.__main__ as program
import pager.logs as logs
import pytest
from kafkalogs.client.logevent import LogEvent
from pager.endpoints import serve, state
from pager.metrics import CONTENT_TYPE, Metrics
from pager.settings import ENDPOINT, Settings, SettingsError
from pager.stream import consumer_settings, producer_settings

from .world import KEY, settings_of


def test_settings_as_shipped(tmp_path: Path):
    settings = settings_of(tmp_path)
    assert (settings.topic, settings.group, settings.dead_letters, settings.state) == (
        "errors.critical", "pager.incidents", "dlq.pager", "pager.state",
    )  # fmt: skip
    assert (settings.endpoint, settings.endpoint_ca) == (ENDPOINT, None)
    assert settings.throttled >= 60, "PagerDuty asks for minutes"


def test_every_fault_of_the_environment_is_said_at_once(tmp_path: Path):
    environment = {
        "PAGER_QUIET": "soon", "PAGER_BURST": "1.5", "PAGER_TIMEOUT": "0", "PAGER_PER_MINUTE": "inf",
        "PAGER_ENDPOINT": "http://localhost", "PAGER_ENDPOINT_CA": str(tmp_path / "no.crt"),
        "PAGER_CERTS": str(tmp_path), "PAGER_CA": str(tmp_path / "ca.crt"), "PAGER_METRICS_PORT": "-1",
    }  # fmt: skip
    with pytest.raises(SettingsError) as caught:
        Settings.read(environment)
    for part in (
        "PAGER_QUIET=soon", "PAGER_BURST=1.5", "PAGER_TIMEOUT=0", "PAGER_PER_MINUTE=inf", "must begin with https://",
        "no.crt", "user.crt", "user.key", "ca.crt", "PAGER_BOOTSTRAP is missing", "PAGER_METRICS_PORT=-1",
    ):  # fmt: skip
        assert part in str(caught.value)


def test_wrong_settings_end_the_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(program.os, "environ", {})
    assert program.main() == 2
    assert "PAGER_BOOTSTRAP is missing" in capsys.readouterr().err


def test_the_client_commits_nothing_by_itself_and_loses_nothing(tmp_path: Path):
    consumer = consumer_settings(settings_of(tmp_path))
    assert consumer["enable.auto.commit"] is False
    assert consumer["isolation.level"] == "read_committed"
    assert consumer["partition.assignment.strategy"] == "cooperative-sticky"
    assert consumer["auto.offset.reset"] == "earliest"
    assert consumer["group.id"] == consumer["group.instance.id"] == "pager.incidents"
    producer = producer_settings(settings_of(tmp_path))
    assert (producer["acks"], producer["enable.idempotence"]) == ("all", True)
    assert producer["message.max.bytes"] > 1024 * 1024
    for client in (consumer, producer):
        assert client["security.protocol"] == "SSL"
        assert client["ssl.endpoint.identification.algorithm"] == "https"


def test_its_log_is_made_of_log_events(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logs, "_said", {})
    logs.log("info", "a line", dedup_key="a/b")
    logs.log("error", "of an event", trace_id="0af7651916cd43dd8448eb211c80319c")
    for _ in range(3):
        logs.log_seldom("warning", "again and again", detail="x")
    lines = capsys.readouterr().out.splitlines()
    events = [LogEvent.from_json(line.encode()) for line in lines]
    assert [(event.service, event.level, event.message) for event in events] == [
        ("pager", "info", "a line"),
        ("pager", "error", "of an event"),
        ("pager", "warning", "again and again"),
    ]
    assert events[0].attributes == {"dedup_key": "a/b"}
    assert events[1].trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_it_never_logs_what_would_page_about_itself():
    """A critical line of the pager's own, shipped into the platform, would come back to it."""
    folder = Path(logs.__file__).parent
    said = re.findall(r"\blog(?:_seldom)?\(\s*\"(\w+)\"", "".join(file.read_text() for file in folder.glob("*.py")))
    assert {"info", "warning", "error"} == set(said)


SERIES = re.compile(r'([a-z_]+)(?:\{([a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*)\})? (-?[0-9.e+]+)')


def test_metrics_are_what_prometheus_reads():
    metrics = Metrics()
    metrics.add("pager_events_total", action="trigger", result="accepted")
    metrics.raise_to("pager_newest_sent_timestamp_seconds", 1_800_000_000.5)
    metrics.raise_to("pager_newest_sent_timestamp_seconds", 1_700_000_000)
    metrics.set("pager_oldest_waiting_timestamp_seconds", 5)
    metrics.set("pager_oldest_waiting_timestamp_seconds", None)
    for seconds in (0.05, 0.3, 1000):
        metrics.delay(seconds)
    kinds: dict[str, str] = {}
    values: dict[str, float] = {}
    for line in metrics.text().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            found = SERIES.fullmatch(line)
            assert found, line
            base = re.sub(r"_(bucket|sum|count)$", "", found[1]) if "delay" in found[1] else found[1]
            assert base in kinds, "its type comes first"
            values[line.rsplit(" ", 1)[0]] = float(found[3])
    assert set(kinds.values()) == {"counter", "gauge", "histogram"}
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in kinds.items())
    assert values['pager_events_total{action="trigger",result="accepted"}'] == 1
    assert values['pager_events_total{action="resolve",result="retried"}'] == 0, "there from the start"
    assert values["pager_newest_sent_timestamp_seconds"] == 1_800_000_000.5
    assert "pager_oldest_waiting_timestamp_seconds" not in values
    buckets = [value for name, value in values.items() if "_bucket" in name]
    assert buckets == sorted(buckets)
    assert values['pager_delivery_delay_seconds_bucket{le="0.1"}'] == 1
    assert values['pager_delivery_delay_seconds_bucket{le="+Inf"}'] == values["pager_delivery_delay_seconds_count"] == 3


def test_a_series_that_is_not_declared_is_a_mistake():
    with pytest.raises(KeyError):
        Metrics().add("pager_retries_total", reason="418")


def test_probes_and_metrics_over_http():
    fault = ""
    metrics = Metrics()
    server = serve(
        0, {"/readyz": lambda: state(fault), "/metrics": lambda: (200, CONTENT_TYPE, metrics.text())}, "127.0.0.1"
    )

    def get(path: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()

    try:
        assert get("/readyz") == (200, "text/plain", "ok\n")
        fault = "no routing key"
        assert get("/readyz") == (503, "text/plain", "no routing key\n")
        assert get("/metrics")[:2] == (200, CONTENT_TYPE)
        assert get("/incidents")[0] == 404
    finally:
        server.shutdown()
        server.server_close()


def test_what_the_rules_and_dashboards_ask_for_is_there():
    """Names that others key on."""
    text = Metrics().text()
    for name in (
        "pager_events_total", "pager_retries_total", "pager_records_total", "pager_suppressed_total",
        "pager_dead_letters_total", "pager_open_incidents", "pager_waiting_incidents", "pager_ready",
        "pager_oldest_waiting_timestamp_seconds", "pager_newest_sent_timestamp_seconds", "pager_backoff_seconds",
        "pager_delivery_delay_seconds_bucket",
    ):  # fmt: skip
        assert name in text
    assert KEY not in json.dumps(text)
