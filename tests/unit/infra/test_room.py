"""`local` fits on two cores, also with the operators of Strimzi and Flink, and with room for a rolling update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kafkalogs.config.units import parse_cpu

from tests.support.render import REPO, render_config

NODE = 2000
KUBERNETES = 850
"""What kind's own pods request: API server 250, controller manager 200, scheduler, etcd, DNS and network 100 each."""
LARGEST_UPDATE = 80
"""A Deployment of the platform starts its new pod before the old one ends."""

Found = Iterator[tuple[str, int]]


def requests(operator: str) -> dict[str, int]:
    """The CPU that each workload requests; thousandths of a core."""
    values = yaml.safe_load((REPO / "stacks" / "Pulumi.local.yaml").read_text())["config"]
    found: dict[str, int] = {}
    for resource in render_config(values, "local", operator=operator):
        for name, cpu in _cpu(resource.type.rpartition(":")[2], resource.properties):
            found[f"{resource.name}/{name}"] = cpu
    return found


def _cpu(kind: str, properties: dict[str, Any]) -> Found:
    spec = properties.get("spec", {})
    if kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for container in spec["template"]["spec"]["containers"]:
            yield container["name"], int(spec.get("replicas", 1)) * _of(container)
    elif kind in ("KafkaNodePool", "KafkaConnect"):
        yield kind, int(spec["replicas"]) * _of(spec)
    elif kind == "Kafka":
        for name in ("topicOperator", "userOperator"):
            yield name, _of(spec["entityOperator"][name])
    elif kind == "FlinkDeployment":
        for name in ("jobManager", "taskManager"):
            yield name, round(float(spec[name]["resource"]["cpu"]) * 1000)
    elif kind == "Release":
        yield "operator", _of(properties["values"].get("operatorPod", properties["values"]))


def _of(holder: dict[str, Any]) -> int:
    return parse_cpu(holder["resources"]["requests"]["cpu"])


@pytest.mark.parametrize("operator", ["embedded", "strimzi"])
def test_local_fits_on_two_cores(operator: str) -> None:
    found = requests(operator)
    assert {"logs-kafka", "stream"} <= {name.split("/")[0] for name in found}
    assert sum(found.values()) + KUBERNETES + LARGEST_UPDATE <= NODE, found
