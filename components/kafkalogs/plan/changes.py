"""What is added, changed and removed, in the platform's words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..config import units
from ..config.naming import CATALOG_CONFIG_MAP
from . import aws, rights, sinks
from .findings import NONE, Catalog, Context, duration, identity, resource_name, shown, topic_name
from .markdown import Markdown, code, codes, joined, word
from .preview import Preview, Step
from .values import Hidden, at, by_name, mapping, number, sequence

SECTIONS: Final = ("Services", "Teams", "Topics", "Rights", "Sinks", "Kafka", "Parts", "AWS", "Other")
ADDED, CHANGED, REMOVED = "Added", "Changed", "Removed"

PARTS: Final[Mapping[str, str]] = {
    "SchemaRegistry": "schema registry",
    "LogSchema": "schema of log events",
    "ConnectCluster": "Kafka Connect",
    "S3Sink": "archive sink",
    "SearchSink": "search sink",
    "JdbcSink": "audit sink",
    "RawS3Sink": "raw archive sink",
    "SearchSetup": "search set-up",
    "FlinkJob": "stream job",
    "FlinkOperator": "Flink operator",
    "Pager": "pager",
    "LogShipper": "shipper",
    "Monitoring": "monitoring",
    "ServiceSecrets": "certificates and credentials",
    "StrimziOperator": "Kafka operator",
    "StrimziCrds": "Kafka's resource definitions",
    "KafkaCluster": "Kafka cluster",
    "LocalS3": "stand-in for S3",
    "LocalDatabase": "stand-in for PostgreSQL",
    "LocalSearch": "stand-in for the search engine",
    "LocalPagerDuty": "stand-in for PagerDuty",
    "Shop": "demo shop",
    "LogPlatform": "platform",
    "LogPipeline": "pipeline",
    "ArchiveBucket": "archive bucket",
    "StateBucket": "state bucket",
    "GlueCatalog": "archive catalog",
    "ConnectRole": "role of Kafka Connect",
    "StreamRole": "role of the stream job",
    "SecretsRole": "role for secrets",
    "SearchDomain": "search domain",
    "EncryptedStorageClass": "encrypted disks",
    "AwsSecrets": "secrets from AWS",
}
"""The components in words."""

# Settings of topics in milliseconds and bytes, and those of connectors that hold no secret.
_TIMES: Final = frozenset({"retention.ms", "segment.ms", "delete.retention.ms", "max.compaction.lag.ms"})
_SIZES: Final = frozenset({"max.message.bytes", "segment.bytes", "retention.bytes"})
# This setting follows from the retention, so the report names only the retention.
_FOLLOWS: Final = frozenset({"segment.ms"})
_OPEN: Final = re.compile(
    r"(tasks\.max|.*\.warehouse|.*\.interval-ms|.*\.region|iceberg\.tables|errors\..*|.*\.batch\.(bytes|size)"
    r"|collection\.name\.format|iceberg\.catalog\.type)"
)
_MOST: Final = 12
_MOST_OF_SEVERAL: Final = 30

Words = Markdown | tuple[Markdown, ...]
"""The words for one setting: one text, or several texts, each of which can be added or removed."""


_SILENT: Final = Markdown("")


@dataclass(frozen=True)
class Change:
    """One line of the report."""

    verb: str
    """`ADDED`, `CHANGED` or `REMOVED`."""

    section: str
    """One of `SECTIONS`."""

    what: Markdown
    details: Markdown = _SILENT


def part_name(step: Step) -> str | None:
    """The innermost component of the platform that holds a resource, in words; None if none does."""
    for kind in reversed(step.parents):
        name = kind.rpartition(":")[2]
        if kind.startswith("kafkalogs:index:") and name in PARTS:
            return PARTS[name]
    return None


def subject(step: Step) -> Markdown:
    """A resource in the platform's words."""
    if step.kind == "KafkaTopic":
        return Markdown(f"topic {code(topic_name(step))}")
    if step.kind == "KafkaUser":
        return identity(step)
    if step.kind == "KafkaConnector":
        return sinks.sink(step)
    if aws.kind_of(step):
        return aws.aws_words(step)
    if step.kind in {"Kafka", "KafkaNodePool"}:
        kind = "Kafka cluster" if step.kind == "Kafka" else "node pool"
        return Markdown(f"{kind} {code(resource_name(step))}")
    part = part_name(step)
    return Markdown(f"{word(step.kind)} {code(resource_name(step))}{f' of the {part}' if part else ''}")


