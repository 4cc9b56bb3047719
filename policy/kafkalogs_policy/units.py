"""Times in milliseconds as people write them."""

from __future__ import annotations

import re
from typing import Final

from .environments import DAY, HOUR, MINUTE

_UNITS: Final = {"ms": 1, "s": 1000, "m": MINUTE, "h": HOUR, "d": DAY}


def duration(milliseconds: float) -> str:
    """`86400000` as `1d`: in the largest unit that needs no fraction."""
    for unit, size in reversed(_UNITS.items()):
        if milliseconds and milliseconds % size == 0:
            return f"{int(milliseconds // size)}{unit}"
    return f"{milliseconds:g}ms"


def parse_duration(text: str) -> int:
    """`7d` as milliseconds. Raises ValueError."""
    found = re.fullmatch(r"\s*(\d+)\s*(ms|s|m|h|d)\s*", text)
    if not found:
        raise ValueError(f"{text!r}: not a duration; write one like 36h or 7d")
    return int(found[1]) * _UNITS[found[2]]
