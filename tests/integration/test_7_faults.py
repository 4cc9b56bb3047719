"""The quick faults of the campaign (`make chaos`): after each, every sink has each acknowledged record once."""

from __future__ import annotations

import pytest
from kafkalogs.client.settings import Catalog

from tests.chaos.campaign import run_fault
from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.support.sandbox import Sandbox

QUICK = [fault for fault in FAULTS if fault.quick]


@pytest.mark.parametrize("fault", QUICK, ids=[fault.make.__name__ for fault in QUICK])
def test_nothing_is_lost_and_nothing_is_there_twice(
    platform: Sandbox, catalog: Catalog, reader: str, fault: Fault
) -> None:
    outcome = run_fault(platform, catalog, reader, fault)
    assert {sink: count for sink, count in outcome.counts.items() if not count.exact} == {}