def find(preview: Preview, context: Context) -> list[Change]:
    """Every change of a preview, by section."""
    found = [*_of_catalog(context), *_of_steps(preview, context)]
    return sorted(found, key=lambda change: SECTIONS.index(change.section))


# -- services and teams, which only the catalog lists


def _of_catalog(context: Context) -> Iterator[Change]:
    before, after = context.before or Catalog(), context.after or Catalog()
    for name in sorted({*before.services, *after.services}):
        had, has = before.services.get(name), after.services.get(name)
        yield from _about("Services", f"service {code(name)}", had, has, _service)
    for name in sorted({*before.teams, *after.teams}):
        had, has = before.teams.get(name), after.teams.get(name)
        yield from _about("Teams", f"team {code(name)}", had, has, _team)


def _codes(values: Iterable[object]) -> tuple[Markdown, ...]:
    return tuple(code(value) for value in values)


def _about(
    section: str, what: str, had: Mapping[str, Any] | None, has: Mapping[str, Any] | None, words: Any
) -> Iterator[Change]:
    named = Markdown(what)
    if had is None and has is not None:
        yield Change(ADDED, section, named, _told(words(has)))
    elif had is not None and has is None:
        yield Change(REMOVED, section, named, _told(words(had)))
    elif had is not None and has is not None and had != has:
        yield Change(CHANGED, section, named, _between(words(had), words(has)))


def _between(before: Mapping[str, Words], after: Mapping[str, Words]) -> Markdown:
    """The differences, as before → after."""
    keys = [key for key in (*before, *(key for key in after if key not in before)) if before.get(key) != after.get(key)]
    told = [f"{key} {_change(before.get(key, NONE), after.get(key, NONE))}" for key in keys]
    more = [f"{len(told) - _MOST} more settings"] if len(told) > _MOST else []
    return joined([*told[:_MOST], *more])


def _change(before: Words, after: Words) -> str:
    """One text as before → after; for several texts, those added and those removed."""
    if isinstance(before, str) and isinstance(after, str):
        return f"{before} → {after}"
    had, has = ((words,) if isinstance(words, str) else words for words in (before, after))
    more, less = ([one for one in these if one not in those] for these, those in ((has, had), (had, has)))
    gains = f"also {_several(more)}" if more else ""
    return joined((gains, f"no longer {_several(less)}" if less else "")) or Markdown("in another order")


def _several(words: Sequence[Markdown]) -> Markdown:
    more = f" and {len(words) - _MOST_OF_SEVERAL} more" if len(words) > _MOST_OF_SEVERAL else ""
    return Markdown(", ".join(words[:_MOST_OF_SEVERAL]) + more) if words else NONE


def _told(words: Mapping[str, Words]) -> Markdown:
    """The settings of a new item."""
    return joined(f"{key} {value if isinstance(value, str) else _several(value)}" for key, value in words.items())


def _service(about: Mapping[str, Any]) -> dict[str, Words]:
    rate = number(about.get("bytesPerSecond"))
    return {
        "team": code(about.get("team", "")),
        "rate": Markdown(f"{units.about(rate)}/s") if rate is not None else NONE,
        "layout": code(about.get("layout", "")),
        "topics": _codes(sorted({str(topic) for topic in mapping(about.get("topics")).values()})),
    }


def _team(about: Mapping[str, Any]) -> dict[str, Words]:
    reads = [*sequence(about.get("topics")), *(f"{prefix}*" for prefix in sequence(about.get("prefixes")))]
    return {"reads": _codes(reads)}


# -- resources


def _of_steps(preview: Preview, context: Context) -> Iterator[Change]:
    parts: dict[tuple[str, str], list[Step]] = {}
    for step in preview.steps:
        if not step.custom or step.op == "same":
            continue
        if step.kind in _SECTION and step.type.startswith("kubernetes:kafka.strimzi.io/"):
            section, words = _SECTION[step.kind]
            yield _one(step, section, words)
        elif aws.kind_of(step):
            yield _one(step, "AWS", _aws)
        else:
            section, what = _holder(step)
            parts.setdefault((section, what), []).append(step)
    for (section, what), steps in parts.items():
        yield _part(section, what, steps, preview)


