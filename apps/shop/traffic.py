"""Request k of the shop, as a pure function of (seed, k): the trace and every event that the services log of it."""

from __future__ import annotations

import random
from bisect import bisect
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import Any

from shop.journeys import FRONT, JOURNEYS, TYPES, Call, Journey

# Mean events of a request; a test compares it with the model. Every process computes the same requests per second from
# this number, so it must not be measured at run time.
EVENTS_PER_REQUEST = 5.6

# The longest request in seconds, also for slow ones in an incident.
LONGEST = 3.0

# There is one incident in every block of this many requests: some minutes apart at the usual rates.
BLOCK = 6000
_SLOW = 0.01  # share of spans that take about ten times as long
_SLOWLY = 0.5  # a service that takes more seconds warns that it was slow
_FAULTS = 0.002  # share of spans that fail outside of incidents
_DEBUG = 0.25  # share of spans that also log a debug event
_ANONYMOUS = 0.4  # share of requests without a user, where the journey needs none
_GUEST = 0.1  # share of requests that a service without a part in any journey handles

_CUSTOMERS = 5000
_QUERIES = ("headphones", "garden chair", "coffee grinder", "trail shoes", "desk lamp", "rain jacket", "tea kettle")
_CARRIERS = ("DHL", "UPS", "GLS", "Hermes")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0",
    "Mozilla/5.0 (iPhone) Safari/605.1",
    "shop-app/4.2 (Android)",
)
_FAILURES = (
    ("timeout", "no answer within 800 ms"),
    ("connection_refused", "connection refused by the database"),
    ("pool_exhausted", "no free connection in a pool of 20"),
    ("unavailable", "503 from the data store"),
)

_SHARES = tuple(accumulate(journey.share for journey in JOURNEYS))
_SERVICES = tuple(frozenset({FRONT, *(call.service for call in journey.walk())}) for journey in JOURNEYS)
_FRAGILE = tuple(sorted(frozenset[str]().union(*_SERVICES) - {FRONT}))

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What one service logs at one moment of a request. offset: seconds after the request's start."""

    service: str
    type: str
    level: str
    message: str
    span_id: str
    offset: float
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """A service that fails for requests ``first`` to before ``last``, with probability ``severity``."""

    service: str
    first: int
    last: int
    severity: float

    def hits(self, service: str, k: int) -> bool:
        """Whether the incident affects a service at request `k`."""
        return service == self.service and self.first <= k < self.last


@dataclass(slots=True)
class Request:
    """One request as it unfolds: its trace, the customer's values and the events so far."""

    k: int
    trace_id: str
    journey: Journey
    incident: Incident
    chance: random.Random
    values: Values
    events: list[Event] = field(default_factory=list)


def digest(seed: int, k: int) -> bytes:
    """32 bytes that determine request k: first the trace id, then two for the journey; the rest seeds its chance."""
    return blake2b(f"{seed}:{k}".encode(), digest_size=32, person=b"kafkalogs-shop").digest()


def events_of(seed: int, k: int, service: str | None = None) -> list[Event]:
    """The events of request k, in the order of their spans' ends; with `service`, only that service's events.

    Cheap for a service without a part in the request: a hash gives the request's journey.
    """
    decided = digest(seed, k)
    journey = _journey(decided)
    if service is not None and service not in _SERVICES[journey]:
        return []
    events = _unfold(seed, k, JOURNEYS[journey], decided).events
    return events if service is None else [event for event in events if event.service == service]


def logged(seed: int, k: int, service: str, types: tuple[str, ...]) -> list[Event]:
    """The events of request k that a service with these log types logs.

    A service in no journey, which a stack file adds, is a guest: it still handles some requests.
    """
    if set(TYPES.get(service, ())) & set(types):
        return [event for event in events_of(seed, k, service) if event.type in types]
    chance = random.Random(f"{seed}:{service}:{k}")  # noqa: S311 (a simulation)
    if chance.random() >= _GUEST:
        return []
    failed = chance.random() < _FAULTS * 5
    level, message = ("error", "request failed: timeout") if failed else ("info", "request handled")
    took = 0.005 + chance.random() * 0.1
    attributes = {"duration_ms": round(took * 1000, 1), "user_id": _user(chance)}
    return [Event(service, kind, level, message, _span_id(chance), took, attributes) for kind in types[:1]]


def trace_of(seed: int, k: int) -> str:
    """The trace id of request k."""
    return digest(seed, k)[:16].hex()


def counts(seed: int, requests: int, first: int = 0) -> Counter[tuple[str, str, str]]:
    """How many events requests ``first`` to before ``first + requests`` log, by (service, type, level)."""
    return Counter(
        (event.service, event.type, event.level) for k in range(first, first + requests) for event in events_of(seed, k)
    )


