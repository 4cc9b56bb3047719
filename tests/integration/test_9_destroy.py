"""`pulumi destroy` leaves nothing behind and does not hang."""

from __future__ import annotations

import json
import re

from tests.support.sandbox import Sandbox

# What belongs to a platform and is in no namespace. Definitions stay where a stack says so.
CLUSTER_WIDE = (
    *("clusterroles", "clusterrolebindings", "validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    *("validatingwebhookconfigurations", "mutatingwebhookconfigurations", "priorityclasses", "storageclasses"),
    *("customresourcedefinitions", "apiservices"),
)
OURS = re.compile(r"kafkalogs|strimzi|flink|logs-kafka")


def cluster_wide(platform: Sandbox) -> set[str]:
    """The platform's objects that are in no namespace."""
    listed = platform.kubectl("get", ",".join(CLUSTER_WIDE), "-o", "name").split()
    return {name for name in listed if OURS.search(name)}


def test_destroy_removes_everything_and_ends(platform: Sandbox) -> None:
    assert cluster_wide(platform), "the test would see nothing"
    result = platform.pulumi("destroy", "--yes", "--skip-preview", timeout=700)
    # 76 s, and as long again on a busy machine; each missed event (docs/troubleshooting.md) adds 30 or 90 s.
    assert result.seconds < 480, f"{result.seconds:.0f} s"
    namespaces = json.loads(platform.kubectl("get", "namespaces", "-o", "json"))["items"]
    assert "kafkalogs" not in {n["metadata"]["name"] for n in namespaces}
    platform.wait(
        "no volume is left", lambda: not json.loads(platform.kubectl("get", "pv", "-o", "json"))["items"], 120
    )
    state = json.loads(platform.pulumi("stack", "export", "-s", "local").out)
    assert [r["type"] for r in state["deployment"].get("resources", []) if "kafka.strimzi.io" in r["type"]] == []
    assert cluster_wide(platform) == set()
