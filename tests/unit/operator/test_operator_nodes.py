"""Node ids of pools, and volumes."""

from __future__ import annotations

from embedded_operator.nodes import assign_ids, volumes
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
