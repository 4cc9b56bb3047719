"""The search set-up against an engine of dictionaries."""

import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from search_setup.engine import Engine, RefusedError, Settings, UnavailableError
from search_setup.retention import retain
from search_setup.templates import policy, rollover_ms, set_up

from tests.support.tls import server_context, write_certificates

HOUR = 3_600_000
DAY = 24 * HOUR
STREAM = "logs-audit-default"


class Fake:
    """An engine that has indices with the time when they were made, and remembers what it was asked.

    events: the time of the newest event of an index, if it has one.
    """

    def __init__(self, folder):
        fake = self
        self.modules, self.indices, self.asked, self.rolls, self.status = ["x-pack-core"], {}, [], True, 200
        self.now, self.events = 0, {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                path = self.path.split("?")[0]
                fake.asked.append((self.command, path, body))
                text = json.dumps(fake.answer(self.command, path)).encode()
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        self.ca, certificate, key = write_certificates(folder)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = server_context(certificate, key).wrap_socket(self.server.socket, server_side=True)
        Thread(target=self.server.serve_forever, daemon=True).start()
        (folder / "username").write_text("elastic\n")
        (folder / "password").write_text("secret")
        url = f"https://localhost:{self.server.server_port}"
        self.settings = Settings(url, {STREAM: 10 * DAY}, 0, str(folder), str(self.ca))

    def answer(self, method, path):
        if path.startswith("/_nodes"):
            return {"nodes": {"n": {"modules": [{"name": name} for name in self.modules]}}}
        if path.startswith("/_resolve"):
            names = list(self.indices)
            found = {"name": STREAM, "backing_indices": names[0] if len(names) == 1 else names[::-1]}
            return {"data_streams": [found] if names else []}
        if path.endswith("/_rollover"):
            if self.rolls:
                self.indices[f".ds-{STREAM}-2026.01.01-{len(self.indices) + 1:06}"] = self.now
            return {"rolled_over": self.rolls}
        if path.endswith("/_search"):
            return {"aggregations": {"newest": {"value": self.events.get(path.split("/")[1])}}}
        if path.endswith("/_settings/index.creation_date"):
            name = path.split("/")[1]
            return {name: {"settings": {"index": {"creation_date": str(self.indices[name])}}}}
        if method == "DELETE":
            del self.indices[path[1:]]
        return {"acknowledged": True}

    def sent(self, method, path):
        return [body for m, p, body in self.asked if (m, p) == (method, path)]


@pytest.fixture
def engine(tmp_path):
    fake = Fake(tmp_path)
    yield fake
    fake.server.shutdown()


def index(number):
    return f".ds-{STREAM}-2026.01.01-{number:06}"


def test_a_template_for_each_stream_in_which_no_event_changes_a_type(engine):
    set_up(Engine(engine.settings), engine.settings)
    (body,) = engine.sent("PUT", f"/_index_template/{STREAM}")
    assert body["index_patterns"] == [STREAM]
    assert body["data_stream"] == {}
    mappings = body["template"]["mappings"]
    assert mappings["dynamic"] is False
    assert mappings["properties"]["attributes"]["type"] == "flattened"
    assert body["template"]["settings"]["index"]["number_of_replicas"] == 0
    assert not [path for _, path, _ in engine.asked if "_ilm" in path]


def test_opensearch_has_another_name_for_free_attributes(engine):
    engine.modules = ["opensearch-security"]
    set_up(Engine(engine.settings), engine.settings)
    (body,) = engine.sent("PUT", f"/_index_template/{STREAM}")
    assert body["template"]["mappings"]["properties"]["attributes"] == {"type": "flat_object"}


def test_an_engine_with_life_cycles_gets_the_retention(engine):
    engine.modules = ["x-pack-core", "x-pack-ilm"]
    engine.indices = {index(1): 0, index(2): 0}
    set_up(Engine(engine.settings), engine.settings)
    assert engine.sent("PUT", f"/_ilm/policy/{STREAM}") == [policy(10 * DAY)]
    (body,) = engine.sent("PUT", f"/_index_template/{STREAM}")
    assert body["template"]["settings"]["index"]["lifecycle"] == {"name": STREAM}
    assert retain(Engine(engine.settings), engine.settings, 0) == []
    assert len(engine.indices) == 2


def test_a_stream_that_is_there_takes_new_fields(engine):
    set_up(Engine(engine.settings), engine.settings)
    assert not engine.sent("PUT", f"/{STREAM}/_mapping")
    engine.indices = {index(1): 0}
    set_up(Engine(engine.settings), engine.settings)
    assert len(engine.sent("PUT", f"/{STREAM}/_mapping")) == 1


def test_what_is_past_retention_is_deleted_and_nothing_else(engine):
    now = 100 * DAY
    engine.rolls = False
    engine.indices = {index(i): now - age * DAY for i, age in enumerate((13, 12, 11, 9), start=1)}
    # index 3 was made 11 days ago, but ended only 9 days ago
    assert retain(Engine(engine.settings), engine.settings, now / 1000) == [index(1), index(2)]
    assert list(engine.indices) == [index(3), index(4)]
    (body,) = engine.sent("POST", f"/{STREAM}/_rollover")
    assert body["conditions"]["max_age"] == f"{DAY}ms"
    assert body["conditions"]["min_docs"] == 1


def test_an_index_that_was_just_ended_is_kept_for_the_retention(engine):
    engine.now = 100 * DAY
    engine.indices = {index(1): 0}
    assert retain(Engine(engine.settings), engine.settings, 100 * DAY / 1000) == []
    assert list(engine.indices) == [index(1), index(2)]
    engine.rolls = False
    assert retain(Engine(engine.settings), engine.settings, 110 * DAY / 1000) == []
    assert retain(Engine(engine.settings), engine.settings, (110 * DAY + 1) / 1000) == [index(1)]


def test_no_event_decides_how_long_its_index_is_kept(engine):
    now = 100 * DAY
    engine.rolls = False
    engine.indices = {index(i): now - age * DAY for i, age in enumerate((12, 11, 9), start=1)}
    # of a clock that is 70 years ahead, and of one that is 5 years behind
    engine.events = {index(1): now + 70 * 365 * DAY, index(2): now - 5 * 365 * DAY}
    assert retain(Engine(engine.settings), engine.settings, now / 1000) == [index(1)]
    assert list(engine.indices) == [index(2), index(3)]


def test_a_stream_without_events_is_left_alone(engine):
    assert retain(Engine(engine.settings), engine.settings, 0) == []
    assert not engine.sent("POST", f"/{STREAM}/_rollover")


@pytest.mark.parametrize(("retention", "rollover"), [(HOUR, HOUR), (24 * HOUR, 3 * HOUR), (365 * DAY, DAY)])
def test_indices_are_shorter_than_the_retention(retention, rollover):
    assert rollover_ms(retention) == rollover


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, UnavailableError), (429, UnavailableError), (503, UnavailableError), (400, RefusedError)],
)
def test_what_can_pass_is_told_from_what_cannot(engine, status, error):
    asking = Engine(engine.settings)
    engine.status = status
    with pytest.raises(error, match=str(status)):
        asking.ask("GET", "/_nodes")


def test_only_the_given_authority_is_trusted(engine, tmp_path_factory, monkeypatch):
    # what the environment says does not count
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt")
    Engine(engine.settings)
    other, *_ = write_certificates(tmp_path_factory.mktemp("other"))
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        Engine(replace(engine.settings, ca=str(other)))
