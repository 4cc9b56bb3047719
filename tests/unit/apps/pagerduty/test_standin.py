"""The stand-in for PagerDuty keeps alerts as the Events API documents it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pagerduty.alerts import Alerts, fingerprint
from pagerduty.server import Server

from tests.unit.apps.pager.world import KEY, OTHER_KEY, TOKEN, Tls

REPOSITORY = Path(__file__).resolve().parents[4]
PAYLOAD = {"summary": "it failed", "source": "here", "severity": "critical"}


def send(alerts: Alerts, action: str, dedup_key: str | None = "a/b", key: str = KEY, **more: Any) -> dict[str, Any]:
    event = {"routing_key": key, "event_action": action, "dedup_key": dedup_key, "payload": PAYLOAD, **more}
    status, answer = alerts.enqueue(json.dumps({k: v for k, v in event.items() if v is not None}).encode())
    return {"status_code": status, **answer}


def of(alerts: Alerts) -> list[tuple[str, str, int]]:
    return [(alert["dedup_key"], alert["status"], alert["triggers"]) for alert in alerts.all()]


def test_repeats_go_to_the_open_alert_and_a_resolved_one_is_followed_by_a_new_one():
    alerts = Alerts(lambda: {KEY, OTHER_KEY})
    assert send(alerts, "trigger") == {
        "status_code": 202, "status": "success", "message": "Event processed", "dedup_key": "a/b",
    }  # fmt: skip
    send(alerts, "trigger", payload={**PAYLOAD, "summary": "again"})
    assert of(alerts) == [("a/b", "triggered", 2)]
    assert alerts.all()[0]["payload"]["summary"] == "again"
    send(alerts, "acknowledge")
    assert of(alerts) == [("a/b", "acknowledged", 2)]
    send(alerts, "resolve", key=OTHER_KEY)
    assert of(alerts) == [("a/b", "acknowledged", 2)], "of another routing key: dropped"
    send(alerts, "resolve")
    send(alerts, "resolve")
    send(alerts, "acknowledge")
    assert of(alerts) == [("a/b", "resolved", 2)]
    send(alerts, "trigger")
    assert of(alerts) == [("a/b", "resolved", 2), ("a/b", "triggered", 1)]
    assert {alert["key"] for alert in alerts.all()} == {fingerprint(KEY)}
    assert KEY not in json.dumps(alerts.all())


def test_each_trigger_without_a_dedup_key_is_an_alert_of_its_own():
    alerts = Alerts(lambda: {KEY})
    keys = {send(alerts, "trigger", None)["dedup_key"] for _ in range(3)}
    assert len(keys) == len(alerts.all()) == 3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"routing_key": OTHER_KEY}, "Invalid routing key"),
        ({"routing_key": "short"}, "wrong length"),
        ({"routing_key": None}, "'routing_key' is missing"),
        ({"event_action": "close"}, "'event_action' is none of"),
        ({"dedup_key": "k" * 256}, "too long (maximum is 255"),
        ({"event_action": "resolve", "dedup_key": None}, "'dedup_key' is missing"),
        ({"payload": None}, "'payload' is missing"),
        ({"payload": {**PAYLOAD, "summary": "s" * 1025}}, "too long (maximum is 1024"),
        ({"payload": {**PAYLOAD, "severity": "fatal"}}, "'severity' is none of"),
        ({"payload": {**PAYLOAD, "source": " "}}, "'source' is missing"),
        ({"payload": {**PAYLOAD, "timestamp": "now"}}, "'timestamp' is not"),
        ({"payload": {**PAYLOAD, "custom_details": "x"}}, "'custom_details' is no object"),
        ({"client": "x" * 600_000}, "larger than"),
    ],
)
def test_what_is_against_the_reference_is_refused(change: dict[str, Any], fault: str):
    alerts = Alerts(lambda: {KEY})
    event = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "a", "payload": PAYLOAD, **change}
    status, answer = alerts.enqueue(json.dumps({k: v for k, v in event.items() if v is not None}).encode())
    assert (status, answer["status"], answer["message"]) == (400, "invalid event", "Event object is invalid")
    assert fault in " ".join(answer["errors"])
    assert alerts.all() == []


@pytest.mark.parametrize("body", [b"", b"text", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes):
    status, answer = Alerts(lambda: {KEY}).enqueue(body)
    assert (status, answer["status"]) == (400, "Unrecognized object")


def request(server: Server, tls: Tls, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    context = ssl.create_default_context(cafile=tls.ca)
    connection = http.client.HTTPSConnection("localhost", server.server_port, timeout=10, context=context)
    connection.request(method, path, json.dumps(body), {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_all_but_events_needs_the_token(pagerduty: Server, tls: Tls):
    for token in ("", "wrong", f"{TOKEN}x"):
        for method, path in (
            ("GET", "/incidents"), ("DELETE", "/incidents"), ("POST", "/trouble"), ("DELETE", "/trouble"),
        ):  # fmt: skip
            assert request(pagerduty, tls, method, path, {"kind": "429"}, token)[0] == 404
    assert pagerduty.troubles.next() is None
    assert request(pagerduty, tls, "GET", "/incidents") == (200, {"incidents": [], "troubles": 0})


def test_without_a_token_nobody_gets_in(tls: Tls, pagerduty: Server):
    pagerduty.token = lambda: ""
    assert request(pagerduty, tls, "GET", "/incidents", token="")[0] == 404


def test_failures_last_as_long_as_was_asked(pagerduty: Server, tls: Tls):
    assert request(pagerduty, tls, "POST", "/trouble", {"kind": "500", "count": 2})[0] == 200
    event = {"routing_key": KEY, "event_action": "trigger", "payload": PAYLOAD}
    assert [request(pagerduty, tls, "POST", "/v2/enqueue", event)[0] for _ in range(3)] == [500, 500, 202]
    request(pagerduty, tls, "POST", "/trouble", {"kind": "429", "seconds": 0.2})
    assert request(pagerduty, tls, "POST", "/v2/enqueue", event)[0] == 429
    time.sleep(0.3)
    assert request(pagerduty, tls, "POST", "/v2/enqueue", event)[0] == 202
    request(pagerduty, tls, "POST", "/trouble", {"kind": "503"})
    request(pagerduty, tls, "DELETE", "/trouble")
    assert request(pagerduty, tls, "POST", "/v2/enqueue", event)[0] == 202
    for wrong in ({}, {"kind": "418"}, {"kind": "429", "count": 0}, {"kind": "429", "seconds": "x"}, [], None):
        assert request(pagerduty, tls, "POST", "/trouble", wrong)[0] == 400


def test_a_client_that_says_nothing_keeps_no_other_waiting(pagerduty: Server, tls: Tls):
    with socket.create_connection(("127.0.0.1", pagerduty.server_port)):
        assert request(pagerduty, tls, "GET", "/healthz")[0] == 200


def test_the_oldest_alerts_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pagerduty.alerts.MOST_ALERTS", 3)
    alerts = Alerts(lambda: {KEY})
    for n in range(5):
        send(alerts, "trigger", f"k{n}")
    assert [key for key, _, _ in of(alerts)] == ["k2", "k3", "k4"]
    send(alerts, "trigger", "k0")
    assert of(alerts)[-1] == ("k0", "triggered", 1), "forgotten, so it is new"


def test_the_program_serves_and_answers_its_own_questions(tls: Tls, tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "token").write_text(TOKEN)
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "apps"),
        "PAGERDUTY_PORT": str(port),
        "PAGERDUTY_CERTS": str(tls.ca.parent),
        "PAGERDUTY_ROUTING_KEY": str(tmp_path / "key"),
        "PAGERDUTY_TOKEN": str(tmp_path / "token"),
    }
    command = [sys.executable, "-m", "pagerduty"]

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *words], env=environment, capture_output=True, text=True, check=False)

    assert ask("incidents").returncode == 1, "nobody serves yet"
    served = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while (found := ask("incidents")).returncode and time.monotonic() < deadline:
            time.sleep(0.1)
        assert json.loads(found.stdout)["incidents"] == []
        assert ask("fail", "429", "2", "60").returncode == 0
        assert ask("recover").returncode == ask("forget").returncode == 0
        assert ask("fail", "418").returncode == 1
        assert ask("fail", "429", "many").returncode == 2
    finally:
        served.terminate()
        assert served.wait(20) == 0
