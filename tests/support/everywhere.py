"""Where a run's events must be: every reader of the platform has exactly its own part of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from kafkalogs.client.reach import UnansweredError

from tests.support import kafka, pipeline
from tests.support.run import Run, of
from tests.support.sandbox import Sandbox


def settles(platform: Sandbox, what: str, count: Callable[[], int], wanted: int, seconds: float) -> None:
    """`count()` becomes `wanted`, and stays. What does not answer just now may answer later."""
    seen: list[object] = []

    def there() -> bool:
        try:
            seen.append(count())
        except (UnansweredError, OSError) as error:
            seen.append(error)
            return False
        return isinstance(seen[-1], int) and seen[-1] >= wanted

    try:
        platform.wait(f"{wanted} {what}", there, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; {seen[-1]} at the end") from None
    time.sleep(2)
    assert count() == wanted, what


def indexed(platform: Sandbox, run: Run, seconds: float = 180) -> None:
    engine = pipeline.search(platform)
    settles(platform, "documents", lambda: engine.count("instance", run.id), len(run.now), seconds)


def audited(platform: Sandbox, run: Run, seconds: float = 120) -> None:
    query = f"select count(*) from audit_log where instance = '{run.id}'"
    settles(platform, "audit rows", lambda: pipeline.sql(platform, query), run.audits(), seconds)


def archived(platform: Sandbox, run: Run, seconds: float = 300) -> None:
    with pipeline.archive(platform) as table:
        places: list[tuple[str, int, int]] = []

        def count() -> int:
            places[:] = table.places("instance", run.id)
            return len(places)

        settles(platform, "archived events", count, len(run.now), seconds)
        assert len(set(places)) == len(places)


def extracted(
    platform: Sandbox, run: Run, reader: str, topic: str, levels: tuple[str, ...], seconds: float = 240
) -> list[dict[str, Any]]:
    """The run's failures in a topic of the stream job: each once."""
    found: list[dict[str, Any]] = []

    def count() -> int:
        found[:] = of(run, (m.value() for m in kafka.read_committed(platform, reader, topic)))
        return len(found)

    wanted = {level: run.failures()[level] for level in levels}
    settles(platform, f"events in {topic}", count, sum(wanted.values()), seconds)
    assert Counter(event["level"] for event in found) == wanted
    return found


def paged(platform: Sandbox, run: Run, wanted: dict[str, int], seconds: float = 420) -> None:
    """PagerDuty has exactly these incidents of the run: records by class of error."""

    def records() -> dict[str, int]:
        ours = [i for i in pipeline.incidents(platform) if run.id in i["dedup_key"]]
        assert len({i["dedup_key"] for i in ours}) == len(ours)
        return {i["payload"]["class"]: i["payload"]["custom_details"]["records"] for i in ours}

    platform.wait(f"incidents {wanted}, not {records()}", lambda: records() == wanted, seconds)


def everything(platform: Sandbox, run: Run, reader: str, seconds: float = 240) -> None:
    """Exact counts in every sink and in every topic of the stream job, each within this time."""
    indexed(platform, run, seconds)
    audited(platform, run, seconds)
    extracted(platform, run, reader, "logs.error", ("error", "critical"), seconds)
    extracted(platform, run, reader, "errors.critical", ("critical",), seconds)
    archived(platform, run, seconds)
