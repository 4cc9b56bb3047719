"""Parts of the pipeline stand still, are away or are killed: the others go on, nothing is lost or counted twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kafkalogs.client.settings import Catalog
from kafkalogs.parts import GROUPS

from tests.support import everywhere
from tests.support.lag import lag
from tests.support.run import CLASSES, CRITICAL, shop_run
from tests.support.sandbox import Sandbox

SPACE = ("-n", "kafkalogs")
MINUTE = 60


def scale(platform: Sandbox, replicas: int, *names: str) -> None:
    platform.kubectl(*SPACE, "scale", *names, f"--replicas={replicas}")


def gone(platform: Sandbox, prefix: str) -> bool:
    return not any(p["metadata"]["name"].startswith(prefix) for p in platform.get("pods")["items"])


def ready(platform: Sandbox, name: str) -> bool:
    status = platform.get(name).get("status", {})
    return status.get("readyReplicas", 0) == status.get("replicas", 0) > 0


def patch(platform: Sandbox, name: str, spec: dict[str, object]) -> None:
    platform.kubectl(*SPACE, "patch", name, "--type=merge", "-p", json.dumps({"spec": spec}))


@contextmanager
def stopped(platform: Sandbox, consumer: str) -> Iterator[None]:
    """A consumer that does not run, by the means of its operator."""
    if consumer == "pager":
        scale(platform, 0, "deployment/pager")
        try:
            platform.wait("no pager", lambda: gone(platform, "pager-"), MINUTE)
            yield
        finally:
            scale(platform, 1, "deployment/pager")
        return
    if consumer == "stream":
        name, stop, go = "flinkdeployment/stream", {"job": {"state": "suspended"}}, {"job": {"state": "running"}}

        def still() -> bool:
            return platform.get(name)["status"].get("lifecycleState") == "SUSPENDED"
    else:
        name, stop, go = f"kafkaconnector/{consumer}", {"state": "stopped"}, {"state": "running"}

        def still() -> bool:
            status = platform.get(name)["status"].get("connectorStatus", {})
            return status.get("connector", {}).get("state") == "STOPPED" and not status.get("tasks")

    patch(platform, name, stop)
    try:
        platform.wait(f"{consumer} stands still", still, 120)
        yield
    finally:
        patch(platform, name, go)


@pytest.mark.parametrize("consumer", list(GROUPS))
def test_a_consumer_that_stands_still_holds_up_no_other(
    platform: Sandbox, catalog: Catalog, reader: str, consumer: str
) -> None:
    others = [name for name in GROUPS if name != consumer]
    run = shop_run(catalog, block=1 + list(GROUPS).index(consumer), requests=60)
    with stopped(platform, consumer):
        started = time.monotonic()
        run.write(platform, 0.9, seconds=MINUTE / 2)
        if consumer == "pager":
            everywhere.extracted(platform, run, reader, "errors.critical", ("critical",))
        for other in others:
            platform.wait(f"no lag of {other}", lambda other=other: lag(platform, reader, other, run.topics()) == 0, 90)
        assert lag(platform, reader, consumer, run.topics()) > 0
        time.sleep(max(0, started + MINUTE - time.monotonic()))
    run.write(platform)
    checks: dict[str, Callable[[], object]] = {
        "archive": lambda: everywhere.archived(platform, run),
        "search": lambda: everywhere.indexed(platform, run),
        "audit": lambda: everywhere.audited(platform, run),
        "stream": lambda: everywhere.extracted(platform, run, reader, "logs.error", ("error", "critical")),
        "pager": lambda: everywhere.paged(platform, run, {f"{name} {run.id}": CRITICAL // 3 for name in CLASSES}),
    }
    checks[consumer]()
    platform.wait(f"{consumer} has caught up", lambda: lag(platform, reader, consumer, run.topics()) == 0, 120)


def test_nothing_is_lost_while_elasticsearch_and_s3_are_away(platform: Sandbox, catalog: Catalog, reader: str) -> None:
    run = shop_run(catalog, block=7)
    run.write(platform, 0.3)
    away = ("statefulset/elasticsearch", "statefulset/s3")
    scale(platform, 0, *away)
    try:
        platform.wait("both gone", lambda: gone(platform, "elasticsearch-") and gone(platform, "s3-"), MINUTE)
        run.write(platform, 0.4, seconds=MINUTE)
    finally:
        scale(platform, 1, *away)
    run.write(platform)
    platform.wait("both back", lambda: all(ready(platform, name) for name in away), 240)
    everywhere.everything(platform, run, reader, seconds=600)


def test_counts_are_exact_when_a_taskmanager_and_a_connect_worker_are_killed(
    platform: Sandbox, catalog: Catalog, reader: str
) -> None:
    run = shop_run(catalog, block=8)
    run.write(platform, 0.4, seconds=10)
    pods = [p["metadata"]["name"] for p in platform.get("pods")["items"]]
    killed = [name for name in pods if name.startswith(("stream-taskmanager-", "connect-connect-"))]
    assert len(killed) == 2
    platform.kubectl(*SPACE, "delete", "pod", *killed, "--grace-period=0", "--force")
    run.write(platform, seconds=10)
    everywhere.everything(platform, run, reader, seconds=600)
    everywhere.paged(platform, run, {f"{name} {run.id}": CRITICAL // len(CLASSES) for name in CLASSES})


def test_a_second_up_changes_nothing(platform: Sandbox) -> None:
    platform.up("--expect-no-changes")
