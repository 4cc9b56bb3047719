"""The book of incidents: which are open, which event to send next, and up to where offsets may be committed. Pure.

An incident that PagerDuty does not know yet holds its records: until it is accepted, no offset at or behind them is
committed. Once it is open, a repeat is done when it is counted in the incident's state, which is kept in Kafka before
its offset is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pager.alert import Alert, iso, without_attributes

Action = Literal["trigger", "update", "resolve"]


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the topic. size: bytes."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of value and key."""
        return len(self.value or b"") + len(self.key or b"")


@dataclass(slots=True)
class Incident:
    """One incident. Times in seconds since 1970.

    payload: of its first record until it is open, of the newest from then on. seen: when its newest record was read.
    first, last: when its first and last record happened. records: how many there were. told: how many PagerDuty
    knows. counted: partition to the offset after the last counted record. told_at: when PagerDuty last accepted an
    event of it; 0 if never, then ``held`` has its records. routing_key: fingerprint of the key that it is open under.
    """

    dedup_key: str
    payload: dict[str, Any]
    seen: float
    first: float
    last: float
    records: int = 0
    told: int = 0
    counted: dict[int, int] = field(default_factory=dict[int, int])
    told_at: float = 0.0
    routing_key: str = ""
    held: list[Record] = field(default_factory=list[Record])

    @property
    def open(self) -> bool:
        """Whether PagerDuty knows of it."""
        return self.told_at > 0

    def details(self) -> dict[str, Any]:
        """The details of an event: counts and times of the records."""
        return {
            "records": self.records,
            "records_since_last_event": self.records - self.told,
            "first_record": iso(self.first),
            "last_record": iso(self.last),
        }

    def state(self) -> dict[str, Any]:
        """What is kept of an open incident, as JSON."""
        return {
            "payload": without_attributes(self.payload),
            "seen": self.seen,
            "first": self.first,
            "last": self.last,
            "records": self.records,
            "told": self.told,
            "counted": {str(partition): offset for partition, offset in self.counted.items()},
            "toldAt": self.told_at,
            "routingKey": self.routing_key,
        }

    @classmethod
    def restored(cls, dedup_key: str, state: Mapping[str, Any]) -> Incident:
        """The incident of a state. Raises KeyError, TypeError or ValueError if it is none."""
        return cls(
            dedup_key=dedup_key,
            payload={**state["payload"], "custom_details": {**state["payload"]["custom_details"]}},
            seen=float(state["seen"]),
            first=float(state["first"]),
            last=float(state["last"]),
            records=int(state["records"]),
            told=int(state["told"]),
            counted={int(partition): int(offset) for partition, offset in state["counted"].items()},
            told_at=float(state["toldAt"]),
            routing_key=str(state["routingKey"]),
        )


