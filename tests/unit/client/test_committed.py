"""Offsets of a group, also from a broker that is not its coordinator. librdkafka's AdminClient crashes there."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from kafkalogs.client.committed import Group, committed

from tests.support.coordinator import Coordinator

ROOT = Path(__file__).parents[3]
PLACES = [("logs.a", 0), ("logs.a", 1), ("logs.b", 0)]
OFFSETS = {("logs.a", 0): 400, ("logs.a", 1): -1, ("logs.b", 0): 7}
CRASHING = "list_consumer_group_offsets"


@pytest.mark.parametrize("refusals", [0, 1, 3])
def test_offsets_while_the_coordinator_moves(refusals: int) -> None:
    with closing(Coordinator(OFFSETS, refusals)) as broker:
        found = committed({"bootstrap.servers": broker.bootstrap}, "g", PLACES, 20)
    assert found == {("logs.a", 0): 400, ("logs.b", 0): 7}
    assert broker.fetches == refusals + 1


def test_a_coordinator_that_never_comes_is_an_error() -> None:
    with (
        closing(Coordinator(OFFSETS, 1000)) as broker,
        closing(Group({"bootstrap.servers": broker.bootstrap}, "g")) as group,
        pytest.raises(KafkaException, match="Not coordinator"),
    ):
        group.committed(PLACES, 1)


def test_the_admin_client_still_crashes() -> None:
    """When this fails, librdkafka is mended, and the AdminClient may be asked again."""
    program = f"""
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient
from tests.support.coordinator import Coordinator
admin = AdminClient({{"bootstrap.servers": Coordinator({{}}, 1).bootstrap}})
admin.{CRASHING}([ConsumerGroupTopicPartitions("g")], request_timeout=10)["g"].exception()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == -11


def test_nothing_asks_the_admin_client_for_the_offsets_of_a_group() -> None:
    """The call is allowed in the texts that warn of it."""
    found = [
        file.relative_to(ROOT)
        for folder in ("apps", "bench", "components", "embedded", "infra", "tests")
        for file in (ROOT / folder).rglob("*.py")
        if f".{CRASHING}(" in file.read_text()
    ]
    assert found == []