@lru_cache(maxsize=4)
def incident(seed: int, block: int) -> Incident:
    """The incident of a block of requests."""
    chance = random.Random(f"{seed}:incident:{block}")  # noqa: S311 (a simulation)
    length = chance.randint(BLOCK // 20, BLOCK // 6)
    first = block * BLOCK + chance.randrange(BLOCK - length)
    return Incident(chance.choice(_FRAGILE), first, first + length, chance.uniform(0.5, 0.9))


def _journey(decided: bytes) -> int:
    return bisect(_SHARES, int.from_bytes(decided[16:18]) * _SHARES[-1] // 65536)


def _unfold(seed: int, k: int, journey: Journey, decided: bytes) -> Request:
    chance = random.Random(decided[18:])  # noqa: S311 (a simulation)
    request = Request(k, decided[:16].hex(), journey, incident(seed, k // BLOCK), chance, _values(journey, chance))
    root = _span_id(chance)
    at, status = 0.001, 200
    for call in journey.calls:
        at, failed, refused = _span(request, call, root, at)
        if failed:
            status = 503
            break
        if refused:
            status = 401 if journey.name == "sign-in" else 402
            break
    _access(request, root, at + 0.001, status)
    return request


def _values(journey: Journey, chance: random.Random) -> Values:
    known = journey.signed_in or chance.random() > _ANONYMOUS
    return {
        "user_id": _user(chance) if known else None,
        "client_ip": f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}",
        "sku": f"SKU-{chance.randrange(20000):05d}",
        "items": chance.randint(1, 6),
        "stock": chance.randrange(200),
        "amount": f"{chance.lognormvariate(3.6, 0.8):.2f}",
        "score": f"{chance.random() ** 4:.3f}",
        "query": chance.choice(_QUERIES),
        "carrier": chance.choice(_CARRIERS),
        "order_id": f"O-{chance.randrange(16**8):08x}",
        "cart_id": f"C-{chance.randrange(16**8):08x}",
    }


def _user(chance: random.Random) -> str:
    # squared, so that some customers come much more often than others
    return f"user-{int(chance.random() ** 2 * _CUSTOMERS):05d}"


def _span_id(chance: random.Random) -> str:
    return f"{chance.randrange(1, 16**16):016x}"


def _span(request: Request, call: Call, parent: str, at: float) -> tuple[float, bool, bool]:
    """Run a service's part from second ``at``; returns when it ends, whether it failed, whether it refused."""
    chance, start = request.chance, at
    span = _span_id(chance)
    common: dict[str, Any] = {"operation": call.does, "parent_span_id": parent}
    if request.values["user_id"]:
        common["user_id"] = request.values["user_id"]

    def log(level: str, message: str, log_type: str = "application", **more: Any) -> None:
        attributes = {**common, "duration_ms": round((at - start) * 1000, 1), **more}
        request.events.append(Event(call.service, log_type, level, message, span, at, attributes))

    if chance.random() < _DEBUG:
        log("debug", f"{call.does}: started")
    at += _duration(call, chance)
    if _fails(request, call, chance):
        at += 0.1 + chance.random() * 0.2
        kind, text = chance.choice(_FAILURES)
        log("error", f"{call.does} failed: {text}", error=kind)
        if request.incident.hits(call.service, request.k) and chance.random() < 0.03:
            log("critical", f"{call.service} is failing: circuit breaker opened", error=kind)
        return at, True, False
    for inner in call.calls:
        at, failed, refused = _span(request, inner, span, at)
        if failed and inner.optional:
            log("warning", f"{call.does}: going on without {inner.service}", callee=inner.service)
        elif failed:
            log(
                "error",
                f"{call.does} failed: {inner.service} did not {inner.does}",
                error="upstream",
                callee=inner.service,
            )
            return at, True, False
        elif refused:
            log("warning", f"{call.does} ended: {inner.service} refused to {inner.does}", callee=inner.service)
            return at, False, True
    share, refusal = call.refuses
    if chance.random() < share:
        log("warning", refusal.format(**request.values))
        if call.audit:
            log("warning", refusal.format(**request.values), "audit", outcome="refused")
        return at, False, True
    if call.audit:
        log("info", call.audit.format(**request.values), "audit", outcome="accepted")
    slow = at - start > _SLOWLY
    log("warning" if slow else "info", call.done.format(**request.values) + (", slowly" if slow else ""))
    return at, False, False


def _duration(call: Call, chance: random.Random) -> float:
    """Seconds that a service's own work takes: mostly near its usual time, sometimes ten times that."""
    usual = call.takes / 1000 * (0.6 + chance.random() ** 3 * 1.5)
    return usual * 10 if chance.random() < _SLOW else usual


def _fails(request: Request, call: Call, chance: random.Random) -> bool:
    draw = chance.random()
    return draw < (request.incident.severity if request.incident.hits(call.service, request.k) else _FAULTS)


def _access(request: Request, span: str, at: float, status: int) -> None:
    chance, values = request.chance, request.values
    path = request.journey.path.format(**values).replace(" ", "+")
    level = "error" if status >= 500 else "warning" if status >= 400 else "info"
    size = chance.randint(300, 20000)
    attributes: dict[str, Any] = {
        "method": request.journey.method,
        "path": path,
        "status": status,
        "bytes": size,
        "duration_ms": round(at * 1000, 1),
        "client_ip": values["client_ip"],
        "user_agent": chance.choice(_AGENTS),
    }
    if values["user_id"]:
        attributes["user_id"] = values["user_id"]
    message = f'{values["client_ip"]} "{request.journey.method} {path}" {status} {size} {at:.3f}'
    request.events.append(Event(FRONT, "access", level, message, span, at, attributes))
