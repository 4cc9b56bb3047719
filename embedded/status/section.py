"""Rows of the report, and the forms in which the report prints times and texts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True)
class Row:
    """One line of the report. good: None if there is no result to judge yet."""

    what: str
    found: str
    good: bool | None = True


@dataclass
class Section:
    """The lines about one part, and its faults."""

    part: str
    rows: list[Row] = field(default_factory=list[Row])
    faults: list[str] = field(default_factory=list[str])

    def add(self, what: str, found: str, good: bool | None = True) -> None:
        """Add a line."""
        self.rows.append(Row(what, found, good))

    def fault(self, what: str, found: str) -> None:
        """Add a line that is also a fault."""
        self.rows.append(Row(what, found, good=False))
        self.faults.append(f"{self.part}: {what}: {found}")

    def not_yet(self, what: str, awaited: str, due: float) -> None:
        """Add a line for a missing result. The line is a fault if the result is overdue. due: seconds since 1970."""
        late = time.time() - due
        if late > 0:
            self.fault(what, f"none; {awaited} was due {duration(late)} ago")
        else:
            self.add(what, f"none yet; {awaited} is due within {duration(-late)}", good=None)


def created(time_of_object: datetime | str) -> float:
    """A creation time of Kubernetes as seconds since 1970."""
    return time_of_object.timestamp() if isinstance(time_of_object, datetime) else moment(time_of_object)


def moment(text: str) -> float:
    """A time in RFC 3339 as seconds since 1970."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def ago(when: float) -> str:
    """How long ago a time was. when: seconds since 1970."""
    return f"{duration(time.time() - when)} ago"


def duration(seconds: float) -> str:
    """Seconds in a readable unit."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, seconds) / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} d"


def short(text: str, most: int = 70) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."
