"""From offsets to time: how old is the oldest record that a group has not read yet? Pure.

Kafka reports offsets, not times. Regular samples of a partition show which offset it had at which time, and the
times between two samples are interpolated: no record is read, and no right to read is needed.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

LONGEST = 240
"""Samples kept for a partition; old samples are thinned out, so they reach far back and recent ones are exact."""


@dataclass
class Positions:
    """Samples of one partition: records before ``offsets[i]`` are older than ``times[i]``, in seconds."""

    offsets: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def add(self, offset: int, time: float) -> None:
        """Add a sample. One that does not continue from the last, as for a recreated topic, starts a new history."""
        if self.offsets and offset < self.offsets[-1]:
            self.offsets.clear()
            self.times.clear()
        if self.offsets and offset == self.offsets[-1]:
            self.times[-1] = max(self.times[-1], time)
            return
        self.offsets.append(offset)
        # The clock of a new leader may be a little behind; the time up to which all have come does not go back.
        self.times.append(max(time, self.times[-1]) if self.times else time)
        if len(self.offsets) > LONGEST:
            del self.offsets[1 : LONGEST // 2 : 2]
            del self.times[1 : LONGEST // 2 : 2]

    def time_at(self, offset: int) -> float | None:
        """The time of the record at ``offset``; before the first sample, that sample's time, so never too old."""
        if not self.offsets:
            return None
        i = bisect_left(self.offsets, offset)
        if i == 0:
            return self.times[0]
        if i == len(self.offsets):
            return self.times[-1]
        low, high = self.offsets[i - 1], self.offsets[i]
        share = (offset - low) / (high - low)
        return self.times[i - 1] + share * (self.times[i] - self.times[i - 1])
