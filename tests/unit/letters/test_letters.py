"""`kafkalogs letters` against a Kafka of librdkafka's own: what is listed, and what is sent again, and how often.

That Kafka forgets the offsets of transactions and shows records of aborted ones. So transactions are `Transactions`
here; tests/integration/test_5_letters.py has those of Kafka.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kafkalogs import cli
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.kafka.letters_user import letters_user
from kafkalogs.letters import box, command
from kafkalogs.letters.letter import SENT_AGAIN

from tests.support.wrong_stacks import platform_of

_NUMBERS = itertools.count()


class Transactions:
    """A producer whose records and offsets are there when its transaction is committed, or not at all."""

    def __init__(self, settings: dict[str, Any]) -> None:
        plain = {"bootstrap.servers": settings["bootstrap.servers"], "linger.ms": 5}
        group = settings["transactional.id"]
        self._producer = Producer(plain)
        self._consumer = Consumer({**plain, "group.id": group, "enable.auto.commit": False})
        self._records: list[tuple[Any, ...]] | None = None
        self._offsets: list[TopicPartition] = []

    def init_transactions(self, _: float) -> None:
        """Nothing is left of an earlier run."""

    def begin_transaction(self) -> None:
        assert self._records is None
        self._records, self._offsets = [], []

    def produce(self, *words: Any, headers: Any) -> None:
        assert self._records is not None
        self._records.append((words, headers))

    def poll(self, _: float) -> int:
        return 0

    def flush(self, _: float) -> int:
        for words, _headers in self._records or ():
            words[4](None, None)
        return 0

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], group: object, _: float) -> None:
        assert group is not None
        self._offsets = offsets

    def commit_transaction(self, _: float) -> None:
        for words, headers in self._records or ():
            self._producer.produce(*words[:4], headers=headers)
        assert self._producer.flush(10) == 0
        self._consumer.commit(offsets=self._offsets, asynchronous=False)
        self._records = None

    def abort_transaction(self, _: float) -> None:
        self._records = None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a broker whose topics have four partitions."""
    kafka = Producer({"test.mock.num.brokers": 1})
    (broker,) = kafka.list_topics("logs.a", timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    kafka.flush(1)


@pytest.fixture
def topic() -> str:
    """A dead-letter topic of the test's own."""
    return f"dlq.test-{next(_NUMBERS)}"


@pytest.fixture
def run(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The command, at that broker."""
    monkeypatch.setattr(command, "_letters", lambda _: box.Letters({"bootstrap.servers": server}))
    monkeypatch.setattr(box, "Producer", Transactions)
    return lambda *words: cli.main(["letters", *words, "--kubeconfig", str(tmp_path / "none")])


def write(server: str, topic: str, letters: list[tuple[bytes | None, bytes | None, list[Any]]]) -> None:
    producer = Producer({"bootstrap.servers": server, "linger.ms": 5})
    for key, value, headers in letters:
        producer.produce(topic, value, key, 0, headers=headers)
    assert producer.flush(10) == 0


def connect(source: str, partition: int, offset: int, reason: str = "no log event") -> list[Any]:
    about = {"topic": source, "partition": str(partition), "offset": str(offset), "exception.message": reason}
    return [(f"__connect.errors.{name}", value.encode()) for name, value in about.items()]


def read(server: str, topic: str, partition: int) -> list[tuple[bytes | None, bytes | None, list[Any]]]:
    """What consumers of committed records see."""
    settings = {"bootstrap.servers": server, "group.id": "test", "enable.partition.eof": True}
    consumer = Consumer(settings | {"isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, partition, 0)])
    found: list[tuple[bytes | None, bytes | None, list[Any]]] = []
    until = time.monotonic() + 20
    try:
        while time.monotonic() < until:
            message = consumer.poll(1)
            if message is not None and message.error():
                return found
            if message is not None:
                found.append((message.key(), message.value(), list(message.headers() or [])))
        raise AssertionError(f"no end of {topic}/{partition}")
    finally:
        consumer.close()


def five_letters(server: str, topic: str) -> str:
    """Five letters of a topic that exists; its name."""
    source = f"logs.{topic}"
    Producer({"bootstrap.servers": server}).list_topics(source, timeout=10)  # asking makes the topic
    write(server, topic, [(b"k", b"v%d" % n, connect(source, 0, n)) for n in range(5)])
    return source


def test_letters_go_to_their_partition_with_key_headers_and_order_and_only_once(
    server: str, topic: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"logs.{topic}"
    own = [("trace", b"t"), ("trace", b"u"), ("empty", None)]
    write(server, topic, [(b"k%d" % n, b"v%d" % n, [*own, *connect(source, n % 2, 40 + n)]) for n in range(7)])
    write(server, source, [])
    Producer({"bootstrap.servers": server}).list_topics(source, timeout=10)  # asking makes the topic
    assert run("send", topic) == 0
    assert "7 letters sent again, 0 not" in capsys.readouterr().out
    for number in (0, 1):
        again = [n for n in range(7) if n % 2 == number]
        marked = [[*own, (SENT_AGAIN, f"{topic}/0/{n}".encode())] for n in again]
        assert read(server, source, number) == [
            (b"k%d" % n, b"v%d" % n, headers) for n, headers in zip(again, marked, strict=True)
        ]
    assert run("send", topic) == 0
    assert "0 letters sent again, 0 not" in capsys.readouterr().out
    assert len(read(server, source, 0)) == 4
    write(server, topic, [(None, None, connect(source, 0, 99))])
    assert run("send", topic) == 0
    assert read(server, source, 0)[4:] == [(None, None, [(SENT_AGAIN, f"{topic}/0/7".encode())])]
    assert run("send", topic, "--restart", "--limit", "1") == 0
    assert read(server, source, 0)[5][1] == b"v0"


def test_a_run_that_fails_sends_nothing_and_the_next_one_everything(
    server: str, topic: str, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = five_letters(server, topic)

    def broken(producer: Producer, letter: box.Letter, failed: list[str]) -> None:
        whole(producer, letter, failed)
        if letter.value == b"v3":
            raise AccessError("the connection broke")

    whole = box._produce  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(box, "_produce", broken)
    assert run("send", topic) == 3
    assert read(server, source, 0) == []
    monkeypatch.setattr(box, "_produce", whole)
    assert run("send", topic) == 0
    assert [value for _, value, _ in read(server, source, 0)] == [b"v%d" % n for n in range(5)]


def test_two_runs_at_the_same_time_send_each_letter_once(
    server: str, topic: str, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run sends until the second one's producer ends it: what it has sent by then is not sent again."""
    source = five_letters(server, topic)

    class Second(Transactions):
        def init_transactions(self, _: float) -> None:
            monkeypatch.setattr(box, "Producer", Transactions)
            assert run("send", topic, "--limit", "3") == 0

    monkeypatch.setattr(box, "Producer", Second)
    assert run("send", topic) == 0
    assert [value for _, value, _ in read(server, source, 0)] == [b"v%d" % n for n in range(5)]


def test_what_cannot_be_sent_is_counted_with_its_reason_and_the_rest_is_sent(
    server: str, topic: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"logs.{topic}"
    Producer({"bootstrap.servers": server}).list_topics(source, timeout=10)
    long = [("reason", b"longer than 5 characters"), ("topic", source.encode()), ("partition", b"0"), ("offset", b"1")]
    pager = [("kafkalogs.reason", b"no event"), ("kafkalogs.topic", source.encode())]
    pager += [("kafkalogs.partition", b"1"), ("kafkalogs.offset", b"7"), ("mine", b"m")]
    write(
        server,
        topic,
        [
            (None, b"no headers", []),
            (None, b"partition", connect(source, 9_999, 1)),
            (None, b"text", [("topic", source.encode()), ("partition", "²".encode()), ("offset", b"1")]),
            (None, b"cut", long),
            (None, b"of the pager", pager),
        ],
    )
    assert run("send", topic) == 1
    said = capsys.readouterr().out
    assert "1 letters sent again, 4 not" in said
    assert f"not sent: 2, {box.NO_SOURCE}" in said
    assert f"not sent: 1, {box.GONE}" in said
    assert f"not sent: 1, {box.CUT}" in said
    skipped = "  {} before them were skipped by `send`, and never sent; `show {} --all` prints them"
    for further, count in (([], 4), ([(None, b"later", connect(source, 0, 9)), (None, b"none", [])], 5)):
        write(server, topic, further)
        run("send", topic)
        capsys.readouterr()
        run("list")
        said = capsys.readouterr().out
        assert f"{topic}: 0 letters to send again\n{skipped.format(count, topic)}\n" in said
    assert run("send", topic, "--restart", "--limit", "2") == 1
    capsys.readouterr()
    run("list")
    assert f"{topic}: 5 letters to send again" in (said := capsys.readouterr().out)
    assert skipped.format(2, topic) in said
    run("send", topic, "--restart")
    again = (None, b"of the pager", [("mine", b"m"), (SENT_AGAIN, f"{topic}/0/4".encode())])
    assert read(server, source, 1) == [again, again]


def test_skipped_letters_count_until_kafka_has_deleted_them() -> None:
    told = str(box.Skips(3, 41))
    assert box.skips_of(told, 41) == box.Skips(3, 41)
    assert box.skips_of(told, 42) == box.skips_of(None, 0) == box.skips_of(str(box.Skips()), 0) == box.Skips()


def test_list_and_show_say_where_letters_come_from_and_why(
    server: str, topic: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    write(server, topic, [(b"k", b"\x1b[31m[red]\xff", connect("logs.a", 1, 5, "no\nlog event")), (None, b"b", [])])
    assert run("list") == 0
    said = capsys.readouterr().out
    assert f"{topic}: 2 letters to send again" in said
    assert "  1 of logs.a: no log event" in said
    assert run("show", topic.removeprefix("dlq."), "--limit", "1") == 0
    said = capsys.readouterr().out
    assert f"{topic}/0/0  " in said
    assert "from logs.a/1/5" in said
    assert "value: \\x1b[31m[red]\\xff" in said
    assert said.count("value:") == 1
    assert run("show", "none-such") == 2
    assert "there is no dead-letter topic 'dlq.none-such'" in capsys.readouterr().err


def test_kafka_that_is_away_is_an_error_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(box, "_SECONDS", 1.0)
    monkeypatch.setattr(command, "_letters", lambda _: box.Letters({"bootstrap.servers": "127.0.0.1:1"}))
    assert cli.main(["letters", "list"]) == 3
    assert "kafkalogs: Kafka, asked as letters: " in capsys.readouterr().err


def test_the_identity_reads_dead_letters_only_and_has_a_quota() -> None:
    from kafkalogs import load

    user = letters_user(load(platform_of("prod")))
    assert user.producer_byte_rate
    readable = {(acl.name, acl.pattern) for acl in user.acls if acl.kind == "topic" and "Read" in acl.operations}
    assert readable == {("dlq.", "prefix")}
    assert not any(acl.kind == "cluster" for acl in user.acls)
