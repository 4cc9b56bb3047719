"""The book of incidents: which are open, which event to send next, and up to where offsets may be committed. Pure.

An incident that PagerDuty does not know yet holds its records: until it is accepted, no offset at or behind them is
committed. Once it is open, a repeat is done when it is counted in the incident's state, which is kept in Kafka before
its offset is committed.

Services take turns, so that a service with thousands of different errors delays no other service's page. Of one
service, new incidents go before repeats, and repeats before ends. When the records that a service's waiting incidents
hold are more than its share of the memory, these incidents become one, the service's storm: one event then lets go of
all their records, and the topic is read on for the other services.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pager.alert import Alert, dedup_key, iso, storm, without_attributes
from pager.turns import Turns

Action = Literal["trigger", "update", "resolve"]

SHARE = 8 * 1024 * 1024
"""Bytes of records that the waiting incidents of one service may hold before they become one incident."""


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

    @property
    def service(self) -> str:
        """The service that met the error."""
        return str(self.payload["component"])

    @property
    def size(self) -> int:
        """Bytes of the records that it holds."""
        return sum(record.size for record in self.held)

    def count(self, first: float, last: float, records: int, counted: Mapping[int, int]) -> None:
        """Count so many records more. first, last, counted: of these, as those of the incident."""
        self.first, self.last = min(self.first, first), max(self.last, last)
        self.records += records
        for partition, offset in counted.items():
            self.counted[partition] = max(offset, self.counted.get(partition, 0))

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
    events about the same open incident. share: bytes of records that the waiting incidents of one service may hold.
    """

    def __init__(self, quiet: float, update: float, share: int = SHARE) -> None:
        self._quiet = quiet
        self._update = update
        self._share = share
        self._incidents: dict[str, Incident] = {}
        self._turns = Turns()
        self.changed: set[str] = set()

    def restore(self, incident: Incident) -> None:
        """Take an incident that an earlier process kept."""
        self._enter(incident)

    def take(self, record: Record, alert: Alert, now: float) -> bool:
        """Count a record; whether it is a repeat of an incident that is known already, or part of a storm."""
        incident = self._incidents.get(alert.dedup_key)
        known = incident is not None
        if incident is None:
            whole = self._incidents.get(dedup_key(alert.service, ""))
            if whole and record.offset < whole.counted.get(record.partition, 0):
                whole.seen = now
                return True  # counted in the storm, and read again after a restart
            incident = Incident(alert.dedup_key, alert.payload, now, alert.timestamp, alert.timestamp)
            self._enter(incident)
            self._turns.wait(incident.service, incident.dedup_key)
        incident.seen = now
        if record.offset < incident.counted.get(record.partition, 0):
            return known  # read again after a restart
        incident.count(alert.timestamp, alert.timestamp, 1, {record.partition: record.offset + 1})
        if incident.open:
            incident.payload = alert.payload
            self.changed.add(incident.dedup_key)
            return known
        incident.held.append(record)
        self._turns.hold(incident.service, record.size)
        if self._turns.held(incident.service) > self._share:
            self._fold(alert, now)
            return True
        return known

    def next(self, now: float, committed: Mapping[int, int]) -> tuple[Action, Incident] | None:
        """What PagerDuty is to be told next: of the service whose last turn is the oldest, new incidents first, then
        repeats, then ends.

        committed: partition to committed offset. An incident with records that are not committed yet is not resolved:
        read again after a restart, they would open it anew.
        """
        due: dict[str, tuple[Action, Incident]] = {}
        for service, key in self._turns.heads().items():
            due[service] = "trigger", self._incidents[key]
        for incident in self._incidents.values():
            if incident.open and incident.records > incident.told and self._update_at(incident) <= now:
                due.setdefault(incident.service, ("update", incident))
        for incident in self._incidents.values():
            if incident.service in due or incident.records > incident.told or incident.seen + self._quiet > now:
                continue
            if all(committed.get(partition, -1) >= offset for partition, offset in incident.counted.items()):
                due[incident.service] = "resolve", incident
        service = self._turns.first(due)
        return None if service is None else due[service]

    def wait(self, now: float) -> float | None:
        """Seconds until something is to be told; None if nothing is."""
        if self.waiting:
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
        self._turns.took(incident.service)
        incident.told, incident.told_at, incident.routing_key = incident.records, now, routing_key
        self._let_go(incident)
        self.changed.add(incident.dedup_key)

    def failed(self, incident: Incident) -> None:
        """It could not be told: other services, and others of its kind, are tried before it is tried again."""
        key = incident.dedup_key
        self._turns.took(incident.service)
        self._incidents[key] = self._incidents.pop(key)
        if not incident.open:
            self._turns.wait(incident.service, key)

    def forget(self, incident: Incident) -> list[Record]:
        """Strike an incident out; the records that it held."""
        held = incident.held
        self._turns.took(incident.service)
        self._leave(incident)
        self.changed.add(incident.dedup_key)
        return held

    def drop(self, partitions: Iterable[int]) -> None:
        """Drop the waiting records of partitions that another process reads now."""
        gone = set(partitions)
        for key in self._turns.waiting():
            incident = self._incidents[key]
            kept = [record for record in incident.held if record.partition not in gone]
            if len(kept) == len(incident.held):
                continue
            if not kept:
                self._leave(incident)
                continue
            self._let_go(incident)
            incident.held, incident.records = kept, len(kept)
            incident.counted = {p: offset for p, offset in incident.counted.items() if p not in gone}
            self._turns.hold(incident.service, incident.size)
            self._turns.wait(incident.service, key)

    def committable(self, ends: Mapping[int, int]) -> dict[int, int]:
        """Up to which offset each partition may be committed. ends: partition to the offset after the last one read."""
        offsets = dict(ends)
        for key in self._turns.waiting():
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
        return len(self._incidents) - self.waiting

    @property
    def waiting(self) -> int:
        """How many incidents PagerDuty does not know of yet."""
        return self._turns.count()

    @property
    def oldest_waiting(self) -> float | None:
        """When the oldest record of those that PagerDuty does not know of happened."""
        return min((self._incidents[key].first for key in self._turns.waiting()), default=None)

    @property
    def held_bytes(self) -> int:
        """Bytes of the records that waiting incidents hold."""
        return self._turns.held_bytes

    def _fold(self, alert: Alert, now: float) -> None:
        """Make one incident, the storm, of all that wait of a service. alert: of its newest record."""
        key, waiting = dedup_key(alert.service, ""), self._turns.queue(alert.service)
        whole = self._incidents.get(key)
        if whole is None:
            whole = Incident(key, storm(alert), now, alert.timestamp, alert.timestamp)
            self._enter(whole)
        whole.payload, whole.seen = storm(alert), now
        for incident in [self._incidents[other] for other in waiting if other != key]:
            held = incident.held
            self._leave(incident)
            whole.count(incident.first, incident.last, incident.records, incident.counted)
            if not whole.open:
                whole.held += held
                self._turns.hold(alert.service, sum(record.size for record in held))
        if whole.open:
            self.changed.add(key)
        else:
            self._turns.wait(alert.service, key)

    def _enter(self, incident: Incident) -> None:
        self._turns.enter(incident.service)
        self._incidents[incident.dedup_key] = incident

    def _leave(self, incident: Incident) -> None:
        self._let_go(incident)
        del self._incidents[incident.dedup_key]
        self._turns.leave(incident.service)

    def _let_go(self, incident: Incident) -> None:
        self._turns.done(incident.service, incident.dedup_key)
        self._turns.hold(incident.service, -incident.size)
        incident.held = []

    def _update_at(self, incident: Incident) -> float:
        """When to report the repeats of an incident: after a while, or at once if it is about to be resolved."""
        return min(incident.told_at + self._update, incident.seen + self._quiet)
