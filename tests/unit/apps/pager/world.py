"""Helpers of the pager's tests: certificates, log events, and a fake of Kafka at confluent-kafka's boundary only."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pager.settings import Settings

KEY = "0123456789abcdefghijklmnopqrstuv"
OTHER_KEY = "vutsrqponmlkjihgfedcba9876543210"
TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class Tls:
    """A CA, and a certificate of it for localhost."""

    ca: Path
    certificate: Path
    key: Path


def make_tls(folder: Path, *hosts: str) -> Tls:
    """Certificates that strict verification takes too, the default from Python 3.13 on. hosts: localhost if none."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    hosts = hosts or ("localhost",)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name, own = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("test ca", hosts[0]))

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.CertificateBuilder:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
             "decipher_only"), False,
        )  # fmt: skip
        return (
            x509.CertificateBuilder(name, subject, public, x509.random_serial_number(), now - day, now + day)
            .add_extension(x509.BasicConstraints(ca, 0 if ca else None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )

    ca = builder(name, authority_key.public_key(), ca=True)
    leaf = builder(own, key.public_key(), ca=False)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
    made = Tls(folder / "ca.crt", folder / "tls.crt", folder / "tls.key")
    made.ca.write_bytes(ca.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(leaf.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def settings_of(folder: Path, **environment: str) -> Settings:
    """The settings of an environment, with the files that it names."""
    for name in ("user.crt", "user.key", "ca.crt"):
        (folder / name).write_text(name)
    (folder / "routing-key").write_text(f"{KEY}\n")
    given = {
        "PAGER_BOOTSTRAP": "localhost:9093",
        "PAGER_CERTS": str(folder),
        "PAGER_CA": str(folder / "ca.crt"),
        "PAGER_ROUTING_KEY": str(folder / "routing-key"),
    }
    return Settings.read({**given, **environment})


def event(service: str = "checkout-service", error: str = "timeout", message: str = "failed", **more: Any) -> bytes:
    """A log event, as the stream job writes it."""
    document: dict[str, Any] = {
        "timestamp": "2026-11-23T12:00:00.000Z",
        "service": service,
        "level": "critical",
        "message": message,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "instance": f"{service}-0",
        "attributes": {"error_class": error},
    }
    return json.dumps({**document, **more}).encode()


class Message:
    """What confluent-kafka hands out."""

    def __init__(self, partition: int, offset: int, value: bytes | None, error: KafkaError | None = None) -> None:
        self._partition, self._offset, self._value, self._error = partition, offset, value, error

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return getattr(self, "own_key", None)

    def headers(self) -> list[tuple[str, bytes]] | None:
        return None

    def error(self) -> KafkaError | None:
        return self._error


@dataclass
class Broker:
    """One topic of records with its group's offsets, and whatever is written to other topics."""

    partitions: int = 2
    log: dict[int, list[bytes | None]] = field(default_factory=dict)
    committed: dict[int, int] = field(default_factory=dict)
    written: dict[str, list[tuple[bytes | None, bytes | None, dict[str, bytes]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    refuses: set[str] = field(default_factory=set)
    happened: list[str] = field(default_factory=list)
    marks: dict[int, int] = field(default_factory=dict)
    """Offsets that marks of transactions take up at the end of a partition."""

    def __post_init__(self) -> None:
        self.log = {partition: [] for partition in range(self.partitions)}

    def append(self, *values: bytes | None, partition: int = 0) -> None:
        self.log[partition] += values

    def end(self, partition: int) -> int:
        return len(self.log[partition]) + self.marks.get(partition, 0)

    def state(self) -> dict[str, Any]:
        """What the compacted topic holds."""
        last = {(key or b"").decode(): value for key, value, _ in self.written["pager.state"]}
        return {key: json.loads(value) for key, value in last.items() if value}


class Consumer:
    """A consumer of the broker's topic, or of ``pager.state``."""

    def __init__(self, broker: Broker, settings: dict[str, Any]) -> None:
        self.broker = broker
        self.settings = settings
        self.paused = False
        self.positions: dict[int, int] = {}
        self.told_end: set[int] = set()
        self.todo: list[Callable[[], None]] = []
        self.topic = ""
        self.closed = False

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        (self.topic,) = topics
        self.callbacks = on_assign, on_revoke, on_lost
        self.give(range(self.broker.partitions))

    def give(self, partitions: Iterable[int]) -> None:
        places = [TopicPartition(self.topic, p) for p in partitions]
        self.todo.append(lambda: self.callbacks[0](self, places))

    def take(self, partitions: Iterable[int], *, lost: bool = False) -> None:
        """Another member gets partitions."""
        places = [TopicPartition(self.topic, p) for p in partitions]

        def gone() -> None:
            self.callbacks[2 if lost else 1](self, places)
            for place in places:
                self.positions.pop(place.partition, None)

        self.todo.append(gone)

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        for place in places:
            self.positions[place.partition] = self.broker.committed.get(place.partition, 0)
            self.told_end.discard(place.partition)

    def assign(self, places: list[TopicPartition]) -> None:
        (self.topic,) = {place.topic for place in places}

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused = True

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused = False

    def poll(self, seconds: float) -> Message | None:
        while self.todo:
            self.todo.pop(0)()
        if self.paused:
            return None
        for partition in sorted(self.positions):
            position = self.positions[partition]
            if position < len(self.broker.log[partition]):
                self.positions[partition] += 1
                self.told_end.discard(partition)
                return Message(partition, position, self.broker.log[partition][position])
            if partition not in self.told_end:
                self.told_end.add(partition)
                return Message(partition, self.broker.end(partition), None, KafkaError(KafkaError._PARTITION_EOF))
        return None

    def consume(self, count: int, timeout: float) -> list[Message]:
        if self.topic == "pager.state" and "group.instance.id" not in self.settings:
            messages = []
            for offset, (key, value, _) in enumerate(self.broker.written["pager.state"]):
                messages.append(Message(0, offset, value))
                messages[-1].own_key = key
            return [*messages, Message(0, len(messages), None, KafkaError(KafkaError._PARTITION_EOF))]
        found = iter(lambda: self.poll(0), None)
        return [message for _, message in zip(range(count - 1), found, strict=False)]

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert asynchronous is False
        if "commit" in self.broker.refuses:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        for place in offsets:
            self.broker.committed[place.partition] = place.offset
            self.broker.happened.append(f"commit {place.partition}:{place.offset}")
        return offsets

    def list_topics(self, topic: str, timeout: float) -> Any:
        return listing(topic, 1 if topic == "pager.state" else self.broker.partitions)

    def close(self) -> None:
        if hasattr(self, "callbacks") and self.positions:
            self.callbacks[1](self, [TopicPartition(self.topic, p) for p in list(self.positions)])
        self.closed = True


def listing(topic: str, partitions: int) -> Any:
    about = type("About", (), {"error": None, "partitions": dict.fromkeys(range(partitions))})
    return type("Listing", (), {"topics": {topic: about}})


class Producer:
    """Writes at flush, all or nothing for each topic."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.queue: list[tuple[str, bytes | None, bytes | None, dict[str, bytes], Any]] = []

    def produce(self, topic: str, value: bytes | None, key: bytes | None, on_delivery: Any, headers: Any = ()) -> None:
        self.queue.append((topic, key, value, dict(headers), on_delivery))

    def flush(self, seconds: float) -> int:
        for topic, key, value, headers, done in self.queue:
            if topic in self.broker.refuses:
                done(KafkaError(KafkaError._MSG_TIMED_OUT), None)
            else:
                self.broker.written[topic].append((key, value, headers))
                self.broker.happened.append(f"write {topic}")
                done(None, None)
        self.queue.clear()
        return 0


class Admin:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    def list_topics(self, topic: str, timeout: float) -> Any:
        if "admin" in self.broker.refuses:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return listing(topic, self.broker.partitions)

    def list_offsets(self, places: dict[TopicPartition, Any], **how: Any) -> dict[TopicPartition, Any]:
        def end(partition: int) -> Any:
            found = type("Info", (), {"offset": self.broker.end(partition)})
            return type("Future", (), {"result": staticmethod(lambda: found)})

        return {place: end(place.partition) for place in places}


class Clock:
    """Time that passes when told to. Stands for the module ``time``."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - 1_799_999_000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
