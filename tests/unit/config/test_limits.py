"""The limits of sizes fit each other: what one part accepts, each later part can take."""

from typing import Any

import pytest
from kafkalogs import load
from kafkalogs.catalog import resolve
from kafkalogs.config import limits, units
from kafkalogs.pager import record as pager
from kafkalogs.parts import part_topics
from kafkalogs.sinks import heap, settings
from kafkalogs.stream import record as stream
from kafkalogs.stream.script import LARGEST_EVENT, render

from tests.support.wrong_stacks import platform_of

SIZES = ("16KiB", "1MiB", "3MiB", "8MiB")


def stack(size: str) -> Any:
    platform = platform_of("prod")
    platform["services"]["checkout-service"]["maxMessageBytes"] = size
    return load(platform)


@pytest.mark.parametrize("size", SIZES)
def test_each_sinks_dead_letters_take_the_largest_batch_that_the_sink_reads_with_headers(size: str) -> None:
    platform = stack(size)
    largest = max(topic.max_message_bytes for topic in resolve.topics_of(platform).values())
    letters = {topic.name: topic for _, topic in part_topics(platform) if topic.kind == "dead-letters"}
    for sink in ("archive", "search", "audit"):
        taken = letters[f"dlq.{sink}"].config["max.message.bytes"]
        assert isinstance(taken, int)
        assert taken >= largest + units.MIB, f"{sink}: a batch of {largest} does not fit"
        assert taken < limits.LARGEST_REQUEST


def test_the_producer_of_dead_letters_takes_a_record_of_the_largest_topic_and_holds_it() -> None:
    config = settings.delivery_config(["logs.a"], "dlq.archive", 3)
    request, memory = (config[f"producer.override.{key}"] for key in ("max.request.size", "buffer.memory"))
    assert limits.letter_batch(limits.LARGEST_BATCH) <= request <= memory
    assert config["value.converter.max.bytes"] * 16 <= request
    # A letter of a record that the converter refused has no other keeper than this producer.
    assert config["producer.override.delivery.timeout.ms"] >= units.DAY


@pytest.mark.parametrize("size", SIZES)
def test_the_workers_have_room_for_a_batch_of_each_partition(size: str) -> None:
    largest = resolve.largest_batch(stack(size))
    load = heap.ConnectorLoad(tasks=1, partitions=300, fetch=limits.fetched(largest))
    assert heap.heap_bytes([load], 2) * heap.USABLE_HEAP >= 300 * largest
    assert load.fetch >= heap.FETCH


def test_what_the_stream_job_writes_fits_into_its_topics_whatever_the_characters() -> None:
    made = stream.derived("error", 3, 3, 2, units.HOUR).config["max.message.bytes"]
    assert isinstance(made, int)
    assert len("\N{FIRE}".encode()) == limits.CHARACTER
    assert made >= LARGEST_EVENT * limits.CHARACTER + limits.DERIVED_ROOM
    letters = stream.dead_letters(3, 2).config["max.message.bytes"]
    assert isinstance(letters, int)
    assert letters >= stream.DEAD_LETTER_CHARACTERS * limits.CHARACTER + limits.STREAM_LETTER_ROOM
    assert render("{{ dead_letter_bytes }} {{ largest_event }}") == f"{letters} {LARGEST_EVENT}"


def test_the_pagers_dead_letters_fit_into_their_topic_and_hold_an_error() -> None:
    assert pager.dead_letters(3, 2).config["max.message.bytes"] == pager.DEAD_LETTER_BYTES
    assert pager.DEAD_LETTER_BYTES > limits.DEFAULT_BATCH


@pytest.mark.parametrize("size", SIZES)
def test_a_clients_largest_record_is_its_topics_batch(size: str) -> None:
    platform = stack(size)
    assert resolve.topics_of(platform)["logs.checkout-service"].max_message_bytes == units.parse_size(size)
