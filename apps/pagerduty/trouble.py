"""Failures on demand."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from pagerduty.alerts import Answer

KINDS = ("429", "500", "503", "400", "refuse", "lose", "hang")
"""The failures: an answer with that status; ``refuse`` closes the connection before the event is processed, ``lose``
afterwards; ``hang`` neither processes nor answers the event."""

_ANSWERS: dict[str, Answer] = {
    "429": (429, {
        "status": "throttle exceeded", "message": "Requests for this service are arriving too quickly.",
    }),
    "500": (500, {"status": "error", "message": "Internal Server Error"}),
    "503": (503, {"status": "error", "message": "Service Unavailable"}),
    "400": (400, {"status": "invalid event", "message": "Event object is invalid", "errors": ["asked for"]}),
}  # fmt: skip


@dataclass
class Trouble:
    """The failure of the next events: ``kind``, for at most ``count`` events and until ``until``."""

    kind: str
    count: int
    until: float


class Troubles:
    """Holds the current failure, if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Trouble | None = None
        self.counted = 0

    def ask(self, document: Any) -> str:
        """Set the failure, like ``{"kind": "429", "count": 3, "seconds": 60}``; returns its fault, or empty."""
        if not isinstance(document, dict) or document.get("kind") not in KINDS:
            return f"kind is none of {', '.join(KINDS)}"
        count, seconds = document.get("count", 10**9), document.get("seconds", 3600)
        if not (isinstance(count, int) and count > 0 and isinstance(seconds, int | float) and seconds > 0):
            return "count and seconds are numbers above 0"
        with self._lock:
            self._now = Trouble(document["kind"], count, time.monotonic() + seconds)
        return ""

    def clear(self) -> None:
        """End the trouble."""
        with self._lock:
            self._now = None

    def next(self) -> str | None:
        """The failure for this event; None if there is none."""
        with self._lock:
            trouble = self._now
            if trouble is None or trouble.count == 0 or time.monotonic() > trouble.until:
                return None
            trouble.count -= 1
            self.counted += 1
            return trouble.kind


def answer(kind: str) -> Answer:
    """The answer of a failure with an HTTP status."""
    return _ANSWERS[kind]
