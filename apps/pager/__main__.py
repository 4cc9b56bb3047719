"""The pager: ``python3 -m pager``. Its settings are in the environment: see ``pager/settings.py``."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

from confluent_kafka import KafkaException

from pager.api import Api
from pager.endpoints import serve, state
from pager.incidents import Book
from pager.logs import log
from pager.metrics import CONTENT_TYPE, Metrics
from pager.pace import Backoff, TokenBucket
from pager.pager import Pager, PagerDuty
from pager.renewal import Certificates
from pager.routing_key import RoutingKey
from pager.settings import Settings, SettingsError
from pager.stream import FatalError, Stream


def build(settings: Settings, metrics: Metrics) -> Pager:
    """The pager of these settings."""
    return Pager(
        stream=lambda revoked, gone: Stream(settings, revoked, gone),
        pagerduty=PagerDuty(
            api=Api(settings.endpoint, settings.endpoint_ca, settings.timeout),
            routing_key=RoutingKey(settings.routing_key),
            bucket=TokenBucket(settings.per_minute, settings.burst, time.monotonic()),
            backoff=Backoff(settings.retry, settings.retry_longest, settings.throttled, random.SystemRandom()),
        ),
        book=Book(settings.quiet, settings.update),
        metrics=metrics,
        renewed=Certificates(settings.client_files).renewed,
    )


def main() -> int:
    """0 when told to stop; 1 when it cannot go on; 2 for wrong settings."""
    try:
        settings = Settings.read(os.environ)
        metrics = Metrics()
        pager = build(settings, metrics)
    except (SettingsError, KafkaException, OSError, ValueError) as error:
        print(f"pager: {error}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pager.stop())
    serve(settings.health_port, {"/healthz": lambda: state(pager.stuck), "/readyz": lambda: state(pager.fault)})
    serve(settings.metrics_port, {"/metrics": lambda: (200, CONTENT_TYPE, metrics.text())})
    log("info", "started", topic=settings.topic, group=settings.group, endpoint=settings.endpoint)
    try:
        pager.run()
    except FatalError as error:
        log("error", "the Kafka client cannot go on", reason=str(error))
        return 1
    log("info", "stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
