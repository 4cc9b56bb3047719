"""The two requests of our own, against a server that speaks Kafka's protocol by kafka-python."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kafka.protocol.admin
import pytest
from embedded_operator.kafka import ca
from kafkalogs.client.settings import Credentials
from kafkalogs.doctor import wire

api: Any = kafka.protocol.admin
Answer = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def authority() -> ca.Pair:
    return ca.make_ca("test", 10, datetime.now(UTC))


@pytest.fixture(scope="module")
def credentials(authority: ca.Pair) -> Credentials:
    client = ca.issue(authority, "doctor", 10, datetime.now(UTC))
    return Credentials(authority.cert, client.cert, client.key)


@pytest.fixture
def broker(authority: ca.Pair, tmp_path: Path) -> Iterator[Callable[[Answer], tuple[str, int]]]:
    """What starts a broker that gives one answer to clients with a certificate."""
    pair = ca.issue(authority, "broker", 10, datetime.now(UTC), names=["localhost"])
    (tmp_path / "pair.pem").write_text(pair.key + pair.cert)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    context.load_verify_locations(cadata=authority.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    listening = socket.create_server(("localhost", 0))

    def serve(answer: Answer) -> None:
        plain, _ = listening.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                (size,) = struct.unpack(">i", connection.recv(4))
                said = answer(connection.recv(size))
                connection.sendall(struct.pack(">i", len(said)) + said)
        except OSError:
            plain.close()

    def start(answer: Answer) -> tuple[str, int]:
        threading.Thread(target=serve, args=(answer,), daemon=True).start()
        return "localhost", listening.getsockname()[1]

    yield start
    listening.close()


def reply(response: Any, version: int, asked: list[Any], request: Any) -> Answer:
    """An answer as kafka-python writes it; what was asked is read as kafka-python reads it."""

    def answer(data: bytes) -> bytes:
        key, asked_version, correlation, length = struct.unpack(">hhih", data[:10])
        assert (key, asked_version) == (request.API_KEY, version)
        assert data[10 + length] == 0  # no tags
        asked.append(request.decode(data[11 + length :], version=version))
        return struct.pack(">ib", correlation, 0) + response.encode(version=version)

    return answer


def quotas_response(**values: Any) -> Any:
    entry = api.DescribeClientQuotasResponse.EntryData

    def of(value: float, **entity: str | None) -> Any:
        who = [entry.EntityData(entity_type=kind.replace("_", "-"), entity_name=name) for kind, name in entity.items()]
        return entry(entity=who, values=[entry.ValueData(key="producer_byte_rate", value=value)])

    entries = [of(1024.5, user="CN=nginx"), of(7.0, user=None), of(9.0, user="CN=x", client_id="y" * 200)]
    fields = {"throttle_time_ms": 0, "error_code": 0, "error_message": None, "entries": entries}
    return api.DescribeClientQuotasResponse(**{**fields, **values})


def test_quotas_of_all_entities(broker: Any, credentials: Credentials) -> None:
    asked: list[Any] = []
    place = broker(reply(quotas_response(), 1, asked, api.DescribeClientQuotasRequest))
    assert wire.quotas(place, wire.tls(credentials)) == {
        "CN=nginx": {"producer_byte_rate": 1024.5},
        "all users": {"producer_byte_rate": 7.0},
        f"client-id {'y' * 200} and user CN=x": {"producer_byte_rate": 9.0},
    }
    assert (asked[0].components, asked[0].strict) == ([], False)


def log_dirs_response(code: int = 0, *usable: int) -> Any:
    one = api.DescribeLogDirsResponse.DescribeLogDirsResult
    topic = one.DescribeLogDirsTopic
    parts = [
        topic.DescribeLogDirsPartition(partition_index=n, partition_size=1000 + n, offset_lag=0, is_future_key=False)
        for n in range(2)
    ]
    dirs = [
        one(
            error_code=code,
            log_dir=f"/{free}",
            topics=[topic(name="a", partitions=parts)],
            total_bytes=100,
            usable_bytes=free,
        )
        for free in usable
    ]
    return api.DescribeLogDirsResponse(throttle_time_ms=0, error_code=0, results=dirs)


@pytest.mark.parametrize(
    ("response", "seen"),
    [
        (log_dirs_response(0, 40, 30), wire.LogDir(4002, 200, 70)),
        (log_dirs_response(0, -1), wire.LogDir(2001, -1, -1)),
        (log_dirs_response(56, 5), wire.LogDir(2001, 100, 5, "/5: error 56 of Kafka's protocol")),
    ],
)
def test_the_disks_of_a_broker(broker: Any, credentials: Credentials, response: Any, seen: wire.LogDir) -> None:
    asked: list[Any] = []
    place = broker(reply(response, 4, asked, api.DescribeLogDirsRequest))
    assert wire.log_dir(place, wire.tls(credentials)) == seen
    assert asked[0].topics is None


def test_who_may_not_see_it_is_told_so(broker: Any, credentials: Credentials) -> None:
    context = wire.tls(credentials)
    refused = quotas_response(error_code=31, error_message="Cluster authorization failed.", entries=None)
    with pytest.raises(wire.RefusedError):
        wire.quotas(broker(reply(refused, 1, [], api.DescribeClientQuotasRequest)), context)
    with pytest.raises(wire.RefusedError):  # a broker shows no disk at all then
        wire.log_dir(broker(reply(log_dirs_response(), 4, [], api.DescribeLogDirsRequest)), context)


@pytest.mark.parametrize(
    "answer",
    [b"", b"\0\0\0\1\0\0", b"\0\0\0\1\0" + quotas_response(error_code=1).encode(version=1), b"\xff" * 60],
    ids=["nothing", "half an answer", "an error", "noise"],
)
def test_what_is_no_answer_is_an_error(broker: Any, credentials: Credentials, answer: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.quotas(broker(lambda _: answer), wire.tls(credentials))


def test_no_broker_and_another_authority_are_errors(broker: Any, credentials: Credentials) -> None:
    with pytest.raises(wire.WireError, match="no answer from localhost:1"):
        wire.quotas(("localhost", 1), wire.tls(credentials))
    other = ca.make_ca("other", 10, datetime.now(UTC))
    mine = ca.issue(other, "doctor", 10, datetime.now(UTC))
    context = wire.tls(Credentials(other.cert, mine.cert, mine.key))
    with pytest.raises(wire.WireError, match="certificate"):
        wire.quotas(broker(lambda data: data), context)
