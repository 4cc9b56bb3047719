"""The pace of events to PagerDuty: a token bucket, and waits after failures."""

from __future__ import annotations

import random


class TokenBucket:
    """At most ``burst`` events at once and ``per_minute`` in the long run.

    PagerDuty takes about 120 events a minute of a routing key, counted over the last 60 seconds
    (https://developer.pagerduty.com/docs/events-api-rate-limits), so burst + per_minute has to stay below.
    """

    def __init__(self, per_minute: float, burst: int, now: float) -> None:
        self._per_second = per_minute / 60
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled = now

    def wait(self, now: float, *, urgent: bool = True) -> float:
        """Seconds until there is a token; half of the bucket is kept for what is urgent."""
        self._fill(now)
        kept = 0 if urgent else self._burst // 2
        return max(0.0, (1 + kept - self._tokens) / self._per_second)

    def take(self, now: float) -> None:
        """Use one token; the caller has waited for it."""
        self._fill(now)
        self._tokens -= 1

    def _fill(self, now: float) -> None:
        # a clock that was set back gives nothing and takes nothing
        gained = max(0.0, now - self._filled) * self._per_second
        self._filled = now
        self._tokens = min(self._burst, self._tokens + gained)


class Backoff:
    """Waits after failures, longer each time, with full jitter
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    first, longest: the longest wait after the first failure, and after any, in seconds. throttled: seconds that are
    added after a 429; PagerDuty asks for a few minutes.
    """

    def __init__(self, first: float, longest: float, throttled: float, chance: random.Random) -> None:
        self._first = first
        self._longest = longest
        self._throttled = throttled
        self._chance = chance
        self._until = 0.0
        self.failures = 0

    def wait(self, now: float) -> float:
        """Seconds until the next attempt."""
        return max(0.0, self._until - now)

    def failed(self, now: float, *, throttled: bool) -> float:
        """Take note of a failure; the seconds until the next attempt."""
        first, least = (self._throttled, self._throttled) if throttled else (self._first, 0.0)
        longest = max(self._longest, 10 * first) if throttled else self._longest
        # 2**30 seconds are beyond any longest wait, and more would overflow in the end
        most = min(longest, first * 2 ** min(self.failures, 30))
        self.failures += 1
        self._until = now + least + self._chance.uniform(0, most)
        return self._until - now

    def succeeded(self) -> None:
        """Forget all failures: nothing has to wait."""
        self.failures = 0
        self._until = 0.0
