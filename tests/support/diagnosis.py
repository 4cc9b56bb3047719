"""What a platform looks like at the moment when a test fails: the log of the run is all that is left of it."""

from __future__ import annotations

import os
from typing import Any

from tests.support.sandbox import Sandbox

WARNINGS = 12


def diagnosis(platform: Sandbox) -> str:
    """The pods that are not well, what waits for its operator, the newest warnings; never raises."""
    try:
        lines = [*_pods(platform), *_objects(platform), *_warnings(platform)]
    except Exception as error:  # the test's own failure is what matters
        lines = [f"no more is known: {type(error).__name__}: {error}"[:400]]
    return "\n".join([f"load {os.getloadavg()[0]:.0f}", *lines])


def _pods(platform: Sandbox) -> list[str]:
    found: list[str] = []
    for pod in platform.get("pods")["items"]:
        status = pod["status"]
        for container in status.get("containerStatuses", []):
            if container["ready"] and not container["restartCount"]:
                continue
            if status["phase"] == "Succeeded":
                continue
            ended = container.get("lastState", {}).get("terminated", {})
            words = [pod["metadata"]["name"], container["name"], *container["state"]]
            words += ["ready" if container["ready"] else "not ready", f"{container['restartCount']} restarts"]
            words += [f"ended with {ended.get('exitCode')} at {ended.get('finishedAt')}"] if ended else []
            found.append(" ".join(map(str, words)))
    return found


def _objects(platform: Sandbox) -> list[str]:
    kinds = "kafka,kafkaconnect,kafkaconnector,kafkatopic,kafkauser,flinkdeployment"
    found: list[str] = []
    for item in platform.get(kinds)["items"]:
        status: dict[str, Any] = item.get("status", {})
        name = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] == "FlinkDeployment":
            job = status.get("jobStatus", {})
            found.append(f"{name}: {status.get('lifecycleState')} {job.get('state')} {status.get('error', '')}"[:300])
            continue
        ready = [c for c in status.get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"]
        current = status.get("observedGeneration") == item["metadata"]["generation"]
        if not ready or not current:
            why = "; ".join(f"{c.get('reason')}: {c.get('message')}" for c in status.get("conditions", []))
            found.append(f"{name}: {'not ready' if not ready else 'not of this generation'} {why}"[:300])
    return found


def _warnings(platform: Sandbox) -> list[str]:
    events = [e for e in platform.get("events")["items"] if e.get("type") == "Warning"]
    events.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime")))
    return [
        f"{e.get('lastTimestamp') or e.get('eventTime')} {e['involvedObject']['name']}: {e.get('message', '')}"[:200]
        for e in events[-WARNINGS:]
    ]
