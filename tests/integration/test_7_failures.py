"""A broker is killed while producers run: every acknowledged record is there afterwards."""

from __future__ import annotations

import threading
import time

from tests.support import kafka
from tests.support.sandbox import Sandbox

TOPIC = "logs.shipping-service"


def in_sync(platform: Sandbox) -> bool:
    topics = kafka.admin(platform, "team-operations").list_topics(timeout=30).topics
    return all(len(p.isrs) == len(p.replicas) for t in topics.values() for p in t.partitions.values())


def pod(platform: Sandbox, name: str) -> dict[str, object]:
    found = [p for p in platform.get("pods")["items"] if p["metadata"]["name"] == name]
    return found[0] if found else {}


def uid_when_ready(platform: Sandbox, name: str) -> str:
    found = pod(platform, name)
    conditions = found.get("status", {}).get("conditions", [])  # type: ignore[attr-defined]
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return found["metadata"]["uid"] if ready else ""  # type: ignore[index]


def test_no_acknowledged_record_is_lost_when_a_broker_is_killed(platform: Sandbox) -> None:
    platform.wait("all replicas in sync before", lambda: in_sync(platform), 180)
    killed, old = "logs-kafka-1", uid_when_ready(platform, "logs-kafka-1")
    assert old
    writer = kafka.Writer(platform, "shipping-service", **{"message.timeout.ms": 120_000})
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            writer.write(TOPIC, f'{{"number": {number}}}'.encode(), key=str(number).encode())
            number += 1
            time.sleep(0.005)

    producing = threading.Thread(target=write)
    producing.start()
    try:
        time.sleep(3)
        before_kill = len(writer.acked)
        platform.kubectl("-n", "kafkalogs", "delete", "pod", killed, "--grace-period=0", "--force")
        # While it is away min ISR 2 of 3 still holds, so writes go on.
        time.sleep(10)
        during = len(writer.acked)
        new = platform.wait(
            f"{killed} is back", lambda: (u := uid_when_ready(platform, killed)) and u != old and u, 180
        )
        assert new != old
    finally:
        stop.set()
        producing.join()
    writer.flush(120)
    assert before_kill > 0
    assert during > before_kill, "nothing was written while the broker was away"
    assert not writer.errors
    values = {m.value() for m in kafka.read_all(platform, "team-operations", [TOPIC])}
    lost = set(writer.acked) - values
    assert not lost, f"{len(lost)} of {len(writer.acked)} acknowledged records are gone"
    platform.wait("all replicas in sync again", lambda: in_sync(platform), 240)


def test_the_broker_came_back_with_its_own_volume(platform: Sandbox) -> None:
    volumes = pod(platform, "logs-kafka-1")["spec"]["volumes"]  # type: ignore[index]
    claims = [v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v]
    assert claims == ["data-0-logs-kafka-1"]


def test_a_rolling_restart_takes_one_broker_at_a_time(platform: Sandbox) -> None:
    platform.wait("all replicas in sync", lambda: in_sync(platform), 240)
    names = [f"logs-kafka-{node}" for node in range(3)]
    old = {name: uid_when_ready(platform, name) for name in names}
    assert all(old.values())
    platform.kubectl(
        "-n", "kafkalogs", "annotate", "pod", *names, "strimzi.io/manual-rolling-update=true", "--overwrite"
    )
    away: list[int] = []
    writer = kafka.Writer(platform, "shipping-service", **{"message.timeout.ms": 120_000})
    deadline = time.monotonic() + 420
    while True:
        now = {name: uid_when_ready(platform, name) for name in names}
        away.append(sum(1 for uid in now.values() if not uid))
        writer.write(TOPIC, b'{"number": -1}')
        if all(now.values()) and all(now[name] != old[name] for name in names):
            break
        assert time.monotonic() < deadline, f"not all restarted: {old} {now}"
        time.sleep(0.5)
    writer.flush(120)
    assert not writer.errors
    assert max(away) == 1, "more than one broker was away at a time"
