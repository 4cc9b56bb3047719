"""After every fault, each sink has each acknowledged record once."""

from __future__ import annotations

import pytest
from kafkalogs.client.settings import Catalog

from tests.chaos.campaign import run_fault
from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.results import Results
from tests.support.sandbox import Sandbox

FAULT_SECONDS = 3600


@pytest.mark.timeout(FAULT_SECONDS)
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.make.__name__ for fault in FAULTS])
def test_nothing_is_lost_and_nothing_is_there_twice(
    platform: Sandbox, catalog: Catalog, reader: str, results: Results, fault: Fault
) -> None:
    outcome = run_fault(platform, catalog, reader, fault)
    results.outcomes.append(outcome)
    print("\n".join(results.lines()))
    wrong = {sink: count for sink, count in outcome.counts.items() if not count.exact}
    assert not wrong
