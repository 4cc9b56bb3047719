"""The script of the stream job: the templates in `jobs/`, filled in."""

from typing import Any, Final

from ..config import limits, units
from .record import DEAD_LETTER_BYTES, DEAD_LETTER_CHARACTERS, OUTPUTS

LARGEST_EVENT: Final = limits.characters(limits.DEFAULT_BATCH, limits.DERIVED_ROOM)
"""Characters of an event. Even if each takes four bytes in UTF-8, the event with its team and tier fits into the
topics that the job writes."""

TRANSACTION_TIMEOUT_MS: Final = 15 * units.MINUTE
"""How long the job may be gone before a broker gives up a transaction that a checkpoint has promised to commit. It is
the longest that brokers allow by default (transaction.max.timeout.ms)."""

CONSTANTS: Final[dict[str, Any]] = {
    "largest_event": LARGEST_EVENT,
    "dead_letter_characters": DEAD_LETTER_CHARACTERS,
    "dead_letter_bytes": DEAD_LETTER_BYTES,
    "transaction_timeout_ms": TRANSACTION_TIMEOUT_MS,
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


def render(template: str, **values: Any) -> str:
    """The script. Raises jinja2.UndefinedError when a template uses an undefined value."""
    # Here because loading it takes long, and only a stack with a stream job needs it.
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - SQL
    return environment.from_string(template).render({**CONSTANTS, "topic": OUTPUTS, **values})