def _one(step: Step, section: str, words: Any) -> Change:
    what = subject(step)
    if step.op == "delete":
        kept = Markdown("stays; Pulumi only forgets it") if step.was_kept else _SILENT
        return Change(REMOVED, section, what, kept)
    hidden = [at(step.new, key) for key in ("spec", "metadata") if isinstance(at(step.new, key), Hidden)]
    if hidden:
        again = "deleted and created again" if step.op == "replace" else ""
        return Change(ADDED if step.old is None else CHANGED, section, what, joined((again, f"not shown: {hidden[0]}")))
    if step.old is None:
        return Change(ADDED, section, what, _told(words(step.new)))
    details = _between({**_place(step.old), **words(step.old)}, {**_place(step.new), **words(step.new)})
    again = "deleted and created again" if step.op == "replace" else ""
    unseen = joined((again, details)) or _paths(step)
    return Change(CHANGED, section, what, unseen)


def _place(inputs: Any) -> dict[str, Words]:
    """The place of a resource, to show when it moves."""
    return {key: shown(at(inputs, "metadata", key)) for key in ("name", "namespace")}


def _paths(step: Step) -> Markdown:
    return Markdown(f"changed: {codes(sorted(step.changed), _MOST)}") if step.changed else Markdown("changed")


def _topic(inputs: Any) -> dict[str, Words]:
    spec = at(inputs, "spec")
    told: dict[str, Words] = {"partitions": shown(at(spec, "partitions")), "copies": shown(at(spec, "replicas"))}
    config = mapping(at(spec, "config"))
    if "retention.ms" in config:
        told["retention"] = _setting("retention.ms", config["retention.ms"])
    if "min.insync.replicas" in config:
        told["copies in sync"] = shown(config["min.insync.replicas"])
    rest = config.keys() - {"retention.ms", "min.insync.replicas"} - _FOLLOWS
    odd = sorted(key for key in rest if config[key] != _DEFAULTS.get(key))
    return told | {str(code(key)): _setting(key, config[key]) for key in odd}


# The defaults of every topic; the report names only other values.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "max.message.bytes": units.MIB,
    "message.timestamp.type": "LogAppendTime",
    "segment.bytes": 256 * units.MIB,
}


def _setting(key: str, value: Any) -> Markdown:
    amount = number(value)
    if amount is None or amount < 0:
        return Markdown("for ever") if amount == -1 and key in _TIMES else shown(value)
    return duration(amount) if key in _TIMES else Markdown(units.about(amount)) if key in _SIZES else shown(value)


def _user(inputs: Any) -> dict[str, Words]:
    spec = at(inputs, "spec")
    granted = rights.rights_of(spec)
    told: dict[str, Words] = {"may": Markdown("(not shown)") if granted is None else rights.several(granted)}
    told["authentication"] = shown(at(spec, "authentication", "type"))
    for key, what in rights.QUOTAS.items():
        if at(spec, "quotas", key) is not None:
            told[f"{what} at most"] = rights.quota_words(key, at(spec, "quotas", key))
    return told


def _connector(inputs: Any) -> dict[str, Words]:
    spec = at(inputs, "spec")
    told: dict[str, Words] = {"state": shown(at(spec, "state") or "running"), "tasks": shown(at(spec, "tasksMax"))}
    told["topics"] = _codes(sinks.topics_of(inputs))
    config = mapping(at(spec, "config"))
    return told | {key: shown(value) for key, value in sorted(config.items()) if _OPEN.fullmatch(key)}


