"""Two requests to Kafka that confluent-kafka does not have: quotas and disks. https://kafka.apache.org/protocol

Only the needed part of Kafka's protocol: one request for each connection, in the versions with tagged fields.
"""

from __future__ import annotations

import socket
import ssl
import struct
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from ..client.settings import Credentials
from .seen import LogDir

T = TypeVar("T")

SECONDS: Final = 15
_QUOTAS: Final = (48, 1)
_LOG_DIRS: Final = (35, 4)
"""DescribeClientQuotas and DescribeLogDirs: key and version; both since Kafka 3.3."""

_REFUSED: Final = frozenset((29, 30, 31))
_LARGEST: Final = 256 << 20


class WireError(Exception):
    """Kafka answered nothing, or something else than was asked."""


class RefusedError(WireError):
    """Kafka denies the request: the user lacks the right."""


class Reader:
    """Takes the values of an answer out of its bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise WireError("an answer is too short")
        self._at += count
        return found

    def number(self, form: str) -> int:
        """The next number, in a format of `struct`."""
        return struct.unpack(f">{form}", self.take(struct.calcsize(form)))[0]

    def double(self) -> float:
        """The next float of 8 bytes."""
        return struct.unpack(">d", self.take(8))[0]

    def varint(self) -> int:
        """The next unsigned varint."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def text(self) -> str | None:
        """The next compact string; None for null."""
        length = self.varint()
        return None if length == 0 else self.take(length - 1).decode(errors="replace")

    def array(self, one: Callable[[], T]) -> list[T]:
        """The next compact array; `one` reads an item."""
        return [one() for _ in range(max(0, self.varint() - 1))]

    def tags(self) -> None:
        """Skip the tagged fields."""
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())


def tls(credentials: Credentials) -> ssl.SSLContext:
    """TLS towards brokers with a client's certificate."""
    context = ssl.create_default_context(cadata=credentials.ca)
    # Python reads a key only from a file: a temporary one that only this user can open.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{credentials.key}\n{credentials.certificate}")
        file.flush()
        context.load_cert_chain(Path(file.name))
    return context


def quotas(place: tuple[str, int], context: ssl.SSLContext) -> dict[str, dict[str, float]]:
    """All quotas by entity: a user's name, or words. place: host and port of any broker."""
    # no filter at all: those of client ids and addresses too
    answer = _ask(place, context, _QUOTAS, bytes((1, 0, 0)))
    answer.number("i")
    _check(answer.number("h"), answer.text() or "quotas")
    return dict(answer.array(lambda: _quota(answer)))


def _quota(answer: Reader) -> tuple[str, dict[str, float]]:
    entity = dict(answer.array(lambda: _entity(answer)))
    values = dict(answer.array(lambda: _value(answer)))
    answer.tags()
    return entity_name(entity), values


def entity_name(entity: Mapping[str, str | None]) -> str:
    """The entity of a quota. Without a name, the quota is the default of all."""
    if list(entity) == ["user"] and (user := entity["user"]) is not None:
        return user
    words = [f"all {kind}s" if name is None else f"{kind} {name}" for kind, name in sorted(entity.items())]
    return " and ".join(words)


def _entity(answer: Reader) -> tuple[str, str | None]:
    found = (answer.text() or "", answer.text())
    answer.tags()
    return found


def _value(answer: Reader) -> tuple[str, float]:
    found = (answer.text() or "", answer.double())
    answer.tags()
    return found


def log_dir(place: tuple[str, int], context: ssl.SSLContext) -> LogDir:
    """The disks of the broker at `place`, all its volumes together."""
    answer = _ask(place, context, _LOG_DIRS, bytes((0, 0)))
    answer.number("i")
    _check(answer.number("h"), "disks")
    dirs = answer.array(lambda: _dir(answer))
    if not dirs:
        raise RefusedError("the broker shows none of its disks")
    known = all(one.usable >= 0 for one in dirs)
    return LogDir(
        logs=sum(one.logs for one in dirs),
        total=sum(one.total for one in dirs) if known else -1,
        usable=sum(one.usable for one in dirs) if known else -1,
        error="; ".join(one.error for one in dirs if one.error),
    )


def _dir(answer: Reader) -> LogDir:
    code, path = answer.number("h"), answer.text()
    logs = sum(answer.array(lambda: _topic(answer)))
    total, usable = answer.number("q"), answer.number("q")
    answer.tags()
    return LogDir(logs, total, usable, f"{path}: error {code} of Kafka's protocol" if code else "")


def _topic(answer: Reader) -> int:
    answer.text()
    size = sum(answer.array(lambda: _partition(answer)))
    answer.tags()
    return size


def _partition(answer: Reader) -> int:
    answer.number("i")
    size = answer.number("q")
    answer.number("q")
    answer.take(1)
    answer.tags()
    return size


def _check(code: int, what: str) -> None:
    if code in _REFUSED:
        raise RefusedError(f"Kafka does not show {what}")
    if code:
        raise WireError(f"Kafka answers error {code} of its protocol for {what}")


def _ask(place: tuple[str, int], context: ssl.SSLContext, api: tuple[int, int], body: bytes) -> Reader:
    """The answer to one request, behind its header. Raises WireError."""
    name = b"kafkalogs-doctor"
    request = struct.pack(">hhih", *api, 1, len(name)) + name + b"\0" + body
    try:
        with (
            socket.create_connection(place, timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=place[0]) as connection,
        ):
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            if not 0 < size < _LARGEST:
                raise WireError(f"{place[0]}:{place[1]} does not speak Kafka's protocol")
            answer = Reader(_exactly(connection, size))
    except OSError as error:
        raise WireError(f"no answer from {place[0]}:{place[1]}: {error or type(error).__name__}") from error
    answer.number("i")
    answer.tags()
    return answer


def _exactly(connection: ssl.SSLSocket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connection.recv(min(65536, count - len(found)))
        if not part:
            raise WireError("Kafka closes the connection: it may be too old for this request")
        found += part
    return found
