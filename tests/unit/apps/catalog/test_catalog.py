"""The service catalog: the topic says afterwards what the stack file says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from catalog.__main__ import SETTINGS, UNAVAILABLE, attempt, changes, main, present, until_taken, wanted
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer


@pytest.fixture(scope="module")
def client() -> Iterator[dict[str, Any]]:
    """A Kafka of librdkafka's own."""
    server = Producer({"test.mock.num.brokers": 1})
    (broker,) = server.list_topics("c", timeout=10).brokers.values()  # asking makes the topic
    yield {"bootstrap.servers": f"{broker.host}:{broker.port}"}
    server.flush(1)


def topic_says(client: dict[str, Any], topic: str) -> dict[str, str]:
    consumer = Consumer({**client, "group.id": "test", "enable.partition.eof": True})
    try:
        return present(consumer, topic)
    finally:
        consumer.close()


def test_the_topic_says_what_is_wanted_also_what_was_wanted_before(client: dict[str, Any]) -> None:
    first, second = {"a": '{"team": "x"}', "b": '{"team": "y"}'}, {"a": '{"team": "z"}'}
    assert attempt(client, "c", first) == 2
    assert topic_says(client, "c") == first
    assert attempt(client, "c", first) == 0
    assert attempt(client, "c", second) == 2
    assert topic_says(client, "c") == second
    assert attempt(client, "c", first) == 2
    assert topic_says(client, "c") == first


def test_only_what_differs_is_written() -> None:
    assert changes({"a": "1", "b": "2"}, {"a": "1", "c": "3"}) == {"c": "3", "b": None}


def test_it_tries_again_while_kafka_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("catalog.__main__.time.sleep", naps.append)
    answers = iter([KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)), 3])

    def again() -> int:
        answer = next(answers)
        if isinstance(answer, int):
            return answer
        raise answer

    assert until_taken(again) == 0
    assert len(naps) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "3 services changed"
    monkeypatch.setattr("catalog.__main__.PATIENCE", -1)
    answers = iter([KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))])
    assert until_taken(again) == UNAVAILABLE
    assert len(naps) == 1


def test_wrong_settings_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "services.json"
    file.write_text('{"service": "a"}\n{"team": "b"}\n')
    monkeypatch.setenv("CATALOG_FILE", str(file))
    assert main() == SETTINGS
    assert "'service'" in capsys.readouterr().out
    file.write_text('{"service": "a", "team": null}\n')
    assert wanted(file) == {"a": '{"service": "a", "team": null}'}
