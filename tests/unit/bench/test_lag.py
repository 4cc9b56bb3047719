"""What the bench calls a lag that grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from kafkalogs.parts import GROUPS

from bench.lag import Sample, behind, came, growing, growth, rate, reading_share

PLACE = ("logs.a", 0)
RATE = 1000.0


def looks(read: Callable[[float], float], seconds: int = 180) -> list[Sample]:
    """A look each second at 1,000 records/s; the archive has read so many at a second, all others everything."""
    made: list[Sample] = []
    for second in range(seconds + 1):
        end = int(RATE * second) + 5_000
        committed = {group: {PLACE: end} for group in GROUPS.values()}
        committed[GROUPS["archive"]] = {PLACE: int(read(second)) + 5_000}
        made.append(Sample(float(second), {PLACE: end}, committed))
    return made


def saw(second: float) -> float:
    """Commits everything each 30 s, as it was 2 s before."""
    return max(0.0, RATE * (second // 30 * 30 - 2))


@pytest.mark.parametrize("shift", [0, 7, 13, 29])
def test_a_saw_does_not_grow(shift: int) -> None:
    samples = looks(lambda second: max(0.0, saw(second + shift) - RATE * shift))
    assert growing(samples) == []
    assert behind(samples, 10) == []


@pytest.mark.parametrize("period", [1, 30])
def test_who_reads_nine_tenths_falls_behind(period: int) -> None:
    samples = looks(lambda second: 0.9 * RATE * (second // period * period))
    grown, none = growth(samples, GROUPS["archive"])
    # over about two minutes, a tenth of what came
    assert grown == pytest.approx(12_000, rel=0.3)
    assert none < 4_500
    assert growing(samples) == ["archive"]
    assert behind(samples, 10) == ["archive"]
    assert reading_share(samples, "archive") == pytest.approx(0.9, rel=0.02)


def test_who_stands_still_is_behind_and_has_no_share() -> None:
    samples = looks(lambda second: 0)
    assert growing(samples) == ["archive"]
    assert reading_share(samples, "archive") is None


def test_a_lag_that_shrinks_does_not_grow() -> None:
    samples = looks(lambda second: RATE * second - max(0.0, 60_000 - 500 * second))
    assert growing(samples) == []


def test_a_few_records_are_no_growth() -> None:
    slow: Sequence[Sample] = [
        Sample(float(s), {PLACE: 100 + s // 10}, {group: {PLACE: 100} for group in GROUPS.values()}) for s in range(181)
    ]
    assert growing(slow) == []


def test_what_came_is_counted_by_ends() -> None:
    samples = looks(saw, 60)
    assert came(samples, frozenset({PLACE})) == 60_000
    assert rate(samples, frozenset({PLACE})) == pytest.approx(RATE)