def _kafka(inputs: Any) -> dict[str, Words]:
    kafka = at(inputs, "spec", "kafka")
    told: dict[str, Words] = {"version": shown(at(kafka, "version")), "metadata": shown(at(kafka, "metadataVersion"))}
    for name, listener in by_name(at(kafka, "listeners")).items():
        login = at(listener, "authentication", "type")
        tls = "with TLS" if listener.get("tls") is True else "without TLS"
        told[f"listener {code(name)}"] = Markdown(f"{code(listener.get('type', ''))} {tls}, credentials {shown(login)}")
    told["authorization"] = shown(at(kafka, "authorization", "type"))
    told["rack"] = shown(at(kafka, "rack", "topologyKey"))
    return told | {str(code(key)): shown(value) for key, value in sorted(mapping(at(kafka, "config")).items())}


def _pool(inputs: Any) -> dict[str, Words]:
    spec = at(inputs, "spec")
    told: dict[str, Words] = {"nodes": shown(at(spec, "replicas")), "roles": codes(sequence(at(spec, "roles")))}
    for volume in map(mapping, sequence(at(spec, "storage", "volumes"))):
        told[f"disk {code(volume.get('id', 0))}"] = joined(
            (
                str(code(volume.get("size") or volume.get("sizeLimit") or "")),
                str(code(volume.get("type", ""))),
                f"class {code(volume['class'])}" if volume.get("class") else "",
                "deleted with the cluster" if volume.get("deleteClaim") is True else "",
            ),
            ", ",
        )
    for kind in ("requests", "limits"):
        given = mapping(at(spec, "resources", kind))
        told[kind] = joined((f"{key} {code(value)}" for key, value in sorted(given.items())), ", ")
    return told


def _aws(inputs: Any) -> dict[str, Words]:
    """Numbers and flags with their values. Texts may be policies or passwords, so only the names of changed ones."""
    told: dict[str, Words] = {}
    for key, value in sorted(mapping(inputs).items()):
        if not key.startswith("__") and key not in {"tags", "tagsAll"} and isinstance(value, bool | int | float):
            told[str(code(key))] = shown(value)
    return told


_SECTION: Final[Mapping[str, tuple[str, Any]]] = {
    "KafkaTopic": ("Topics", _topic),
    "KafkaUser": ("Rights", _user),
    "KafkaConnector": ("Sinks", _connector),
    "Kafka": ("Kafka", _kafka),
    "KafkaNodePool": ("Kafka", _pool),
}


# -- changes of many resources in one line


def _holder(step: Step) -> tuple[str, str]:
    part = part_name(step)
    if step.kind == "ConfigMap" and resource_name(step) == CATALOG_CONFIG_MAP:
        return "Parts", "catalog for clients"
    if part:
        return "Parts", f"part {part}"
    if step.type.startswith("pulumi:providers:"):
        return "Other", f"provider {code(step.name)}"
    return "Other", f"{word(step.kind)} {code(resource_name(step))}"


def _part(section: str, what: str, steps: list[Step], preview: Preview) -> Change:
    """A part is added or removed if its component is created or deleted; otherwise something in it changed."""
    verb = CHANGED
    words = {part for part in PARTS.values() if f"part {part}" == what}
    for step in preview.steps:
        named = PARTS.get(step.type.removeprefix("kafkalogs:index:"))
        if not step.custom and named in words and step.op in {"create", "delete"}:
            verb = ADDED if step.op == "create" else REMOVED
    ops = {step.op for step in steps}
    if not words and ops <= {"create", "delete"} and len(ops) == 1:
        verb = ADDED if ops == {"create"} else REMOVED
    told = [
        _counted(steps, op, word) for op, word in (("create", "created"), ("delete", "removed"), ("update", "changed"))
    ]
    told += [_counted(steps, "replace", "created again")]
    return Change(verb, section, Markdown(what), joined([*told, *_images(steps)]))


def _counted(steps: list[Step], op: str, word: str) -> str:
    some = [step for step in steps if step.op == op]
    if not some:
        return ""
    named = codes((f"{step.kind} {resource_name(step)}" for step in some), 4)
    return f"{word}: {named}"


def _images(steps: list[Step]) -> Iterator[str]:
    """Containers whose image changes."""
    for step in steps:
        if step.stays:
            old, new = (by_name(at(i, "spec", "template", "spec", "containers")) for i in (step.old, step.new))
            for name, container in new.items():
                before, after = at(old.get(name), "image"), container.get("image")
                if before is not None and before != after:
                    yield f"image {code(before)} → {code(after)}"
