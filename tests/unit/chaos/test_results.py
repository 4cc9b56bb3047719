"""The table of docs/faults.md: it says what the campaign saw, and all of it."""

from __future__ import annotations

import re

from tests.chaos.counts import Count
from tests.chaos.faults import FAULTS
from tests.chaos.results import BEGIN, END, PAGE, SINKS, Outcome, Results, with_table


def outcome(number: int, *, lost: int = 0, twice: int = 0) -> Outcome:
    counts = {sink: Count(10, 10, 0, 7) for sink in SINKS}
    counts["search"] = Count(10, 10 - lost, twice, 7)
    return Outcome(FAULTS[number], 10, 3, 5, counts)


def test_losses_and_doubles_are_in_the_row() -> None:
    assert outcome(0).row().endswith("| 10 | 0 | 0 |")
    assert outcome(0, lost=3, twice=2).row().endswith("| 10 | 3 | 2 |")
    assert not outcome(0, lost=1).counts["search"].exact
    assert not outcome(0, twice=1).counts["search"].exact


def test_a_part_of_the_campaign_does_not_change_the_page() -> None:
    before = PAGE.read_text()
    results = Results()
    results.outcomes.append(outcome(0))
    results.write()
    assert PAGE.read_text() == before


def test_the_table_takes_the_place_of_the_old_one() -> None:
    page = with_table(PAGE.read_text(), [outcome(0)])
    assert with_table(page, [outcome(1)]) == with_table(PAGE.read_text(), [outcome(1)])
    assert FAULTS[0].text in page


def test_the_page_names_each_fault_that_the_campaign_makes_and_no_other() -> None:
    table = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    rows = [re.split(r" *\| *", line)[1] for line in table.splitlines() if line.startswith("| ")]
    assert not rows or rows[1:] == [fault.text for fault in FAULTS]


def test_each_fault_says_what_it_is() -> None:
    assert all(fault.text.endswith(".") for fault in FAULTS)
    assert len({fault.text for fault in FAULTS}) == len(FAULTS)
    assert any(fault.quick for fault in FAULTS)
