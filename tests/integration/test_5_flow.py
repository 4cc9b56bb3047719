"""Records in, records out: exact counts over mTLS, real logs by replay, several groups at their own pace."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support import kafka
from tests.support.sandbox import REPO, Sandbox

SAMPLES = Path(os.environ.get("KAFKALOGS_SAMPLE_LOGS", REPO.parent / "shared" / "logs"))
SERVICES = ["cart-service", "inventory-service", "search-service", "user-service"]


def total(platform: Sandbox, topic: str) -> int:
    return sum(kafka.end_offsets(platform, "team-operations", topic).values())


def test_every_record_written_is_read_once_by_each_group(platform: Sandbox) -> None:
    topic, count = "logs.order-service", 5_000
    before = total(platform, topic)
    writer = kafka.Writer(platform, "order-service")
    for number in range(count):
        writer.write(topic, f'{{"number": {number}}}'.encode(), key=str(number % 50).encode())
    writer.flush()
    assert (len(writer.acked), writer.errors) == (count, [])
    assert total(platform, topic) == before + count
    for group in ("operations.first", "operations.second"):
        values = Counter(m.value() for m in kafka.read_all(platform, "team-operations", [topic], group=group))
        assert {values[f'{{"number": {n}}}'.encode()] for n in range(count)} == {1}


def test_records_of_one_key_keep_their_order(platform: Sandbox) -> None:
    last: dict[bytes, int] = {}
    for message in kafka.read_all(platform, "team-operations", ["logs.order-service"]):
        key, number = message.key(), json.loads(message.value() or b"{}").get("number")
        if number is None:
            continue  # of the shop, before it was switched off
        assert key is not None
        assert number > last.get(key, -1)
        last[key] = number
    assert len(last) == 50


@pytest.mark.parametrize(("index", "name"), list(enumerate(["Apache_2k", "OpenSSH_2k", "Hadoop_2k", "Zookeeper_2k"])))
def test_a_replayed_log_file_arrives_line_by_line(platform: Sandbox, index: int, name: str) -> None:
    file = SAMPLES / f"{name}.log"
    if not file.exists():
        pytest.skip(f"no sample logs in {SAMPLES} (KAFKALOGS_SAMPLE_LOGS names their folder); the shop's run covers it")
    service = SERVICES[index]
    before = total(platform, f"logs.{service}")
    said = platform.run(sys.executable, "-m", "kafkalogs.cli", "replay", str(file), "--service", service).text
    lines = [line.rstrip("\r") for line in file.read_text().split("\n") if line.strip()]
    assert total(platform, f"logs.{service}") == before + len(lines), said
    assert f"{len(lines):,} sent" in said
    events = [json.loads(m.value() or b"") for m in kafka.read_all(platform, "team-operations", [f"logs.{service}"])]
    replayed = [e for e in events if e["attributes"].get("source_file") == file.name]
    assert Counter(e["message"] for e in replayed) == Counter(lines)
    assert {e["service"] for e in replayed} == {service}
