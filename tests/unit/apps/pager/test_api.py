"""The client of the Events API against the stand-in, over HTTPS on loopback: each answer that there is."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from pathlib import Path

import pytest
from pager import alert
from pager.api import Api, judge
from pagerduty.server import Server

from .world import KEY, OTHER_KEY, Tls, event, make_tls


def api(server: Server, ca: Path | None, host: str = "localhost", timeout: float = 5, path: str = "/v2/enqueue") -> Api:
    return Api(f"https://{host}:{server.server_port}{path}", ca, timeout)


def trigger(key: str = KEY, dedup_key: str = "a/b") -> bytes:
    return alert.encode(alert.trigger(key, dedup_key, alert.parse(event()).payload, {"records": 1}))


def test_an_event_is_accepted(pagerduty: Server, tls: Tls):
    assert api(pagerduty, tls.ca).send(trigger()).outcome == "accepted"
    (incident,) = pagerduty.alerts.all()
    assert (incident["dedup_key"], incident["status"], incident["client"]) == ("a/b", "triggered", "kafkalogs")
    assert incident["payload"]["custom_details"]["records"] == 1
    assert api(pagerduty, tls.ca).send(alert.encode(alert.resolve(KEY, "a/b"))).outcome == "accepted"
    assert pagerduty.alerts.all()[0]["status"] == "resolved"


def test_an_unknown_routing_key_is_no_fault_of_the_event(pagerduty: Server, tls: Tls):
    answer = api(pagerduty, tls.ca).send(trigger(OTHER_KEY))
    assert (answer.outcome, answer.reason) == ("unknown key", "key")
    assert "Invalid routing key" in answer.detail
    assert OTHER_KEY not in answer.detail


@pytest.mark.parametrize(
    ("kind", "outcome", "reason"),
    [
        ("400", "rejected", "400"),
        ("429", "throttled", "429"),
        ("500", "failed", "5xx"),
        ("503", "failed", "5xx"),
        ("refuse", "failed", "network"),
        ("lose", "failed", "network"),
    ],
)
def test_failures_that_are_asked_for(pagerduty: Server, tls: Tls, kind: str, outcome: str, reason: str):
    assert pagerduty.troubles.ask({"kind": kind, "count": 1}) == ""
    answer = api(pagerduty, tls.ca).send(trigger())
    assert (answer.outcome, answer.reason) == (outcome, reason)
    # an answer that is lost is one of an event that was taken
    assert len(pagerduty.alerts.all()) == (1 if kind == "lose" else 0)
    assert api(pagerduty, tls.ca).send(trigger()).outcome == "accepted"
    assert len(pagerduty.alerts.all()) == 1


def test_a_server_that_does_not_answer_is_not_waited_for(pagerduty: Server, tls: Tls):
    pagerduty.troubles.ask({"kind": "hang", "count": 1})
    begin = time.monotonic()
    answer = api(pagerduty, tls.ca, timeout=0.5).send(trigger())
    assert (answer.outcome, answer.reason) == ("failed", "network")
    assert time.monotonic() - begin < 5
    assert pagerduty.alerts.all() == []


def test_nobody_listens(tls: Tls):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert Api(f"https://localhost:{port}/v2/enqueue", tls.ca, 5).send(trigger()).reason == "network"


def test_a_name_that_there_is_not(tls: Tls):
    assert Api("https://pagerduty.invalid/v2/enqueue", tls.ca, 5).send(trigger()).reason == "network"


def test_another_authority_is_not_trusted(pagerduty: Server, tls: Tls, tmp_path: Path):
    for ca in (make_tls(tmp_path).ca, None):
        answer = api(pagerduty, ca).send(trigger())
        assert (answer.outcome, answer.reason) == ("failed", "network")
        assert "CERTIFICATE_VERIFY_FAILED" in answer.detail
    assert pagerduty.alerts.all() == []


def test_the_host_name_is_checked(pagerduty: Server, tls: Tls):
    answer = api(pagerduty, tls.ca, host="127.0.0.1").send(trigger())
    assert "CERTIFICATE_VERIFY_FAILED" in answer.detail


def test_a_renewed_authority_is_used_without_a_restart(pagerduty: Server, tls: Tls, tmp_path: Path):
    old = make_tls(tmp_path).ca
    client = api(pagerduty, old)
    assert client.send(trigger()).outcome == "failed"
    shutil.copy(tls.ca, old)
    os.utime(old, ns=(1, 1))
    assert client.send(trigger()).outcome == "accepted"
    old.unlink()
    assert client.send(trigger()).reason == "network", "no trust without the authority"


def test_a_wrong_address_says_nothing_about_the_event(pagerduty: Server, tls: Tls):
    answer = api(pagerduty, tls.ca, path="/v1/enqueue").send(trigger())
    assert (answer.outcome, answer.reason) == ("failed", "other")


def test_the_routing_key_is_never_sent_in_the_clear():
    for url in ("http://localhost/v2/enqueue", "localhost", "https:///v2/enqueue"):
        with pytest.raises(ValueError, match="no https address"):
            Api(url, None, 1)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(202, "accepted"), (200, "failed"), (302, "failed"), (401, "failed"), (404, "failed"), (413, "rejected"),
     (429, "throttled"), (400, "failed"), (500, "failed"), (599, "failed")],
)  # fmt: skip
def test_each_status_has_a_meaning(status: int, outcome: str):
    assert judge(status, b"\xff some text").outcome == outcome


def answer_of(*errors: str, status: str = "invalid event") -> bytes:
    return json.dumps({"status": status, "message": "Event object is invalid", "errors": errors}).encode()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        # as PagerDuty writes them, by reports of its users
        (answer_of("Invalid routing key"), "unknown key"),
        (answer_of("Length of 'routing_key' is incorrect (should be 32 characters)"), "unknown key"),
        (answer_of("'routing_key' cannot contain non-alphanumeric characters."), "unknown key"),
        (b"Invalid routing key", "unknown key"),
        # of both, the key has to be mended first
        (answer_of("'payload.summary' is missing or blank", "Invalid routing key"), "unknown key"),
        (answer_of("'payload.summary' is missing or blank"), "rejected"),
        (answer_of("JSON parse error", status="Unrecognized object"), "rejected"),
        # what refuses without a word about the event is no PagerDuty
        (b"<html>400 Bad Request: plain HTTP request was sent to HTTPS port</html>", "failed"),
        (b"", "failed"),
        (b'{"errors": []}', "failed"),
        (b"[" * 100_000, "failed"),
    ],
)
def test_a_400_is_about_the_event_only_when_it_says_so(body: bytes, outcome: str):
    assert judge(400, body).outcome == outcome


def test_what_answers_something_else_than_http(tls: Tls):
    """A port that speaks no TLS at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        answer = Api(f"https://localhost:{server.getsockname()[1]}/", tls.ca, 0.5).send(trigger())
    assert answer.reason == "network"
