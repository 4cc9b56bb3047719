"""The log event's schema: it takes what the platform writes, and says the same in JSON Schema and in Avro."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs.client.logevent import LogEvent, LogEventError
from kafkalogs.client.settings import Catalog
from kafkalogs.config.levels import LEVELS
from kafkalogs.replay.file import LogFile, Place, ReplayState
from kafkalogs.replay.sender import Destination, Replay
from kafkalogs.schemas.event import FIELDS, Field, avro_schema, json_schema, schema_text
from shop.delivery import encode
from shop.traffic import events_of, trace_of

from tests.support.stub_platform import DOCUMENT, Kafka

from .events import JSON, NAMES, data, documents, through_avro, to_avro, to_json

EVENT = {
    "timestamp": "2026-01-02T03:04:05.678Z",
    "service": "checkout-service",
    "level": "info",
    "message": "checkout completed",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "instance": "checkout-1",
    "attributes": {"user_id": "user-00001", "duration_ms": 12.5},
}


def valid(value: bytes) -> bool:
    return JSON.is_valid(json.loads(value))


def test_its_fields_are_those_of_the_log_event_in_the_same_order():
    assert [field.name for field in dataclasses.fields(LogEvent)] == NAMES
    assert json_schema()["required"] == NAMES
    assert json_schema()["properties"]["level"]["enum"] == list(LEVELS)


def test_every_event_of_the_shop_is_valid():
    seen = 0
    for k in range(3000):
        for event in events_of(7, k):
            value = encode(event, trace_of(7, k), 1_780_000_000.0 + k, "pod-1")
            assert valid(value), value
            through_avro(to_avro(json.loads(value)))
            seen += 1
    assert seen > 10_000


def test_every_event_of_a_replay_is_valid(tmp_path):
    log, kafka = tmp_path / "old.log", Kafka()
    log.write_bytes(b"".join([
        b"plain\n", b"[Sun Dec 04 04:47:44 2005] [error] mod_jk child in error state\n", b"\n", b"not utf-8 \xff\n",
        '2026-01-02 03:04:05,678 WARN "quotes", tab\t and \u00fcml\u00e4ut \U0001f600\n'.encode(), b"the last one",
    ]))  # fmt: skip
    file = LogFile(log)
    to = Destination(Catalog.parse(json.dumps(DOCUMENT)), "checkout-service", None, None, "old-1")
    Replay(file, ReplayState(tmp_path, file, "somewhere"), Place(), to, kafka).run(lambda offset: None)
    assert len(kafka.events) == 4
    for event in kafka.events:
        JSON.validate(event)
        through_avro(to_avro(event))


@given(
    st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(LEVELS),
    documents,
)
def test_every_event_that_the_platform_writes_is_valid(moment, level, like):
    event = LogEvent(**{**like, "timestamp": moment, "level": level})
    assert valid(event.to_json())


@given(documents)
def test_what_is_valid_can_be_read_as_an_event(document):
    JSON.validate(document)
    value = json.dumps(document).encode()
    assert json.loads(LogEvent.from_json(value).to_json())["message"] == document["message"]


@given(documents)
def test_a_valid_event_of_json_is_one_of_avro_and_comes_back_the_same(document):
    JSON.validate(document)
    back = to_json(through_avro(to_avro(document)))
    JSON.validate(back)
    moment = datetime.fromisoformat(document["timestamp"])
    assert abs(datetime.fromisoformat(back.pop("timestamp")) - moment).total_seconds() < 0.001
    assert back == {name: value for name, value in document.items() if name != "timestamp"}


@given(data)
def test_a_valid_event_of_avro_is_one_of_json_and_comes_back_the_same(datum):
    read = through_avro(datum)
    assert read == datum
    document = to_json(read)
    JSON.validate(document)
    assert to_json(through_avro(to_avro(document))) == document


def test_the_example_is_valid():
    JSON.validate(EVENT)
    assert to_json(through_avro(to_avro(EVENT)))["attributes"] == EVENT["attributes"]


def without(name):
    return lambda document: {key: value for key, value in document.items() if key != name}


def having(**values):
    return lambda document: {**document, **values}


@pytest.mark.parametrize(
    "break_it",
    [
        *(pytest.param(without(name), id=f"no {name}") for name in NAMES),
        *(pytest.param(having(**{name: None}), id=f"{name} null") for name in NAMES),
        *(pytest.param(having(**{name: 5.5}), id=f"{name} number") for name in NAMES),
        pytest.param(having(colour="red"), id="unknown field"),
        pytest.param(having(level="fatal"), id="unknown level"),
        pytest.param(having(level="Error"), id="level in capitals"),
        pytest.param(having(attributes=[]), id="attributes a list"),
    ],
)
def test_what_the_one_refuses_the_other_refuses_too(break_it):
    broken = break_it(EVENT)
    assert not JSON.is_valid(broken)
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        through_avro(to_avro(broken))
    with pytest.raises(LogEventError):
        LogEvent.from_json(json.dumps(broken).encode())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("service", ""),
        ("instance", ""),
        ("trace_id", "0" * 32),
        ("trace_id", "A" * 32),
        ("trace_id", "a" * 31),
        ("trace_id", "a" * 33),
        ("trace_id", "a" * 32 + "\n"),
        ("trace_id", "g" * 32),
        ("span_id", "0" * 16),
        ("span_id", "a" * 15),
        ("span_id", "a" * 16 + "\n"),
        ("timestamp", "2026-01-02"),
        ("timestamp", "2026-01-02T03:04:05"),
        ("timestamp", "2026-01-02 03:04:05Z"),
        ("timestamp", "20260102T030405Z"),
        ("timestamp", "2026-13-02T03:04:05Z"),
        ("timestamp", "2026-02-30T03:04:05Z"),
        ("timestamp", "2026-01-02T24:00:00Z"),
        ("timestamp", "2026-01-02T03:04:05.Z"),
        ("timestamp", "2026-01-02T03:04:05Z\n"),
        ("timestamp", ""),
    ],
)
def test_texts_of_another_form_are_invalid(name, wrong):
    assert not JSON.is_valid({**EVENT, name: wrong})


def test_an_optional_field_is_left_out_in_json_and_null_in_avro():
    fields = (*FIELDS, Field("region", "text", "Where it runs.", required=False))
    assert "region" in json_schema(fields)["properties"]
    assert "region" not in json_schema(fields)["required"]
    assert avro_schema(fields)["fields"][-1] == {
        "name": "region",
        "doc": "Where it runs.",
        "type": ["null", "string"],
        "default": None,
    }


def test_each_choice_has_an_avro_type_of_its_own():
    fields = (*FIELDS, Field("error_class", "choice", "What failed.", required=False, choices=("a", "b")))
    kinds = [field["type"] for field in avro_schema(fields)["fields"]]
    assert {"type": "enum", "name": "Level", "symbols": list(LEVELS)} in kinds
    assert ["null", {"type": "enum", "name": "ErrorClass", "symbols": ["a", "b"]}] in kinds


def test_its_text_is_always_the_same():
    assert schema_text(json_schema()) == schema_text(json_schema())
    assert json.loads(schema_text(avro_schema())) == avro_schema()
