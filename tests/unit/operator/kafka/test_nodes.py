"""Node ids of pools, and volumes."""

from __future__ import annotations

from embedded_operator.kafka.nodes import assign_ids, id_range, parse, volumes
from hypothesis import given
from hypothesis import strategies as st

POOLS = st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(0, 5), min_size=1, max_size=4)


def grow(replicas: dict[str, int], before: dict[str, list[int]]) -> dict[str, list[int]]:
    return assign_ids({name: (count, before.get(name, [])) for name, count in replicas.items()})


@given(first=POOLS, second=POOLS)
def test_ids_are_unique_stable_and_as_many_as_asked_for(first: dict[str, int], second: dict[str, int]) -> None:
    before = grow(first, {})
    after = grow(second, before)
    for ids in (before, after):
        everyone = [node for pool in ids.values() for node in pool]
        assert len(everyone) == len(set(everyone))
    assert {name: len(ids) for name, ids in after.items()} == second
    for name, count in second.items():
        kept = before.get(name, [])
        assert after[name][: min(count, len(kept))] == kept[:count] or set(kept) <= set(after[name])


@given(first=POOLS, second=POOLS)
def test_a_new_node_never_gets_the_id_of_one_that_leaves_in_the_same_step(
    first: dict[str, int], second: dict[str, int]
) -> None:
    """Its data may still be there under that id."""
    before = grow(first, {})
    after = grow(second, before)
    for name, ids in after.items():
        others = {node for pool, nodes in before.items() if pool in second and pool != name for node in nodes}
        assert not (set(ids) - set(before.get(name, []))) & others


def test_pools_get_the_lowest_ids_in_the_order_of_their_names() -> None:
    assert assign_ids({"controller": (3, []), "broker": (3, [])}) == {"broker": [0, 1, 2], "controller": [3, 4, 5]}


def test_a_gap_is_filled_first_and_the_highest_id_leaves_first() -> None:
    assert assign_ids({"a": (3, [0, 5])}) == {"a": [0, 1, 5]}
    assert assign_ids({"a": (1, [0, 5])}) == {"a": [0]}


def test_volumes_of_jbod_are_named_by_id_and_the_first_holds_the_metadata() -> None:
    found = volumes(
        {
            "type": "jbod",
            "volumes": [
                {"id": 1, "type": "persistent-claim", "size": "1Gi"},
                {"id": 0, "type": "ephemeral", "sizeLimit": "5Gi"},
            ],
        }
    )
    assert [(one.name, one.persistent, one.size, one.metadata) for one in found] == [
        ("data-0", False, "5Gi", True),
        ("data-1", True, "1Gi", False),
    ]


def test_a_single_volume_is_called_data() -> None:
    (one,) = volumes({"type": "persistent-claim", "size": "1Gi", "deleteClaim": True, "class": "fast"})
    assert (one.name, one.mount, one.delete_claim, one.storage_class) == ("data", "/var/lib/kafka/data", True, "fast")


def test_next_node_ids_come_first_in_their_order():
    fresh = {"brokers": (3, []), "controllers": (3, [])}
    preferred = {"brokers": list(range(100)), "controllers": list(range(100, 200))}
    assert assign_ids(fresh, preferred) == {"brokers": [0, 1, 2], "controllers": [100, 101, 102]}
    assert assign_ids({"a": (4, [7])}, {"a": [7, 9]}) == {"a": [0, 1, 7, 9]}


def test_the_annotation_is_read_as_strimzi_writes_it():
    assert id_range("[0, 2, 10-12]") == [0, 2, 10, 11, 12]
    assert id_range("[12-10]") == [12, 11, 10]
    spec = {"replicas": 1, "roles": ["broker"], "storage": {"type": "ephemeral"}}
    for text, ids in (("[5-6]", (5, 6)), ("five", ())):
        metadata = {"name": "a", "annotations": {"strimzi.io/next-node-ids": text}}
        assert parse({"metadata": metadata, "spec": spec}).next_ids == ids
