"""Beside Filebeat in the shipper's pods: ``python3 -m exporter.filebeat NAMESPACE FOLDER SECRET/KEY...``.

It serves Filebeat's counters to Prometheus (Filebeat itself speaks JSON), and keeps its credentials in FOLDER new.
Filebeat reads them only when it starts: /healthz, which is Filebeat's liveness probe, answers 503 from when they
changed until Filebeat has started anew.

Environment: FILEBEAT_URL (http://localhost:5066), FILEBEAT_QUEUE (the folder of its disk queue), FILEBEAT_QUEUE_BYTES
(how large it may grow), EXPORTER_PORT (9479).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter import credentials
from exporter.exposition import Family, text
from exporter.server import serve

REFRESH = 120.0
"""Seconds between two looks at the Secrets."""

COUNTERS = {
    "filebeat_events_published_total": (("libbeat", "pipeline", "events", "published"), "Lines taken from files"),
    "filebeat_output_events_acked_total": (("libbeat", "output", "events", "acked"), "Lines that Kafka acknowledged"),
    "filebeat_output_events_failed_total": (("libbeat", "output", "events", "failed"), "Lines to be sent again"),
    "filebeat_output_events_dropped_total": (("libbeat", "output", "events", "dropped"), "Lines given up"),
}
GAUGES = {
    "filebeat_output_events_active": (("libbeat", "output", "events", "active"), "Lines under way to Kafka"),
    "filebeat_open_files": (("filebeat", "harvester", "open_files"), "Files that are read"),
}
OTHERS = {
    "filebeat_up": "1 if Filebeat answers",
    "filebeat_queue_bytes": "Size of the disk queue, in segments of a fixed size",
    "filebeat_queue_max_bytes": "Size at which the disk queue is full and reading stops",
    "filebeat_unread_bytes": "Bytes of the open files that are not read yet",
}


def families(stats: Mapping[str, Any] | None, files: Mapping[str, Any], queue: int, largest: int) -> list[Family]:
    """The metrics. stats, files: Filebeat's /stats and /dataset; None and empty when it does not answer. Pure."""
    made: list[Family] = []
    for name, (path, about) in {**COUNTERS, **GAUGES}.items():
        family = Family(name, "counter" if name in COUNTERS else "gauge", about)
        if stats is not None:
            family.add(_dig(stats, path))
        made.append(family)
    unread = sum(max(0, one.get("size", 0) - one.get("read_offset", 0)) for one in files.values())
    values = {
        "filebeat_up": stats is not None,
        "filebeat_queue_bytes": queue,
        "filebeat_queue_max_bytes": largest,
        **({"filebeat_unread_bytes": unread} if stats is not None else {}),
    }
    for name, value in values.items():
        family = Family(name, "gauge", OTHERS[name])
        family.add(value)
        made.append(family)
    return made


def _dig(stats: Mapping[str, Any], path: tuple[str, ...]) -> float:
    """A number of nested objects; 0 where Filebeat leaves it out, as it does before the first one."""
    value: Any = stats
    for step in path:
        value = value.get(step, {}) if isinstance(value, Mapping) else {}
    return value if isinstance(value, int | float) else 0


class Filebeat:
    """The Filebeat of this pod, and its credentials."""

    def __init__(self, url: str, queue: Path, largest: int) -> None:
        self._url = url
        self._queue = queue
        self._largest = largest
        self.changed_at: float | None = None
        """When the credentials changed; None once Filebeat is known to have started after that."""

    def page(self) -> str:
        """The metrics."""
        stats = self._ask("/stats")
        files = self._ask("/dataset") or {}
        size = sum(file.stat().st_size for file in self._queue.glob("*.seg")) if self._queue.is_dir() else 0
        return text(families(stats, files, size, self._largest))

    def up_to_date(self) -> bool:
        """Whether Filebeat has read the current credentials."""
        if self.changed_at is None:
            return True
        stats = self._ask("/stats")
        if stats is None:
            return False
        if time.time() - _dig(stats, ("beat", "info", "uptime", "ms")) / 1000 > self.changed_at:
            self.changed_at = None
            return True
        return False

    def answers(self) -> bool:
        """Whether Filebeat answers."""
        return self._ask("/stats") is not None

    def _ask(self, path: str) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(self._url + path, timeout=5) as answer:  # noqa: S310 - localhost
                return json.load(answer)
        except (OSError, ValueError):
            return None


def written_at(folder: Path) -> float | None:
    """When the newest file of a folder was written, in seconds since 1970; None when there is none."""
    return max((file.stat().st_mtime for file in folder.iterdir()), default=None)


def main() -> int:
    """0 when told to stop; 2 for wrong words."""
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    namespace, folder, *wanted = sys.argv[1:]
    beat = Filebeat(
        os.environ.get("FILEBEAT_URL", "http://localhost:5066"),
        Path(os.environ["FILEBEAT_QUEUE"]),
        int(os.environ["FILEBEAT_QUEUE_BYTES"]),
    )
    # This container may have stopped between the change and Filebeat's new start.
    beat.changed_at = written_at(Path(folder))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(int(os.environ.get("EXPORTER_PORT", "9479")), beat.page, beat.answers, beat.up_to_date)
    while not stop.wait(REFRESH):
        try:
            if credentials.store(Path(folder), credentials.fetch(namespace, wanted)):
                beat.changed_at = time.time()
                print("the credentials changed: Filebeat is started anew", flush=True)
        except OSError as error:
            print(f"credentials: {error}", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
