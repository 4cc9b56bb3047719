"""The real `pulumi preview` of a copy of the stack `local` with each mistake: refused before anything is registered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Sandbox

Change = Callable[[dict[str, Any]], Any]

MISTAKES: dict[str, tuple[Change, str]] = {
    "unknown key": (
        lambda c: c["services"]["nginx"].update(retenton="1h"),
        "services.nginx.retenton: '1h': unknown key; did you mean retention?",
    ),
    "name Kubernetes refuses": (
        lambda c: c["services"].update(Check_Out=dict(c["services"]["nginx"])),
        "services.Check_Out: 'Check_Out': not a name Kubernetes takes",
    ),
    "name Kafka refuses": (
        lambda c: c["services"]["order-service"].update(topic="logs order"),
        "services.order-service.topic: 'logs order': not a topic name Kafka takes",
    ),
    "two services, one topic": (
        lambda c: c["services"]["order-service"].update(topic="logs.cart-service"),
        "the service cart-service already writes to it",
    ),
    "more copies than brokers": (
        lambda c: c["kafka"].update(replicationFactor=5),
        "kafka.replicationFactor: 5: more copies than the 3 brokers",
    ),
    "min ISR not below RF": (lambda c: c["kafka"].update(minInSyncReplicas=3), "kafka.minInSyncReplicas: 3"),
    "unit": (lambda c: c["retention"].update(audit="1y"), "retention.audit: '1y': not a duration"),
    "zero rate": (lambda c: c["services"]["nginx"].update(rate="0B/s"), "services.nginx.rate: '0B/s'"),
    "negative rate": (lambda c: c["services"]["nginx"].update(rate="-1MiB/s"), "services.nginx.rate: '-1MiB/s'"),
    "partition key": (
        lambda c: c["services"]["nginx"].update(partitionBy="session"),
        "services.nginx.partitionBy: 'session': unknown value; write trace_id, instance_id or user_id",
    ),
    "topic that does not exist": (
        lambda c: c["teams"]["security"].update(reads=["logs.audt"]),
        "teams.security.reads.0: 'logs.audt': no service writes to this topic; did you mean logs.audit?",
    ),
    "disk": (lambda c: c["services"]["nginx"].update(rate="500MiB/s"), "on disk, but the brokers have"),
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A Pulumi state of its own and no cluster: the recorded kubeconfig leads nowhere."""
    state: Path = tmp_path_factory.mktemp("engine")
    box = Sandbox(state, "kafkalogs-none", 32490)
    box.load_env()
    box.env["KUBECONFIG"] = str(state / "no-kubeconfig")
    box.pulumi("stack", "init", "local")
    return box


def test_local_stack_file_is_left_as_it_is_by_making_the_stack(sandbox: Sandbox) -> None:
    done = sandbox.run("git", "status", "--porcelain", "--", "stacks")
    assert done.out == ""


@pytest.mark.engine
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_fails_the_preview_with_path_value_and_remedy(sandbox: Sandbox, name: str) -> None:
    change, line = MISTAKES[name]
    with sandbox.edited(change):
        result = sandbox.pulumi("preview", check=False)
    assert result.code != 0
    assert "kafkalogs:platform." in result.text
    assert line in result.text.replace("\n", " ").replace("  ", " "), result.text
    assert "Traceback" not in result.text
    assert "kubernetes:" not in result.text, "a resource was registered"


@pytest.mark.engine
def test_all_mistakes_of_a_file_are_reported_together(sandbox: Sandbox) -> None:
    def change(config: dict[str, Any]) -> None:
        for name in ("unknown key", "partition key", "topic that does not exist", "unit"):
            MISTAKES[name][0](config)

    with sandbox.edited(change):
        result = sandbox.pulumi("preview", check=False)
    for path in ("services.nginx.retenton", "services.nginx.partitionBy", "teams.security.reads.0", "retention.audit"):
        assert f"kafkalogs:platform.{path}:" in result.text, result.text


@pytest.mark.engine
def test_up_is_refused_in_the_same_way_and_leaves_an_empty_state(sandbox: Sandbox) -> None:
    with sandbox.edited(MISTAKES["unit"][0]):
        result = sandbox.up(check=False)
    assert result.code != 0
    state = json.loads(sandbox.pulumi("stack", "export", "-s", "local").out)["deployment"]
    assert [r["type"] for r in state.get("resources", []) if r["type"] != "pulumi:pulumi:Stack"] == []


@pytest.mark.engine
def test_a_shop_without_its_image_is_refused_before_anything_is_made(sandbox: Sandbox) -> None:
    with sandbox.edited(lambda platform: platform.update(operator="strimzi")):
        result = sandbox.up(check=False)
    assert result.code != 0
    assert "shop.enabled: true: its image comes from make cluster; run it" in result.text
    state = json.loads(sandbox.pulumi("stack", "export", "-s", "local").out)["deployment"]
    assert [r["type"] for r in state.get("resources", []) if r["type"] != "pulumi:pulumi:Stack"] == []


@pytest.mark.engine
def test_without_make_cluster_the_preview_says_so(sandbox: Sandbox) -> None:
    result = sandbox.pulumi("preview", check=False)
    assert result.code != 0
    assert "make cluster" in result.text
    assert "Traceback" not in result.text
