"""The alerts of each routing key, and the API's answer to an event."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

EVENT_BYTES = 512 * 1024
MOST_ALERTS = 10_000

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")

Answer = tuple[int, dict[str, Any]]
"""HTTP status and body."""


@dataclass(slots=True)
class Alert:
    """One alert. Times in RFC 3339.

    key: fingerprint of its routing key. client: the sender's name. events: accepted events, with triggers.
    payload: of the last trigger.
    """

    id: str
    key: str
    dedup_key: str
    created: str
    updated: str
    client: str = ""
    status: str = "triggered"
    resolved: str | None = None
    events: int = 0
    triggers: int = 0
    payload: dict[str, Any] = field(default_factory=dict[str, Any])


class Alerts:
    """All alerts. keys: returns the valid routing keys."""

    def __init__(self, keys: Callable[[], set[str]]) -> None:
        self._lock = threading.Lock()
        self._keys = keys
        self._all: list[Alert] = []
        self._open: dict[tuple[str, str], Alert] = {}

    def enqueue(self, body: bytes) -> Answer:
        """Process one event."""
        if len(body) > EVENT_BYTES:
            return invalid(f"Event is larger than {EVENT_BYTES} bytes")
        try:
            event = json.loads(body)
        except (ValueError, RecursionError):
            return 400, {
                "status": "Unrecognized object",
                "message": "Event object format is unrecognized",
                "errors": ["JSON parse error"],
            }
        faults = faults_of(event)
        if not faults and event["routing_key"] not in self._keys():
            faults = ["Invalid routing key"]
        if faults:
            return invalid(*faults)
        dedup_key = event.get("dedup_key") or uuid.uuid4().hex
        self._apply(event, dedup_key)
        return 202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key}

    def all(self) -> list[dict[str, Any]]:
        """Every alert, the oldest first."""
        with self._lock:
            return [asdict(alert) for alert in self._all]

    def clear(self) -> None:
        """Forget all alerts."""
        with self._lock:
            self._all.clear()
            self._open.clear()

    def _apply(self, event: dict[str, Any], dedup_key: str) -> None:
        now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
        action, place = event["event_action"], (event["routing_key"], dedup_key)
        with self._lock:
            alert = self._open.get(place)
            if alert is None:
                if action != "trigger":
                    return  # the alert is not open: drop the event
                alert = Alert(
                    uuid.uuid4().hex, fingerprint(place[0]), dedup_key, now, now, str(event.get("client", ""))
                )
                self._open[place] = alert
                self._all.append(alert)
                self._forget_the_oldest()
            alert.events += 1
            alert.updated = now
            if action == "trigger":
                alert.triggers += 1
                alert.payload = event["payload"]
            elif action == "acknowledge":
                alert.status = "acknowledged"
            else:
                alert.status, alert.resolved = "resolved", now
                del self._open[place]

    def _forget_the_oldest(self) -> None:
        while len(self._all) > MOST_ALERTS:
            oldest = self._all.pop(0)
            self._open = {place: alert for place, alert in self._open.items() if alert is not oldest}


def faults_of(event: Any) -> list[str]:
    """The faults of an event by the API's reference."""
    if not isinstance(event, dict):
        return ["Event is not an object"]
    faults: list[str] = []

    def text(holder: dict[str, Any], name: str, longest: int | None = None) -> str:
        value = holder.get(name)
        if not isinstance(value, str) or not value.strip():
            faults.append(f"'{name}' is missing or blank")
            return ""
        if longest is not None and len(value) > longest:
            faults.append(f"'{name}' is too long (maximum is {longest} characters)")
        return value

    key = text(event, "routing_key")
    if key and len(key) != 32:
        faults.append("'routing_key' is the wrong length (should be 32 characters)")
    action = text(event, "event_action")
    if action and action not in _ACTIONS:
        faults.append(f"'event_action' is none of {', '.join(_ACTIONS)}")
    if "dedup_key" in event or action in ("acknowledge", "resolve"):
        text(event, "dedup_key", 255)
    if action == "trigger":
        payload = event.get("payload")
        if not isinstance(payload, dict):
            return [*faults, "'payload' is missing or no object"]
        text(payload, "summary", 1024)
        text(payload, "source")
        if text(payload, "severity") and payload["severity"] not in _SEVERITIES:
            faults.append(f"'severity' is none of {', '.join(_SEVERITIES)}")
        if "timestamp" in payload and not _is_time(payload["timestamp"]):
            faults.append("'timestamp' is not ISO 8601")
        if not isinstance(payload.get("custom_details", {}), dict):
            faults.append("'custom_details' is no object")
    return faults


def invalid(*faults: str) -> Answer:
    """The answer to an invalid event, which must not be sent again."""
    return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": list(faults)}


def fingerprint(key: str) -> str:
    """A digest that identifies a routing key without revealing it."""
    return sha256(key.encode()).hexdigest()[:16]


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True
