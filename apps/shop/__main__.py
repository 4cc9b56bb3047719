"""One service of the shop: ``python3 -m shop SERVICE``.

Environment: SHOP_RATE (events/s over all services, 200), SHOP_SEED (1), SHOP_COUNT (stop after so many requests of the
shop and print the counts as the last line), POD_NAME (the instance), KAFKALOGS_CATALOG, SHOP_CERTS, SHOP_CA.
Run one process per service: a second one of the same service would log the same events again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType

from confluent_kafka import KafkaException

from shop.delivery import Delivery, say
from shop.renewal import Certificates
from shop.settings import Route, Settings, SettingsError
from shop.traffic import EVENTS_PER_REQUEST, LONGEST, logged, trace_of

# Seconds between two checks of the clock, and between two lines about progress.
_TICK = 0.1
_REPORT = 60.0
# Seconds for the last events; Kubernetes gives 30 in all.
_FLUSH = 20.0


class Shop:
    """The pace of one service's process.

    Request k begins at ``begin + k / rate`` and is logged when it is over, so no event lies in the future. Without
    SHOP_COUNT the count begins in 1970, so all processes, restarted ones too, are at the same request.
    """

    def __init__(self, settings: Settings, types: tuple[str, ...], delivery: Delivery) -> None:
        self._settings = settings
        self._certificates = Certificates(settings.client_files)
        self._types = types
        self._delivery = delivery
        self._stopping = False
        counted = settings.count is not None
        self._begin = time.time() - LONGEST if counted else 0.0
        self._rate = settings.rate / EVENTS_PER_REQUEST
        self._next = 0 if counted else self._due()

    def stop(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """End after the current request; also a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Log until told to stop, or until the requested count is reached."""
        reported = time.monotonic()
        while not (self._stopping or self._delivery.fatal or self._next == self._settings.count):
            due = self._due()
            while self._next < due and not (self._stopping or self._delivery.fatal):
                self._log(self._next)
                self._next += 1
            self._delivery.poll(_TICK)
            if time.monotonic() - reported >= _REPORT:
                reported = time.monotonic()
                say("so far", **self._delivery.counts())
                if self._certificates.renewed():
                    say("certificates were renewed: beginning anew with them")
                    self.stop()

    def _due(self) -> int:
        """The number of requests that are over."""
        if self._rate == 0:
            return self._settings.count or 0
        due = int((time.time() - LONGEST - self._begin) * self._rate)
        return due if self._settings.count is None else min(due, self._settings.count)

    def _log(self, k: int) -> None:
        events = logged(self._settings.seed, k, self._settings.service, self._types)
        if not events:
            return
        begin = self._begin + (k / self._rate if self._rate else 0.0)
        for event in events:
            self._delivery.send(event, trace_of(self._settings.seed, k), begin, lambda: self._stopping)
        self._delivery.poll(0)


def main() -> int:
    """0 when every event was acknowledged; 1 when some were not; 2 for wrong settings."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    try:
        settings = Settings.read(sys.argv[1], os.environ)
        route = Route.read(settings.catalog, settings.service)
        delivery = Delivery(settings, route)
    except (SettingsError, KafkaException) as error:
        print(f"shop: {error}", file=sys.stderr)
        return 2
    shop = Shop(settings, route.types, delivery)
    signal.signal(signal.SIGTERM, shop.stop)
    signal.signal(signal.SIGINT, shop.stop)
    say("started", service=settings.service, types=route.types, rate=settings.rate, seed=settings.seed)
    shop.run()
    left = delivery.flush(_FLUSH)
    counts = {"service": settings.service, **delivery.counts(), "unacknowledged": left}
    say("stopped", **counts, **({"reason": delivery.fatal} if delivery.fatal else {}))
    if settings.count is not None:
        print(json.dumps(counts), flush=True)
    return 1 if left or delivery.failed or delivery.fatal else 0


if __name__ == "__main__":
    sys.exit(main())
