"""The hooks that tell why a resource is not ready. tests/engine has them in the real `pulumi up`."""

from __future__ import annotations

import threading
from typing import Any

import pulumi
import pytest
import waiting
from kafkalogs.client.cluster_access import AccessError

FLINK = "kubernetes:flink.apache.org/v1beta1:FlinkDeployment"
INPUTS = {"metadata": {"name": "stream", "namespace": "kafkalogs"}}


class Watched(waiting.Reasons):
    """Reads states from a list, the last one again and again."""

    def __init__(self, *states: str | None) -> None:
        self.cancelled = threading.Event()
        super().__init__(None, self.cancelled.set)
        self.states = list(states)
        self.reads = 0

    def _read(self, type_: str, inputs: Any) -> dict[str, Any]:
        self.reads += 1
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise AccessError("not there")
        return {"kind": "FlinkDeployment", "status": {"lifecycleState": state}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(waiting, "_INTERVAL", 0.01)
    monkeypatch.setattr(waiting, "PATIENCE", 0.1)
    for level in ("warn", "error"):
        monkeypatch.setattr(pulumi.log, level, said.append)
    return said


def hook(failed: str = "create") -> Any:
    return pulumi.ErrorHookArgs("urn", "", "stream", FLINK, INPUTS, failed_operation=failed)


def begun(reasons: Watched) -> None:
    reasons.begin(pulumi.ResourceHookArgs("urn", "", "stream", FLINK, INPUTS))


def test_a_job_that_stays_failed_ends_the_update(quick: list[str]) -> None:
    reasons = Watched(None, "DEPLOYED", "FAILED")
    begun(reasons)
    assert reasons.cancelled.wait(5)
    assert quick == ["FlinkDeployment kafkalogs/stream has failed for good: Pulumi is told to stop waiting for it"]
    assert reasons.tell(hook()) is False
    assert quick[1:] == ["FlinkDeployment kafkalogs/stream: the job is FAILED"]


@pytest.mark.parametrize("states", [["FAILED", "FAILED", "UPGRADING"], ["STABLE"], [None]])
def test_a_job_that_is_replaced_or_runs_is_waited_for(states: list[str | None]) -> None:
    reasons = Watched(*states)
    begun(reasons)
    assert not reasons.cancelled.wait(0.4)
    assert reasons.reads > 3
    reasons.end(pulumi.ResourceHookArgs("urn", "", "stream", FLINK, INPUTS))


def test_a_wait_that_is_over_is_not_ended_again() -> None:
    reasons = Watched("FAILED")
    begun(reasons)
    reasons.end(pulumi.ResourceHookArgs("urn", "", "stream", FLINK, INPUTS))
    assert not reasons.cancelled.wait(0.4)


@pytest.mark.parametrize("kind", ["core/v1:ConfigMap", "apps/v1:Deployment", "kafka.strimzi.io/v1:KafkaNodePool"])
def test_resources_without_a_reason_are_left_alone(kind: str) -> None:
    args = pulumi.ResourceTransformationArgs(None, f"kubernetes:{kind}", "x", {}, pulumi.ResourceOptions())
    assert waiting.Reasons(None).add(args) is None
