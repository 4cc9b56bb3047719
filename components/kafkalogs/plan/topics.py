"""Dangers of topics: changes that delete logs, break their order, or leave fewer copies."""

from collections.abc import Iterator
from typing import Any, Final

from ..config import units
from ..sinks.record import CONTROL_TOPIC
from .findings import (
    DEFAULT_RETENTION,
    FOREVER,
    NONE,
    Context,
    Danger,
    duration,
    fewer,
    holds_dead_letters,
    hours,
    shown,
    topic_name,
)
from .markdown import Markdown, code
from .preview import Step
from .values import Hidden, at, number

_AGAIN: Final = "it is deleted and created again, empty; "


def dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of one KafkaTopic."""
    name = topic_name(step)
    where = context.topic(name, "dead-letter topic" if holds_dead_letters(step) else "topic")
    if step.goes:
        yield _deleted(step, where)
        return
    if not step.stays:
        return
    yield from _retention(step, where, audit=name in context.audit())
    yield from _partitions(step, where)
    for path, what in ((("replicas",), "copies"), (("config", "min.insync.replicas"), "copies that must be in sync")):
        old, new = at(step.old, "spec", *path), at(step.new, "spec", *path)
        if fewer(old, new) and not isinstance(new, Hidden):
            follows = Markdown(f"fewer {what}: records survive fewer broken brokers")
            yield Danger("copies", where, _or_default(old), _or_default(new), follows)
    old, new = (at(inputs, "spec", "config", "max.message.bytes") for inputs in (step.old, step.new))
    if (before := number(old)) and (after := number(new)) and after < before:
        text = Markdown(f"record batches of more than {units.format_size(after)} are refused: their logs are lost")
        yield Danger("retention", where, Markdown(units.format_size(before)), Markdown(units.format_size(after)), text)


def _or_default(value: Any) -> Markdown:
    return Markdown("the brokers' default") if value is None else shown(value)


def _deleted(step: Step, where: Markdown) -> Danger:
    old = number(at(step.old, "spec", "config", "retention.ms"))
    kept = (
        "all its records, of any age"
        if old == FOREVER
        else f"up to {hours(old)} of records"
        if old
        else "all its records"
    )
    again = _AGAIN if step.op == "replace" else ""
    after = Markdown("replaced" if step.op == "replace" else "deleted")
    if holds_dead_letters(step):
        text = f"{again}undelivered records are lost: {kept}"
        return Danger("dead-letters", where, Markdown("there"), after, Markdown(text))
    name = topic_name(step)
    if name == CONTROL_TOPIC or name.startswith(f"{CONTROL_TOPIC}."):
        kept += "; the archive loses files that are announced and not committed, and refuses another topic of this name"
    return Danger("topic", where, Markdown("there"), after, Markdown(f"{again}lost: {kept}"))


def kept_ms(config: Any) -> int:
    """How long a topic with this configuration keeps records; `FOREVER` for a compacted one."""
    policy = str(at(config, "cleanup.policy") or "delete")
    if "delete" not in policy:
        return FOREVER
    kept = number(at(config, "retention.ms"))
    return DEFAULT_RETENTION if kept is None else max(kept, FOREVER)


def _retention(step: Step, where: Markdown, *, audit: bool) -> Iterator[Danger]:
    old, new = at(step.old, "spec", "config"), at(step.new, "spec", "config")
    hidden = [at(new, key) for key in ("retention.ms", "cleanup.policy", "retention.bytes")]
    if isinstance(new, Hidden) or any(isinstance(value, Hidden) for value in hidden):
        return  # reported as unknown
    before, after = kept_ms(old), kept_ms(new)
    logs = "audit logs" if audit else "logs"
    if after != FOREVER and (before == FOREVER or after < before):
        gone = f"all {logs} older than {duration(after)}"
        if before != FOREVER:
            gone = f"{hours(before - after)} of {logs}, those older than {duration(after)},"
        yield Danger("retention", where, duration(before), duration(after), Markdown(f"{gone} are deleted"))
    limits = number(at(old, "retention.bytes")), number(at(new, "retention.bytes"))
    small, large = (limit if limit is not None and limit >= 0 else None for limit in reversed(limits))
    if small is not None and (large is None or small < large):
        sizes = [NONE if size is None else Markdown(units.about(size)) for size in (large, small)]
        text = Markdown(f"each partition keeps at most {units.about(small)}, whatever the retention says")
        yield Danger("retention", where, sizes[0], sizes[1], text)
    compact = ["compact" in str(at(config, "cleanup.policy")) for config in (old, new)]
    if compact == [False, True]:
        text = Markdown(f"compaction keeps only the newest record of each key; the other {logs} are deleted")
        yield Danger("retention", where, Markdown("every record kept"), Markdown("compacted"), text)


def _partitions(step: Step, where: Markdown) -> Iterator[Danger]:
    old, new = number(at(step.old, "spec", "partitions")), number(at(step.new, "spec", "partitions"))
    if old is None or new is None or old == new:
        return
    if new > old:
        text = "from then on the records of a key go to another partition: readers may get them out of order"
    else:
        text = "Kafka refuses this, because it cannot remove partitions: the deployment waits, then fails"
    yield Danger("partitions", where, Markdown(str(old)), Markdown(str(new)), Markdown(text))


def key_dangers(context: Context) -> Iterator[Danger]:
    """The topics whose records get a different key, which only the catalog shows."""
    if context.before is None or context.after is None:
        return
    for name, about in context.after.topics.items():
        old, new = context.before.topics.get(name, {}).get("partitionBy"), about.get("partitionBy")
        if old and new != old:
            text = Markdown(
                "records are ordered by another field: readers that rely on the old order get records out of order"
            )
            yield Danger("key", context.topic(name), code(old), code(new), text)
