"""One fault under load: write, break, wait until all is whole, count."""

from __future__ import annotations

import time

from kafkalogs.client.settings import Catalog

from tests.chaos.counts import count_everywhere
from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.load import Load
from tests.chaos.results import Outcome
from tests.chaos.state import forget_restarts, whole
from tests.support.sandbox import Sandbox

BEFORE, AFTER = 10, 10
"""Seconds of load before the fault, and after the platform is whole again."""

WHOLE_SECONDS = 600


def run_fault(platform: Sandbox, catalog: Catalog, reader: str, fault: Fault) -> Outcome:
    """Make the fault under load and count every sink; raises AssertionError if the platform does not become whole."""
    platform.wait("the platform is whole before", lambda: whole(platform), WHOLE_SECONDS)
    forget_restarts(platform)
    with Load(platform, catalog, 1 + FAULTS.index(fault)) as load:
        platform.wait("the first records are acknowledged", lambda: load.acknowledged, WHOLE_SECONDS)
        time.sleep(BEFORE)
        fault.make(platform, load)
        ended = time.monotonic()
        platform.wait(f"whole after: {fault.text}", lambda: whole(platform), WHOLE_SECONDS)
        again = time.monotonic() - ended
        time.sleep(AFTER)
    counts = count_everywhere(platform, reader, load, ended)
    return Outcome(fault, load.acknowledged, load.slowest, again, counts)
