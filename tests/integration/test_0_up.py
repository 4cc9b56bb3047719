"""`make up` ends with a report of a platform that works: the shop logs, nothing else can write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import kafka
from tests.support.sandbox import Sandbox


def test_the_report_shows_what_runs(platform: Sandbox) -> None:
    report = (platform.state / "up.txt").read_text()
    flows = ("logs.checkout-service", "logs.access", "logs.audit", "Topic authorization failed", "make down")
    readers = ("subjects registered", "logs-application-default", "table logs.events", "incidents of the stand-in")
    for part in (*flows, *readers, "lag of connect-archive", "lag of stream.logs", "/_search?q=level:error"):
        assert part in report, part


def test_the_shop_writes_traces_that_span_services(platform: Sandbox) -> None:
    topics = ["logs.checkout-service", "logs.payment-service", "logs.order-service"]
    services: dict[str, set[str]] = {}
    for message in kafka.read_all(platform, "team-operations", topics):
        event = json.loads(message.value() or b"")
        assert set(event) >= {"timestamp", "service", "level", "message", "trace_id", "span_id", "instance"}
        assert message.topic() == f"logs.{event['service']}"
        assert (message.key() or b"").decode() == event["trace_id"]
        services.setdefault(event["trace_id"], set()).add(event["service"])
    assert any(len(seen) > 1 for seen in services.values())


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("kubectl -n kafkalogs get kafkatopics", "logs.checkout-service"),
        ("kafkalogs replay LICENSE --service catalog-service", "sent"),
        ("pulumi preview -s local --policy-pack policy", "(local: policy)"),
        # The stack file of the checkout lacks a service that the tests have: that loses its logs.
        ("pulumi preview -s local --json | kafkalogs plan", "logs.quota-probe"),
    ],
)
def test_a_command_of_the_readme(platform: Sandbox, command: str, shown: str) -> None:
    # The exit code of a plan says what it has found.
    result = platform.run("bash", "-c", command, check="plan" not in command)
    assert shown in result.text, result.text


def test_switching_the_shop_off_removes_it_and_nothing_else(platform: Sandbox) -> None:
    """The tests after this one count records, so nothing else may write."""

    def change(config: dict[str, Any]) -> None:
        config["shop"]["enabled"] = False

    topics = [t["metadata"]["uid"] for t in platform.get("kafkatopics")["items"]]
    platform.edit(change)
    platform.up()
    left = {d["metadata"]["name"] for d in platform.get("deployments")["items"]}
    assert "checkout-service" not in left
    assert [t["metadata"]["uid"] for t in platform.get("kafkatopics")["items"]] == topics
    shop = ("pods", "-l", "app.kubernetes.io/part-of=shop")
    platform.wait("its pods are gone", lambda: not platform.get(*shop)["items"], 90)
