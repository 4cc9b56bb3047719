"""The script of the stream job: the templates in `jobs/`, filled in."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..client.logevent import LONGEST_SERVICE
from ..config import limits, sizing
from .record import DEAD_LETTER_BYTES, DEAD_LETTER_CHARACTERS, OUTPUTS

LARGEST_EVENT: Final = limits.characters(limits.DEFAULT_BATCH, limits.DERIVED_ROOM)
"""Characters of an event. Even if each takes four bytes in UTF-8, the event with its team and tier fits into the
topics that the job writes."""

POLL_RECORDS: Final = 32
"""The most records that a source takes at once. Nothing else bounds the bytes of what it has taken: a fetch is bounded
while it is still compressed."""

CONSTANTS: Final[dict[str, Any]] = {
    "largest_event": LARGEST_EVENT,
    "poll_records": POLL_RECORDS,
    "longest_service": LONGEST_SERVICE,
    # milliseconds: the largest number that is taken for a duration, some 30,000 years
    "longest_duration": 10**15,
    "dead_letter_characters": DEAD_LETTER_CHARACTERS,
    "dead_letter_bytes": DEAD_LETTER_BYTES,
    "transaction_timeout_ms": sizing.LONGEST_TRANSACTION,
    # the minutes that an error rate is compared with, and how many there have to be
    "history_minutes": 30,
    "history_needed": 5,
    # an anomaly: so many errors in a minute, and a rate so many deviations above the mean
    "anomaly_errors": 3,
    "anomaly_deviations": 3,
    "anomaly_least_deviation": 0.01,
    # seconds: after which a partition without records no longer holds the others' windows open (a shorter time takes
    # partitions for idle whose turn has not come while the job catches up); how often late events are reported; how
    # long a trace has to be quiet to be over
    "idle_timeout": 30,
    "late_interval": 60,
    "trace_gap": 30,
}
"""Values of the templates that are not configurable."""


def sampled_below(share: float) -> str:
    """What the MD5 of a trace id, in hexadecimal, has to be less than for the trace to be in a sample of `share`."""
    return "g" if share >= 1 else f"{round(share * 0x10000):04x}"


def shared(writers: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]] | None:
    """The services that may write each topic, without those topics whose name tells their only writer: a new service
    with a topic of its own must not restart the job. Raises ValueError for a name that SQL could take for more."""
    if writers is None:
        return None
    found = {
        topic: sorted(services)
        for topic, services in sorted(writers.items())
        if [topic] != [f"logs.{s}" for s in services]
    }
    for name in [*found, *(service for services in found.values() for service in services)]:
        if not name or set(name) & set("'=\\"):
            raise ValueError(f"writers: {name!r}: write the name of a topic or a service, without ' = and \\")
    return found


def render(template: str, **values: Any) -> str:
    """The script. Raises jinja2.UndefinedError when a template uses an undefined value."""
    # Here because loading it takes long, and only a stack with a stream job needs it.
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - SQL
    return environment.from_string(template).render({**CONSTANTS, "topic": OUTPUTS, **values})
