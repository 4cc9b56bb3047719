"""Sizes, rates, durations and CPU shares: from the text in a stack file to integers, and back.

Sizes are bytes, rates bytes per second, durations milliseconds, CPU thousandths of a core. Every parser raises
`ValueError` with what is wrong and what to write instead; every formatter returns text that parses to the same integer.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
TIB: Final = 1024 * GIB

# Binary units with their B (2MiB, as in rates) and without (10Gi, as in Kubernetes), then decimal ones.
_SIZES: Final[Mapping[str, int]] = {
    **{"TiB": TIB, "GiB": GIB, "MiB": MIB, "KiB": KIB, "B": 1},
    **{"Ti": TIB, "Gi": GIB, "Mi": MIB, "Ki": KIB},
    **{"TB": 1000**4, "GB": 1000**3, "MB": 1000**2, "kB": 1000},
}
_RATES: Final[Mapping[str, int]] = {f"{unit}/s": factor for unit, factor in _SIZES.items()}
_DURATIONS: Final[Mapping[str, int]] = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1}
_CPU: Final[Mapping[str, int]] = {"": 1000, "m": 1}
_AMOUNT: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(\S*)", re.ASCII)


def _parse(value: object, units: Mapping[str, int], what: str, remedy: str) -> int:
    match = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        raise ValueError(f"not a {what}; {remedy}")
    amount = int(Decimal(match[1]) * units[match[2]])
    if amount <= 0:
        raise ValueError(f"a {what} must be more than zero; {remedy}")
    return amount


def parse_size(value: object) -> int:
    """Bytes of a text like 10GiB, 10Gi or 500MB."""
    return _parse(value, _SIZES, "size", "write a number and B, KiB, MiB, GiB or TiB, like 10GiB")


def parse_rate(value: object) -> int:
    """Bytes per second of a text like 2MiB/s."""
    return _parse(value, _RATES, "rate", "write bytes per second as a number and B/s, KiB/s or MiB/s, like 2MiB/s")


def parse_duration(value: object) -> int:
    """Milliseconds of a text like 90s, 30m, 24h or 7d."""
    return _parse(value, _DURATIONS, "duration", "write a number and s, m, h or d, like 24h")


def parse_cpu(value: object) -> int:
    """Thousandths of a core of 500m, "2", 2 or 0.5."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    return _parse(text, _CPU, "CPU share", "write cores or thousandths of one, like 2 or 500m")


def _format(amount: int, units: Mapping[str, int]) -> str:
    """`amount` in the largest of `units` (given largest first) that divides it."""
    unit, factor = next((u, f) for u, f in units.items() if amount % f == 0)
    return f"{amount // factor}{unit}"


def format_size(size: int) -> str:
    """Bytes as text, exactly: 2147483648 is 2GiB."""
    return _format(size, _SIZES)


def format_rate(rate: int) -> str:
    """Bytes per second as text, exactly: 2097152 is 2MiB/s."""
    return _format(rate, _RATES)


def format_duration(duration: int) -> str:
    """Milliseconds as text, exactly: 86400000 is 1d."""
    return _format(duration, _DURATIONS)


def format_cpu(cpu: int) -> str:
    """Thousandths of a core as Kubernetes writes them: 500 is 500m, 2000 is 2."""
    return _format(cpu, _CPU)


def quantity(size: int) -> str:
    """Bytes as a Kubernetes quantity, exactly: 10737418240 is 10Gi."""
    return format_size(size).removesuffix("B")


def about(size: float) -> str:
    """Bytes for people, with one decimal: 27380416512 is 25.5 GiB."""
    for unit, factor in (("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} B"
