"""What operators say of their resources, in few words."""

from __future__ import annotations

from typing import Any

import pytest
from kafkalogs.kube.status import why_not_ready


def conditions(*listed: dict[str, str]) -> dict[str, Any]:
    return {"kind": "Kafka", "status": {"conditions": list(listed)}}


def flink(**status: str) -> dict[str, Any]:
    return {"kind": "FlinkDeployment", "status": status}


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (conditions({"type": "Ready", "status": "True"}), ""),
        (conditions({"type": "Warning", "status": "True"}, {"type": "Ready", "status": "True"}), ""),
        (
            conditions({"type": "NotReady", "status": "True", "reason": "InvalidResource", "message": "no pools"}),
            "InvalidResource: no pools",
        ),
        (conditions({"type": "Ready", "status": "False", "reason": "NotSupported"}), "NotSupported"),
        (conditions({"type": "Ready", "status": "False"}), "not Ready"),
        (conditions({"type": "ReconciliationPaused", "status": "True"}), "ReconciliationPaused"),
        (conditions(), "the operator has not reconciled it"),
        ({"kind": "Kafka"}, "the operator has not reconciled it"),
        (flink(lifecycleState="STABLE"), ""),
        (flink(lifecycleState="DEPLOYED"), "the job is DEPLOYED"),
        (
            flink(lifecycleState="FAILED", error='{"type":"JobException","message":"it broke"}'),
            "FAILED: it broke",
        ),
        (flink(error='{"type":"ReconciliationException"}'), "ReconciliationException"),
        (flink(lifecycleState="UPGRADING", error="no JSON"), "UPGRADING: no JSON"),
        ({"kind": "FlinkDeployment"}, "the operator has not reconciled it"),
    ],
)
def test_a_resource_gives_its_operators_reason(resource: dict[str, Any], said: str) -> None:
    assert why_not_ready(resource) == said
