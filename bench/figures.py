"""A measured figure, its target, and the page with all figures."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results.md"


@dataclass(frozen=True)
class Figure:
    """what: the figure in words; value: the measured value; target: the required value; met: None without a target."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None

    @staticmethod
    def at_most(what: str, value: float, limit: float, unit: str) -> Figure:
        """A figure with an upper limit."""
        return Figure(what, f"{value:,.1f} {unit}", f"at most {limit:g} {unit}", value <= limit)

    @staticmethod
    def at_least(what: str, value: float, limit: float, unit: str) -> Figure:
        """A figure with a lower limit."""
        return Figure(what, f"{value:,.0f} {unit}", f"at least {limit:,.0f} {unit}", value >= limit)


def machine() -> str:
    """The machine that measures the figures, in one line."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} cores ({model}), {gib:.0f} GiB, Linux {platform.release()}"


def section(part: str, figures: list[Figure], date: str) -> str:
    """The figures of one part, in Markdown."""
    rows = "\n".join(
        f"| {f.what} | {f.value} | {f.target} | {'' if f.met is None else 'met' if f.met else '**missed**'} |"
        for f in figures
    )
    return (
        f"## {part}\n\nBy `python -m bench {part}` on {date}: {machine()}.\n\n"
        f"| figure | measured | target | |\n|---|---|---|---|\n{rows}\n"
    )


def merged(page: str, measured: dict[str, list[Figure]], date: str) -> str:
    """The page; new sections replace the old sections of the measured parts."""
    head, *rest = page.split("\n## ")
    sections = {text.split("\n", 1)[0]: f"## {text.rstrip()}\n" for text in rest}
    sections |= {part: section(part, figures, date) for part, figures in measured.items()}
    return "\n".join([head.rstrip() + "\n", *sections.values()])
