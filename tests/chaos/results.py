"""What the campaign has seen, as the table of docs/faults.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.chaos.counts import Count
from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- begin: make chaos writes this table -->", "<!-- end -->"
SINKS = ("archive", "search", "audit", "stream", "pager")


@dataclass(frozen=True)
class Outcome:
    """written: records that Kafka acknowledged. slowest: the longest time in seconds from a write to its
    acknowledgement.

    whole: seconds from the end of the fault's cause until all parts ran again. counts: by sink.
    """

    fault: Fault
    written: int
    slowest: float
    whole: float
    counts: dict[str, Count]

    def row(self) -> str:
        """The row of the table."""
        sinks = [f"{self.counts[sink].seconds:.0f} s" for sink in SINKS]
        lost = sum(count.lost for count in self.counts.values())
        twice = sum(count.twice for count in self.counts.values())
        cells = [self.fault.text, f"{self.slowest:.0f} s", f"{self.whole:.0f} s", *sinks, self.written, lost, twice]
        return f"| {' | '.join(map(str, cells))} |"


class Results:
    """The outcomes of a campaign."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def write(self) -> None:
        """Write the table into docs/faults.md, if all faults have been made; a part of the campaign changes nothing."""
        seen = {outcome.fault.name: outcome for outcome in self.outcomes}
        if set(seen) == {fault.name for fault in FAULTS}:
            PAGE.write_text(with_table(PAGE.read_text(), [seen[fault.name] for fault in FAULTS]))

    def lines(self) -> list[str]:
        """The rows so far, and the sums."""
        rows = [outcome.row() for outcome in self.outcomes]
        counts = [count for outcome in self.outcomes for count in outcome.counts.values()]
        written = sum(outcome.written for outcome in self.outcomes)
        lost, twice = sum(count.lost for count in counts), sum(count.twice for count in counts)
        return [*rows, f"{len(rows)} of {len(FAULTS)} faults, {written} records written, {lost} lost, {twice} twice"]


def with_table(page: str, outcomes: list[Outcome]) -> str:
    """The page with the table of these outcomes in the place of the one that it has."""
    heads = ["fault", "acknowledged within", "all parts run", *SINKS, "written", "lost", "twice"]
    table = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads), *(outcome.row() for outcome in outcomes)]
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return "\n".join([before + BEGIN, *table, END + after])
