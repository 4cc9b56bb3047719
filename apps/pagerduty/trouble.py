"""Failures on demand."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from pagerduty.alerts import Answer

KINDS = ("429", "500", "503", "400", "refuse", "lose", "hang")
"""What can be asked for: an answer with that status; ``refuse`` closes the connection before the event is taken,
``lose`` after it is taken, ``hang`` neither takes nor answers it."""

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
    """What happens to the next events: ``kind``, so many times and no longer than so many seconds."""

    kind: str
    count: int
    until: float


class Troubles:
    """The failure that was asked for last, while it lasts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Trouble | None = None
        self.counted = 0

    def ask(self, document: Any) -> str:
        """Take an order such as ``{"kind": "429", "count": 3, "seconds": 60}``; what is wrong with it, if anything."""
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
        """What happens to this event; None if nothing."""
        with self._lock:
            trouble = self._now
            if trouble is None or trouble.count == 0 or time.monotonic() > trouble.until:
                return None
            trouble.count -= 1
            self.counted += 1
            return trouble.kind


def answer(kind: str) -> Answer:
    """The answer of a failure that has one."""
    return _ANSWERS[kind]
