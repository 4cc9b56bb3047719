"""A dead letter: the record, where it comes from, and why it is here. Pure.

Three programs write dead letters, each with its own headers: Kafka Connect (`__connect.errors.*`, KIP-298), the stream
job (`reason`, `topic`, `partition`, `offset`) and the pager (`kafkalogs.reason`, `kafkalogs.topic`, ...).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import Message

Header = tuple[str, bytes | None]

SENT_AGAIN = "sent-again-from"
"""The header of a record that was sent again: topic, partition and offset of its dead letter."""

_CONNECT = "__connect.errors."
_PAGER = "kafkalogs."
_STREAM = frozenset({"reason", "topic", "partition", "offset", "timestamp"})


@dataclass(frozen=True)
class Letter:
    """One dead letter. topic, partition, offset: its own place; source: the place of the record that it holds, or None
    if its headers do not say it. headers: those of that record. at: when the letter was written; ms since 1970."""

    topic: str
    partition: int
    offset: int
    at: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    source: tuple[str, int, int] | None
    reason: str

    @property
    def place(self) -> str:
        """Its own place, in one word."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def again(self) -> list[Header]:
        """The headers with which it is sent again: its record's own, and which letter it was."""
        return [*(one for one in self.headers if one[0] != SENT_AGAIN), (SENT_AGAIN, self.place.encode())]


def letter_of(message: Message) -> Letter:
    """The letter that a record of a dead-letter topic holds."""
    headers = [(str(name), _bytes(value)) for name, value in message.headers() or ()]
    own, about = _apart(headers)
    return Letter(
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        at=int(message.timestamp()[1]),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple(own),
        source=_source(about),
        reason=_reason(about),
    )


def _apart(headers: Sequence[Header]) -> tuple[list[Header], dict[str, str]]:
    """The record's own headers, and what its reader added, by names without the reader's prefix.

    A record's own headers stand first, so of two with one name the last is the reader's.
    """
    names = {name for name, _ in headers}
    if any(name.startswith(_CONNECT) for name in names):
        prefix, added = _CONNECT, {name for name in names if name.startswith(_CONNECT)}
    elif any(name.startswith(_PAGER) for name in names):
        prefix, added = _PAGER, {name for name in names if name.startswith(_PAGER)}
    else:
        prefix, added = "", {name for name in names if name in _STREAM}
    about = {name.removeprefix(prefix): _text(value) for name, value in headers if name in added}
    return [(name, value) for name, value in headers if name not in added], about


def _source(about: dict[str, str]) -> tuple[str, int, int] | None:
    topic = about.get("topic", "")
    partition, offset = about.get("partition", ""), about.get("offset", "")
    if not topic or not partition.isascii() or not partition.isdigit() or not offset.isascii() or not offset.isdigit():
        return None
    return topic, int(partition), int(offset)


def _reason(about: dict[str, str]) -> str:
    """Why the record is here. Connect says it by a class and a message, the others by a reason."""
    said = about.get("reason") or about.get("exception.message") or about.get("exception.class.name") or "not said"
    return " ".join(said.split())


def _bytes(value: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
