"""The heap of Kafka Connect's workers."""

from hypothesis import given
from hypothesis import strategies as st
from kafkalogs.config import units
from kafkalogs.sinks.heap import BASE_HEAP, FETCH, HEAP_STEP, USABLE_HEAP, ConnectorLoad, heap_bytes
from kafkalogs.sinks.settings import MAX_EVENT, POLL_RECORDS, archive_load, database_load, search_load


def test_without_connectors_the_heap_is_the_base():
    assert heap_bytes([], 2) == 5 * HEAP_STEP  # 192 MiB / 0.7, rounded up


def test_the_formula_of_the_heap():
    load = ConnectorLoad(tasks=3, partitions=30, task_bytes=20 * units.MIB, partition_bytes=5 * units.MIB)
    # three workers, one of which may be gone: two tasks and 15 partitions each
    needed = (BASE_HEAP + 2 * 20 * units.MIB + 15 * (FETCH + 5 * units.MIB)) / USABLE_HEAP
    assert needed <= heap_bytes([load], 3) < needed + HEAP_STEP


def test_a_single_worker_holds_everything_and_so_does_one_of_two():
    load = ConnectorLoad(tasks=4, partitions=40, task_bytes=units.MIB)
    assert heap_bytes([load], 1) == heap_bytes([load], 2) > heap_bytes([load], 5)


@given(st.lists(st.builds(ConnectorLoad, *[st.integers(1, 500)] * 2, *[st.integers(0, 2**26)] * 3)), st.integers(1, 9))
def test_more_connectors_never_need_less_heap(loads, workers):
    heap = heap_bytes(loads, workers)
    assert heap % HEAP_STEP == 0
    assert heap_bytes([*loads, ConnectorLoad(1, 1)], workers) >= heap >= heap_bytes(loads, workers + 1)


@given(st.integers(1, 40), st.integers(1, 200), st.integers(1, 9))
def test_a_poll_of_the_largest_events_fits_beside_full_buffers(tasks, partitions, workers):
    loads = [archive_load(tasks, partitions, 14), search_load(tasks, partitions), database_load(tasks, partitions)]
    left = max(1, workers - 1)
    held = BASE_HEAP + sum(-(-load.partitions // left) * FETCH for load in loads)
    held += sum(-(-load.tasks // left) * (load.task_bytes + POLL_RECORDS * 3 * MAX_EVENT) for load in loads)
    assert heap_bytes(loads, workers) > held
