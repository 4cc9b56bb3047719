"""When a node may be restarted."""

from __future__ import annotations

from embedded_operator.kafka import rolling
from embedded_operator.kafka.admin import Partition, Topic, Voter
from embedded_operator.kafka.nodes import Node, Pool
from hypothesis import given
from hypothesis import strategies as st

NODES = st.sets(st.integers(0, 4), min_size=1, max_size=4)


@st.composite
def topics(draw: st.DrawFn) -> Topic:
    parts: list[Partition] = []
    for number in range(draw(st.integers(1, 3))):
        replicas = draw(NODES)
        in_sync = draw(st.sets(st.sampled_from(sorted(replicas))))
        parts.append(Partition(number, -1, tuple(replicas), tuple(in_sync)))
    return Topic(draw(st.sampled_from(["a", "b"])), "id", tuple(parts))


@given(topic=topics(), node=st.integers(0, 4), minimum=st.integers(1, 4))
def test_no_partition_that_can_be_kept_falls_below_min_isr(topic: Topic, node: int, minimum: int) -> None:
    blocked = rolling.blocking(node, [topic], {topic.name: minimum})
    for part in topic.partitions:
        harmed = len(set(part.in_sync) - {node}) < minimum and node in part.in_sync
        assert (f"{topic.name}-{part.number}" in blocked) == (harmed and len(part.replicas) > minimum)


def partition(*in_sync: int) -> Topic:
    return Topic("t", "id", (Partition(0, 0, (0, 1, 2), in_sync),))


def test_three_replicas_with_min_isr_two_bear_one_restart_only_when_all_are_in_sync() -> None:
    assert rolling.blocking(0, [partition(0, 1, 2)], {"t": 2}) == []
    assert rolling.blocking(0, [partition(0, 1)], {"t": 2}) == ["t-0"]
    assert rolling.blocking(2, [partition(0, 1)], {"t": 2}) == []


def test_a_partition_that_cannot_be_protected_does_not_block_for_ever() -> None:
    single = Topic("t", "id", (Partition(0, 0, (0,), (0,)),))
    assert rolling.blocking(0, [single], {"t": 1}) == []


def test_replicas_that_lag_are_named() -> None:
    assert rolling.out_of_sync(2, [partition(0, 1)]) == ["t-0"]
    assert rolling.out_of_sync(2, [partition(0, 1, 2)]) == []
    assert rolling.out_of_sync(7, [partition(0, 1)]) == []


def test_a_majority_of_controllers_stays() -> None:
    good = [Voter(0, 100_000), Voter(1, 99_000), Voter(2, 99_500)]
    assert all(rolling.quorum_stays(node, 0, good) for node in (0, 1, 2))
    one_lags = [Voter(0, 100_000), Voter(1, 99_000), Voter(2, 10_000)]
    assert rolling.quorum_stays(2, 0, one_lags)
    assert not rolling.quorum_stays(1, 0, one_lags)
    assert not rolling.quorum_stays(0, 0, one_lags)
    assert rolling.quorum_stays(9, 0, one_lags), "a broker is no voter"
    assert rolling.quorum_stays(0, 0, [Voter(0, 1)]), "a single controller cannot be spared, whenever"


def test_controllers_first_and_the_active_one_last() -> None:
    controllers = Pool("c", 3, controller=True, broker=False, volumes=())
    brokers = Pool("b", 2, controller=False, broker=True, volumes=())
    nodes = [Node(one, f"b-{one}", brokers) for one in (0, 1)] + [
        Node(one, f"c-{one}", controllers) for one in (2, 3, 4)
    ]
    assert [node.id for node in rolling.order(nodes, 3)] == [2, 4, 0, 1, 3]
