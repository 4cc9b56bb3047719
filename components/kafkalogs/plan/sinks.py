"""Dangers of the sinks, which write logs from Kafka to other stores, and of the schemas that readers rely on."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..sinks.record import ICEBERG, JDBC, PLAIN_ICEBERG, PLAIN_JDBC, RAW, SEARCH_SINK
from .findings import NONE, Context, Danger, duration, hours, resource_name
from .markdown import Markdown, code, codes
from .preview import Step
from .values import Hidden, at, mapping, number

DESTINATIONS: Final[Mapping[str, str]] = {
    ICEBERG: "S3 as an Iceberg table",
    PLAIN_ICEBERG: "S3 as an Iceberg table",
    SEARCH_SINK: "search",
    JDBC: "the audit database",
    PLAIN_JDBC: "the audit database",
    RAW: "S3 as they are",
}
"""Where the platform's connectors write logs, by connector class."""

LETTERS: Final = "errors.deadletterqueue.topic.name"

# How a subject's new schema must be compatible with earlier ones; NONE requires nothing.
_PROMISES: Final[Mapping[str, frozenset[str]]] = {
    "NONE": frozenset(),
    "BACKWARD": frozenset({"backward"}),
    "BACKWARD_TRANSITIVE": frozenset({"backward", "backward to all"}),
    "FORWARD": frozenset({"forward"}),
    "FORWARD_TRANSITIVE": frozenset({"forward", "forward to all"}),
    "FULL": frozenset({"backward", "forward"}),
    "FULL_TRANSITIVE": frozenset({"backward", "forward", "backward to all", "forward to all"}),
}


def is_archive(inputs: Any) -> bool:
    """Whether a connector is the archive in S3."""
    return at(inputs, "spec", "class") in {ICEBERG, PLAIN_ICEBERG}


def sink(step: Step) -> Markdown:
    """A sink in words, with the store to which it writes logs."""
    to = DESTINATIONS.get(str(at(step.old or step.new, "spec", "class")))
    return Markdown(f"sink {code(resource_name(step))}{f' (to {to})' if to else ''}")


def topics_of(inputs: Any) -> list[str]:
    """The topics that a connector reads."""
    listed = at(inputs, "spec", "config", "topics")
    return [name.strip() for name in listed.split(",") if name.strip()] if isinstance(listed, str) else []


def _hidden(inputs: Any, *path: str) -> bool:
    return isinstance(at(inputs, "spec", *path), Hidden)


def _gone(step: Step, text: str) -> tuple[Markdown, Markdown]:
    """The new state of a sink, and what follows: logs that Kafka deletes before a sink reads them are lost."""
    if step.op == "replace":
        return Markdown("replaced"), Markdown(
            "no logs are written there until it is created again; check from where it then reads"
        )
    return Markdown("removed"), Markdown(text)


def dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of one KafkaConnector."""
    where = sink(step)
    if step.goes:
        yield Danger(
            "sink", where, Markdown("there"), *_gone(step, "no more logs are written there; those already written stay")
        )
        return
    if not step.stays:
        return
    state, wanted = (at(inputs, "spec", "state") or "running" for inputs in (step.old, step.new))
    if state == "running" and wanted != "running" and not isinstance(wanted, Hidden):
        text = Markdown("no logs are written there; those that Kafka deletes in the meantime are never written")
        yield Danger("sink", where, code(state), code(wanted), text)
    if not _hidden(step.new, "config", "topics"):
        # The deletion of a topic is reported on its own, and the sink still reads a topic that is replaced.
        left = [name for name in topics_of(step.old) if name not in topics_of(step.new) and name not in context.going]
        if left:
            text = Markdown("the logs of these topics are no longer written there")
            yield Danger("sink", where, Markdown(f"reads {codes(left)}"), Markdown("no longer reads them"), text)
    letters, after = at(step.old, "spec", "config", LETTERS), at(step.new, "spec", "config", LETTERS)
    if letters and not after:
        text = Markdown("records that it cannot deliver are dropped silently")
        yield Danger("dead-letters", where, code(letters), NONE, text)


def connect_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of the Connect cluster, which runs all sinks."""
    if step.goes:
        where = Markdown(f"Kafka Connect {code(resource_name(step))}")
        text = "no sink runs: no logs reach S3, search or the audit database"
        yield Danger("sink", where, Markdown("there"), *_gone(step, text))


def _json(inputs: Any, key: str) -> dict[str, Any] | None:
    """The JSON in a key of a ConfigMap; None if the key is missing or hidden."""
    text = at(inputs, "data", key)
    if not isinstance(text, str):
        return None
    try:
        return mapping(json.loads(text))
    except (ValueError, RecursionError):
        return None


def settings_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers in ConfigMaps: how long search keeps logs, and which compatibility a new schema needs."""
    if not step.stays:
        return
    old, new = (mapping((_json(inputs, "search.json") or {}).get("streams")) for inputs in (step.old, step.new))
    for stream, kept in old.items():
        before, after = number(kept), number(new.get(stream))
        if before is not None and after is not None and after < before:
            text = Markdown(f"{hours(before - after)} of logs can no longer be searched")
            yield Danger("retention", Markdown(f"search {code(stream)}"), duration(before), duration(after), text)
    level, wanted = ((_json(inputs, "schemas.json") or {}).get("compatibility") for inputs in (step.old, step.new))
    if not isinstance(level, str) or not isinstance(wanted, str):
        return
    if lost := _PROMISES.get(level, frozenset()) - _PROMISES.get(wanted, frozenset()):
        text = Markdown(f"a new schema no longer has to be compatible {' and '.join(sorted(lost))}: readers may break")
        yield Danger("schema", Markdown("schema of log events"), code(level), code(wanted), text)
