"""Beside Filebeat: its counters for Prometheus, and its certificate from another namespace."""

import base64
import http.server
import json
import stat
import threading
import time

import pytest
from exporter import credentials
from exporter.filebeat import COUNTERS, GAUGES, OTHERS, REFRESH, Filebeat, families, written_at
from kafkalogs.shipper.manifests import _shipper

from tests.support.metric_names import METRICS

STATS = {
    "beat": {"info": {"uptime": {"ms": 60_000}}},
    "filebeat": {"harvester": {"open_files": 27}},
    "libbeat": {
        "output": {"events": {"acked": 6715, "active": 3, "failed": 2}},
        "pipeline": {"events": {"published": 6800}},
    },
}
FILES = {"a": {"size": 100, "read_offset": 40}, "b": {"size": 10, "read_offset": 10}, "c": {"size": 5}}


def values(stats, files=FILES) -> dict[str, float]:
    return {f.name: value for f in families(stats, files, 7, 100) for _, value in f.samples}


def test_counters_of_filebeat():
    assert values(STATS) == {
        "filebeat_events_published_total": 6800,
        "filebeat_output_events_acked_total": 6715,
        "filebeat_output_events_failed_total": 2,
        "filebeat_output_events_dropped_total": 0,
        "filebeat_output_events_active": 3,
        "filebeat_open_files": 27,
        "filebeat_up": 1,
        "filebeat_queue_bytes": 7,
        "filebeat_queue_max_bytes": 100,
        "filebeat_unread_bytes": 65,
    }


def test_without_filebeat_only_what_is_known_is_told():
    assert values(None, {}) == {"filebeat_up": 0, "filebeat_queue_bytes": 7, "filebeat_queue_max_bytes": 100}


def test_names_are_those_that_rules_may_use():
    assert METRICS["shipper"] == {*COUNTERS, *GAUGES, *OTHERS}


@pytest.fixture
def beat(unused_port, tmp_path):
    """A Filebeat's HTTP endpoint, and what stands beside it."""
    stats = json.loads(json.dumps(STATS))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(stats if self.path == "/stats" else FILES).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("localhost", unused_port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "1.seg").write_bytes(b"x" * 30)
    (tmp_path / "state.dat").write_bytes(b"x" * 9)
    made = Filebeat(f"http://localhost:{unused_port}", tmp_path, 100)
    made.test_stats = stats
    yield made
    server.shutdown()
    server.server_close()


def test_the_size_of_the_queue_is_that_of_its_segments(beat):
    assert "filebeat_queue_bytes 30\n" in beat.page()
    assert "filebeat_up 1\n" in beat.page()


def test_filebeat_is_not_well_until_it_has_read_new_credentials(beat):
    assert beat.up_to_date()
    beat.changed_at = time.time() - 30  # half of what Filebeat runs for
    assert not beat.up_to_date()
    beat.test_stats["beat"]["info"]["uptime"]["ms"] = 5_000
    assert beat.up_to_date()
    beat.test_stats["beat"]["info"]["uptime"]["ms"] = 90_000
    assert beat.up_to_date()


def test_credentials_that_changed_before_it_started_count_too(beat, tmp_path):
    """The container beside Filebeat may be restarted at any time, and remembers nothing."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    assert written_at(folder) is None
    (folder / "user.crt").write_text("new")
    beat.changed_at = written_at(folder)
    assert not beat.up_to_date(), "Filebeat began 60 s ago"
    beat.test_stats["beat"]["info"]["uptime"]["ms"] = 0
    beat.changed_at -= 1
    assert beat.up_to_date()


def test_filebeat_takes_renewed_credentials_within_ten_minutes():
    probe = _shipper("filebeat", "filebeat:1")["livenessProbe"]
    tries = probe["failureThreshold"] * (probe["periodSeconds"] + probe["timeoutSeconds"])
    assert REFRESH + tries + probe["initialDelaySeconds"] < 600


def secret(**data: bytes) -> dict[str, str]:
    return {key: base64.b64encode(value).decode() for key, value in data.items()}


def test_credentials_are_fetched_by_name():
    asked = []

    def get(path):
        asked.append(path)
        return {"user.crt": base64.b64encode(b"C").decode(), "ca.crt": base64.b64encode(b"A").decode()}

    assert credentials.fetch("logs", ["shipper/user.crt", "ca/ca.crt"], get) == {"user.crt": b"C", "ca.crt": b"A"}
    assert asked == ["/api/v1/namespaces/logs/secrets/ca", "/api/v1/namespaces/logs/secrets/shipper"]
    with pytest.raises(OSError, match=r"logs/shipper has no user\.key yet"):
        credentials.fetch("logs", ["shipper/user.key"], get)


def test_only_what_changed_is_written_and_nobody_else_may_read_it(tmp_path):
    assert credentials.store(tmp_path, {"user.key": b"1", "ca.crt": b"2"})
    assert not credentials.store(tmp_path, {"user.key": b"1", "ca.crt": b"2"})
    assert credentials.store(tmp_path, {"user.key": b"3", "ca.crt": b"2"})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"user.key": b"3", "ca.crt": b"2"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
