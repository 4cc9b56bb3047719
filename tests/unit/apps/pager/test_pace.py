"""How fast PagerDuty is told things."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pager.pace import Backoff, TokenBucket

from .world import settings_of

steps = st.lists(st.floats(-5, 90, allow_nan=False), min_size=1, max_size=200)


@given(st.floats(1, 600), st.integers(1, 50), steps)
def test_no_window_has_more_events_than_the_bucket_allows(per_minute: float, burst: int, gaps: list[float]):
    now = 0.0
    bucket = TokenBucket(per_minute, burst, now)
    taken: list[float] = []
    for gap in gaps:
        now += max(gap, 0)
        while bucket.wait(now) == 0:
            bucket.take(now)
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            seconds = taken[last] - taken[first]
            assert last - first + 1 <= burst + seconds * per_minute / 60 + 1e-6


def test_half_of_the_bucket_is_for_what_is_urgent():
    bucket = TokenBucket(60, 10, 0.0)
    taken = 0
    while bucket.wait(0.0, urgent=False) == 0:
        bucket.take(0.0)
        taken += 1
    assert (taken, bucket.wait(0.0), bucket.wait(0.0, urgent=False)) == (5, 0, 1)


@given(st.floats(1, 600), st.integers(1, 50), steps)
def test_who_waits_as_told_gets_a_token(per_minute: float, burst: int, gaps: list[float]):
    now = 0.0
    bucket = TokenBucket(per_minute, burst, now)
    for gap in gaps:
        now += gap  # clocks are set back, too
        wait = bucket.wait(now)
        assert 0 <= wait <= 60 / per_minute + 1e-6
        now += wait + 1e-6
        assert bucket.wait(now) == 0
        bucket.take(now)


def test_as_shipped_it_stays_below_what_pagerduty_takes(tmp_path: Path):
    """About 120 events in any 60 seconds."""
    settings = settings_of(tmp_path)
    bucket = TokenBucket(settings.per_minute, settings.burst, 0.0)
    sent, now = 0, 0.0
    while now <= 60:
        now += max(bucket.wait(now), 1e-9)
        bucket.take(now)
        sent += 1
    assert 30 < sent < 120


@given(st.floats(0.01, 10), st.floats(10, 300), st.integers(0, 80), st.integers(0, 2**32))
def test_waits_grow_and_have_full_jitter(first: float, longest: float, failures: int, seed: int):
    backoff = Backoff(first, longest, 60, random.Random(seed))
    for n in range(failures):
        wait = backoff.failed(100.0, throttled=False)
        assert 0 <= wait <= min(longest, first * 2**n) + 1e-6
        assert abs(backoff.wait(100.0) - wait) < 1e-9
    backoff.succeeded()
    assert backoff.wait(0.0) == 0


@given(st.integers(1, 80), st.integers(0, 2**32))
def test_after_a_429_it_waits_minutes(failures: int, seed: int):
    backoff = Backoff(1, 60, 60, random.Random(seed))
    waits = [backoff.failed(0.0, throttled=True) for _ in range(failures)]
    assert all(60 <= wait <= 60 + 600 for wait in waits)


def test_jitter_spreads():
    backoff = Backoff(1, 60, 60, random.Random(1))
    waits = {round(backoff.failed(0.0, throttled=False), 3) for _ in range(50)}
    assert len(waits) > 40
    assert min(waits) < 10 < 50 < max(waits)
