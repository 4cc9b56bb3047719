"""Whose turn it is: the services share the way to PagerDuty. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

# services without an incident, beyond which their turns are forgotten
_MOST_IDLE = 1000


@dataclass(slots=True)
class _Service:
    """waiting: keys of incidents that PagerDuty does not know yet, in the order in which they are tried.

    held: bytes of their records. turn: number of the service's last turn. incidents: how many incidents it has.
    """

    waiting: dict[str, None] = field(default_factory=dict[str, None])
    held: int = 0
    turn: int = 0
    incidents: int = 0


class Turns:
    """One queue of waiting incidents for each service. The service whose last turn is the oldest goes first."""

    def __init__(self) -> None:
        self._services: dict[str, _Service] = {}
        self._turn = 0
        self.held_bytes = 0

    def enter(self, service: str) -> None:
        """A service has one more incident."""
        self._services.setdefault(service, _Service()).incidents += 1
        if len(self._services) > _MOST_IDLE:
            self._services = {name: one for name, one in self._services.items() if one.incidents}

    def leave(self, service: str) -> None:
        """A service has one incident less. Its turn is remembered: the next incident may come at once."""
        self._services[service].incidents -= 1

    def took(self, service: str) -> None:
        """A service had its turn: all others go before it."""
        self._turn += 1
        self._services[service].turn = self._turn

    def first(self, services: Iterable[str]) -> str | None:
        """Whose turn it is among these services."""
        return min(services, key=lambda service: self._services[service].turn, default=None)

    def wait(self, service: str, key: str) -> None:
        """An incident goes to the end of its service's queue."""
        queue = self._services[service].waiting
        queue.pop(key, None)
        queue[key] = None

    def done(self, service: str, key: str) -> None:
        """An incident waits no more."""
        self._services[service].waiting.pop(key, None)

    def hold(self, service: str, size: int) -> None:
        """A service's waiting incidents hold so many bytes more, or less."""
        self._services[service].held += size
        self.held_bytes += size

    def held(self, service: str) -> int:
        """Bytes that a service's waiting incidents hold."""
        return self._services[service].held

    def queue(self, service: str) -> list[str]:
        """The waiting incidents of a service."""
        return list(self._services[service].waiting)

    def heads(self) -> dict[str, str]:
        """The first waiting incident of each service that has one."""
        return {name: next(iter(one.waiting)) for name, one in self._services.items() if one.waiting}

    def waiting(self) -> list[str]:
        """All waiting incidents."""
        return [key for one in self._services.values() for key in one.waiting]

    def count(self) -> int:
        """How many incidents wait."""
        return sum(len(one.waiting) for one in self._services.values())