class Book:
    """All incidents. quiet: seconds without a record after which one is resolved. update: least seconds between two
    events about the same open incident.
    """

    def __init__(self, quiet: float, update: float) -> None:
        self._quiet = quiet
        self._update = update
        self._incidents: dict[str, Incident] = {}
        # the order in which those that are not open yet are tried; one that failed goes to the end
        self._waiting: dict[str, None] = {}
        self.changed: set[str] = set()
        self.held_bytes = 0

    def restore(self, incident: Incident) -> None:
        """Take an incident that an earlier process kept."""
        self._incidents[incident.dedup_key] = incident

    def take(self, record: Record, alert: Alert, now: float) -> bool:
        """Count a record; whether it is a repeat of an incident that is known already."""
        incident = self._incidents.get(alert.dedup_key)
        known = incident is not None
        if incident is None:
            incident = Incident(alert.dedup_key, alert.payload, now, alert.timestamp, alert.timestamp)
            self._incidents[alert.dedup_key] = incident
            self._waiting[alert.dedup_key] = None
        incident.seen = now
        if record.offset < incident.counted.get(record.partition, 0):
            return known  # read again after a restart
        incident.counted[record.partition] = record.offset + 1
        incident.records += 1
        incident.first = min(incident.first, alert.timestamp)
        incident.last = max(incident.last, alert.timestamp)
        if incident.open:
            incident.payload = alert.payload
            self.changed.add(incident.dedup_key)
        else:
            incident.held.append(record)
            self.held_bytes += record.size
        return known

    def next(self, now: float, committed: Mapping[int, int]) -> tuple[Action, Incident] | None:
        """What PagerDuty is to be told next: new incidents first, then repeats, then ends.

        committed: partition to committed offset. An incident with records that are not committed yet is not resolved:
        read again after a restart, they would open it anew.
        """
        for key in self._waiting:
            return "trigger", self._incidents[key]
        for incident in self._incidents.values():
            if incident.records > incident.told and self._update_at(incident) <= now:
                return "update", incident
        for incident in self._incidents.values():
            done = all(committed.get(partition, -1) >= offset for partition, offset in incident.counted.items())
            if done and incident.records == incident.told and incident.seen + self._quiet <= now:
                return "resolve", incident
        return None

    def wait(self, now: float) -> float | None:
        """Seconds until something is to be told; None if nothing is."""
        if self._waiting:
            return 0.0
        times = (
            self._update_at(incident) if incident.records > incident.told else incident.seen + self._quiet
            for incident in self._incidents.values()
        )
        first = min(times, default=None)
        return None if first is None else max(0.0, first - now)

    def accepted(self, action: Action, incident: Incident, now: float, routing_key: str) -> None:
        """PagerDuty took an event about an incident."""
        if action == "resolve":
            self.forget(incident)
            return
        incident.told, incident.told_at, incident.routing_key = incident.records, now, routing_key
        self._let_go(incident)
        self.changed.add(incident.dedup_key)

    def failed(self, incident: Incident) -> None:
        """It could not be told: others of its kind are tried before it is tried again."""
        key = incident.dedup_key
        self._incidents[key] = self._incidents.pop(key)
        if key in self._waiting:
            self._waiting[key] = self._waiting.pop(key)

    def forget(self, incident: Incident) -> list[Record]:
        """Strike an incident out; the records that it held."""
        held = incident.held[:]
        self._let_go(incident)
        del self._incidents[incident.dedup_key]
        self.changed.add(incident.dedup_key)
        return held

    def drop(self, partitions: Iterable[int]) -> None:
        """Drop the waiting records of partitions that another process reads now."""
        gone = set(partitions)
        for key in list(self._waiting):
            incident = self._incidents[key]
            kept = [record for record in incident.held if record.partition not in gone]
            if len(kept) == len(incident.held):
                continue
            self._let_go(incident)
            if not kept:
                del self._incidents[key]
                continue
            incident.held, incident.records = kept, len(kept)
            incident.counted = {p: offset for p, offset in incident.counted.items() if p not in gone}
            self.held_bytes += sum(record.size for record in kept)
            self._waiting[key] = None

    def committable(self, ends: Mapping[int, int]) -> dict[int, int]:
        """Up to which offset each partition may be committed. ends: partition to the offset after the last one read."""
        offsets = dict(ends)
        for key in self._waiting:
            for record in self._incidents[key].held:
                if record.partition in offsets:
                    offsets[record.partition] = min(offsets[record.partition], record.offset)
        return offsets

    def states(self) -> dict[str, dict[str, Any] | None]:
        """The states to save, by dedup key; None for removed incidents."""
        found = {key: self._incidents.get(key) for key in self.changed}
        return {key: incident.state() if incident and incident.open else None for key, incident in found.items()}

    @property
    def open(self) -> int:
        """How many incidents PagerDuty knows of."""
        return len(self._incidents) - len(self._waiting)

    @property
    def waiting(self) -> int:
        """How many incidents PagerDuty does not know of yet."""
        return len(self._waiting)

    @property
    def oldest_waiting(self) -> float | None:
        """When the oldest record of those that PagerDuty does not know of happened."""
        return min((self._incidents[key].first for key in self._waiting), default=None)

    def _let_go(self, incident: Incident) -> None:
        self._waiting.pop(incident.dedup_key, None)
        self.held_bytes -= sum(record.size for record in incident.held)
        incident.held = []

    def _update_at(self, incident: Incident) -> float:
        """When to report the repeats of an incident: after a while, or at once if it is about to be resolved."""
        return min(incident.told_at + self._update, incident.seen + self._quiet)
