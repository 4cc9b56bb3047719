"""The exporter: ``python3 -m exporter``.

Environment: EXPORTER_BOOTSTRAP (host:port), EXPORTER_CERTS (folder of user.crt and user.key), EXPORTER_CA (the
cluster's CA), EXPORTER_INTERVAL (seconds between two looks, 15), EXPORTER_PORT (9308).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from exporter.exposition import Family, text
from exporter.families import families
from exporter.kafka import Kafka
from exporter.reading import Reading
from exporter.renewal import Certificates
from exporter.server import serve

STALE = 90.0
"""Seconds after which a reading is served no more: better no value than an old one that looks new."""
DEAD = 300.0
"""Seconds without a reading after which the process begins anew: it may be stuck, or hold what Kafka refuses."""


def say(message: str, **more: Any) -> None:
    """The process's own log: one line of JSON."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    print(json.dumps({"timestamp": now, "message": message, **more}), flush=True)


def client_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """librdkafka's settings."""
    certificates = Path(environment.get("EXPORTER_CERTS", "/etc/kafkalogs/user"))
    return {
        "bootstrap.servers": environment["EXPORTER_BOOTSTRAP"],
        "client.id": "exporter",
        "security.protocol": "SSL",
        "ssl.endpoint.identification.algorithm": "https",
        "ssl.ca.location": environment.get("EXPORTER_CA", "/etc/kafkalogs/ca/ca.crt"),
        "ssl.certificate.location": str(certificates / "user.crt"),
        "ssl.key.location": str(certificates / "user.key"),
        "reconnect.backoff.max.ms": 5000,
        # errors come with the requests
        "log_level": 0,
    }


def client_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that Kafka's clients read when they are made."""
    settings = client_settings(environment)
    return tuple(Path(settings[f"ssl.{what}.location"]) for what in ("ca", "certificate", "key"))


class Exporter:
    """The last reading, and how reading goes. certificates: those of the client; the client is made anew with renewed
    ones."""

    def __init__(self, kafka: Kafka, certificates: Certificates) -> None:
        self._kafka = kafka
        self._certificates = certificates
        self._reading: Reading | None = None
        self._read_at = 0.0
        self._begun_at = time.time()
        self._took = 0.0
        self._failures = 0

    def look(self) -> None:
        """Read once; a failure is logged and counted, and the last reading stays until it is stale."""
        begun = time.time()
        try:
            if self._certificates.renewed():
                self._kafka.connect()
                self._certificates.took()
                say("certificates were renewed: connected anew with them")
            self._reading = self._kafka.read()
            self._read_at = time.time()
        except KafkaException as error:
            self._failures += 1
            say("Kafka could not be read", reason=str(error), failures=self._failures)
        self._took = time.time() - begun

    @property
    def fresh(self) -> bool:
        """Whether Kafka was read in the last `STALE` seconds."""
        return self._reading is not None and time.time() - self._read_at < STALE

    @property
    def alive(self) -> bool:
        """Whether Kafka was read in the last `DEAD` seconds, or the process is younger."""
        return time.time() - max(self._read_at, self._begun_at) < DEAD

    def page(self) -> str:
        """The metrics."""
        own = [
            Family("kafkalogs_exporter_up", "gauge", "1 if Kafka was read lately"),
            Family("kafkalogs_exporter_read_seconds", "gauge", "How long the last look at Kafka took"),
            Family("kafkalogs_exporter_failures_total", "counter", "Looks at Kafka that failed"),
        ]
        for family, value in zip(own, (self.fresh, self._took, self._failures), strict=True):
            family.add(value)
        return text([*own, *(families(self._reading, time.time()) if self._reading and self.fresh else ())])


def main() -> int:
    """0 when told to stop; 2 for wrong settings."""
    if not os.environ.get("EXPORTER_BOOTSTRAP"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        certificates = Certificates(client_files(os.environ))
        exporter = Exporter(Kafka(client_settings(os.environ)), certificates)
    except (KafkaException, OSError) as error:
        print(f"exporter: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(int(os.environ.get("EXPORTER_PORT", "9308")), exporter.page, lambda: exporter.fresh, lambda: exporter.alive)
    say("started", bootstrap=os.environ["EXPORTER_BOOTSTRAP"])
    interval = float(os.environ.get("EXPORTER_INTERVAL", "15"))
    while not stop.is_set():
        exporter.look()
        stop.wait(interval)
    return 0


if __name__ == "__main__":
    sys.exit(main())
