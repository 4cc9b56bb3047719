"""Whether the platform is whole, and what the faults do with its pods."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaException

from tests.support import kafka
from tests.support.sandbox import Sandbox

SPACE = ("-n", "kafkalogs")
BROKERS = ("logs-kafka-0", "logs-kafka-1", "logs-kafka-2")
BACK_SECONDS = 420


def whole(platform: Sandbox) -> bool:
    """Every pod is ready, every replica in sync, every connector and the stream job run."""
    try:
        return not _unready_pods(platform) and in_sync(platform) and _running(platform)
    except (AssertionError, KeyError, OSError, KafkaException):
        return False


def _unready_pods(platform: Sandbox) -> list[str]:
    return [
        pod["metadata"]["name"] for pod in platform.get("pods")["items"] if not _has_ended(pod) and not _is_ready(pod)
    ]


def _has_ended(pod: dict[str, Any]) -> bool:
    """Whether nothing more is expected of a pod. Jobs leave the pods that failed, and try again with others."""
    of_job = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))
    return pod["status"]["phase"] == "Succeeded" or (of_job and pod["status"]["phase"] == "Failed")


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    there = "deletionTimestamp" not in pod["metadata"]
    return there and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def in_sync(platform: Sandbox) -> bool:
    """Whether every replica of the topics of services is in sync."""
    topics = kafka.admin(platform, "team-operations").list_topics(timeout=30).topics
    partitions = [p for topic in topics.values() for p in topic.partitions.values()]
    return bool(partitions) and all(len(p.isrs) == len(p.replicas) for p in partitions)


def _running(platform: Sandbox) -> bool:
    connectors = platform.get("kafkaconnectors")["items"]
    states = [
        state["state"]
        for status in (c["status"]["connectorStatus"] for c in connectors)
        for state in (status["connector"], *status["tasks"])
    ]
    job = platform.get("flinkdeployment", "stream")["status"]["jobStatus"]["state"]
    return set(states) == {"RUNNING"} and job == "RUNNING"


def forget_restarts(platform: Sandbox) -> None:
    """Let the operator restart a failed connector at once, however often earlier faults have made it restart.

    After each restart the operator waits longer, up to an hour, so a fault would be blamed for those before it.
    """
    for connector in platform.get("kafkaconnectors")["items"]:
        if connector.get("status", {}).get("autoRestart"):
            name = f"kafkaconnector/{connector['metadata']['name']}"
            nothing = '{"status":{"autoRestart":null}}'
            platform.kubectl(*SPACE, "patch", name, "--subresource=status", "--type=merge", "-p", nothing)


def kill(platform: Sandbox, *pods: str) -> None:
    """Kill pods at once, as a node that dies does."""
    platform.kubectl(*SPACE, "delete", "pod", *pods, "--grace-period=0", "--force")


def pods(platform: Sandbox) -> list[str]:
    """The names of the pods that run."""
    found = platform.get("pods")["items"]
    return sorted(p["metadata"]["name"] for p in found if p["status"]["phase"] == "Running")


def back(platform: Sandbox) -> None:
    """Wait until all pods are ready."""
    platform.wait("all pods are ready", lambda: not _unready_pods(platform), BACK_SECONDS)


def uid(platform: Sandbox, name: str) -> str:
    """The uid of a pod that is ready; empty if there is none."""
    found = [p for p in platform.get("pods")["items"] if p["metadata"]["name"] == name]
    return found[0]["metadata"]["uid"] if found and _is_ready(found[0]) else ""
