"""The pager's metrics, in Prometheus' text format
(https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format)."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import product

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ACTIONS = ("trigger", "update", "resolve")
_DELAYS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters, gauges and one histogram. Every series that there can be is there from the start, at 0."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._about: dict[str, tuple[str, str]] = {}
        self._values: dict[str, dict[Labels, float]] = {}
        self._declare(
            "pager_events_total", "counter", "Events sent to PagerDuty, by what they do and how it answered.",
            [{"action": a, "result": r} for a, r in product(_ACTIONS, ("accepted", "rejected", "retried"))],
        )  # fmt: skip
        self._declare(
            "pager_retries_total", "counter", "Attempts that are made again, by reason.",
            [{"reason": reason} for reason in ("429", "5xx", "key", "network", "other")],
        )  # fmt: skip
        self._declare("pager_records_total", "counter", "Records read.")
        self._declare("pager_suppressed_total", "counter", "Repeats that were folded into an incident.")
        self._declare(
            "pager_dead_letters_total", "counter", "Records and events put into the dead-letter topic, by reason.",
            [{"reason": reason} for reason in ("malformed", "rejected")],
        )  # fmt: skip
        self._declare("pager_open_incidents", "gauge", "Incidents that are open in PagerDuty.")
        self._declare("pager_waiting_incidents", "gauge", "Incidents that PagerDuty has not accepted yet.")
        self._declare(
            "pager_oldest_waiting_timestamp_seconds", "gauge",
            "When the oldest record happened that PagerDuty has not accepted; absent if there is none.", [],
        )  # fmt: skip
        self._declare(
            "pager_newest_sent_timestamp_seconds", "gauge",
            "When the newest record happened that PagerDuty knows of; absent before the first.", [],
        )  # fmt: skip
        self._declare("pager_backoff_seconds", "gauge", "Seconds until the next attempt after a failure.")
        self._declare(
            "pager_ready",
            "gauge",
            "1 when the topic is read and there is a routing key that PagerDuty has not refused.",
        )
        self._declare(
            "pager_delivery_delay_seconds", "histogram",
            "Seconds from a record's own time to PagerDuty's answer, for records that opened an incident.", [],
        )  # fmt: skip
        self._delays = [0] * (len(_DELAYS) + 1)
        self._delay_sum = 0.0

    def _declare(self, name: str, kind: str, text: str, series: Iterable[dict[str, str]] = ({},)) -> None:
        self._about[name] = (kind, text)
        self._values[name] = {tuple(labels.items()): 0.0 for labels in series}

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter; its labels in the order in which it declares them."""
        with self._lock:
            self._values[name][tuple(labels.items())] += value

    def set(self, name: str, value: float | None) -> None:
        """Set a gauge; None takes it away."""
        with self._lock:
            if value is None:
                self._values[name].pop((), None)
            else:
                self._values[name][()] = value

    def raise_to(self, name: str, value: float) -> None:
        """Set a gauge unless it is higher already."""
        with self._lock:
            self._values[name][()] = max(value, self._values[name].get((), value))

    def delay(self, seconds: float) -> None:
        """Take note of one delivery."""
        with self._lock:
            self._delays[next((i for i, most in enumerate(_DELAYS) if seconds <= most), len(_DELAYS))] += 1
            self._delay_sum += seconds

    def get(self, name: str, **labels: str) -> float:
        """The value of a series."""
        with self._lock:
            return self._values[name][tuple(labels.items())]

    def text(self) -> str:
        """All of them, as Prometheus reads them."""
        with self._lock:
            lines: list[str] = []
            for name, (kind, text) in self._about.items():
                lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
                if kind == "histogram":
                    lines += self._histogram(name)
                for labels, value in self._values[name].items():
                    inside = ",".join(f'{label}="{text}"' for label, text in labels)
                    lines.append(f"{name}{{{inside}}} {value!r}" if inside else f"{name} {value!r}")
            return "\n".join(lines) + "\n"

    def _histogram(self, name: str) -> list[str]:
        lines, total = [], 0
        for most, count in zip([*map(str, _DELAYS), "+Inf"], self._delays, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{most}"}} {total}')
        return [*lines, f"{name}_sum {self._delay_sum!r}", f"{name}_count {total}"]
