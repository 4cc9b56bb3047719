"""Shared by the rules of a plan: a danger, the kinds of danger in order, and what a rule may read of the preview."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..catalog import resolve as catalogs
from ..catalog.part import CLASS_LABEL, KIND_LABEL
from ..config import units
from ..config.naming import CATALOG_CONFIG_MAP, DEAD_LETTER_PREFIX
from ..config.problems import ConfigError
from ..parts import own_users
from .markdown import Markdown, code
from .preview import Preview, Step
from .values import at, mapping, number, sequence

KINDS: Final[Mapping[str, str]] = {
    "incomplete": "Preview incomplete",
    "topic": "Topic deleted",
    "store": "Storage deleted",
    "retention": "Retention cut",
    "partitions": "Partitions changed",
    "key": "Key changed",
    "copies": "Fewer copies",
    "access": "Access widened",
    "audit": "New reader of audit logs",
    "quota": "Quota removed",
    "sink": "Sink removed",
    "dead-letters": "Dead letters removed",
    "encryption": "Encryption weakened",
    "protection": "Protection removed",
    "schema": "Schema compatibility weakened",
    "unknown": "Not known",
}
"""The kinds of danger with their titles, in the order of the report."""

DEFAULT_RETENTION: Final = 7 * units.DAY
"""Kafka's default, for a topic that sets none."""

FOREVER: Final = -1
NONE: Final = Markdown("none")


@dataclass(frozen=True)
class Danger:
    """Something that can lose data or widen access, or hides whether it does."""

    kind: str
    """One of `KINDS`."""

    where: Markdown
    """The resource in the platform's words: topic `logs.x`."""

    before: Markdown
    after: Markdown
    follows: Markdown
    """What follows from the change."""


@dataclass(frozen=True)
class Catalog:
    """The part of the catalog that a report needs; see `catalog.document`."""

    topics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    teams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def audit(self) -> set[str]:
        """The topics of audit logs."""
        return {name for name, topic in self.topics.items() if topic.get("retentionClass") == "audit"}

    def writers(self, topic: str) -> list[str]:
        """The services that write to a topic."""
        return [name for name, service in self.services.items() if topic in mapping(service.get("topics")).values()]

    def read_by(self, team: str) -> set[str]:
        """The topics of the catalog that a team reads."""
        about = self.teams.get(team, {})
        prefixes = tuple(str(prefix) for prefix in sequence(about.get("prefixes")))
        return {name for name in self.topics if name in sequence(about.get("topics")) or name.startswith(prefixes)}


class Context:
    """What a rule may read of a preview besides its step."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview
        self.before, self.after, self.unread = _catalogs(preview)
        topics = [step for step in preview.steps if step.kind == "KafkaTopic"]
        self.coming = {topic_name(step) for step in topics if step.comes}
        self.going = {topic_name(step) for step in topics if step.op == "delete"}
        self._labelled_audit = {topic_name(step) for step in topics if _label(step, CLASS_LABEL) == "audit"}
        self._components = {step.urn: step for step in preview.steps if not step.custom}

    def part_of(self, step: Step, op: str) -> bool:
        """Whether a component that holds the resource is created or deleted as a whole; the platform's own component
        does not count. op: create or delete."""
        kinds = [kind for kind in step.parents if kind not in {"kafkalogs:index:LogPlatform", "pulumi:pulumi:Stack"}]
        return any(part.op == op and part.type in kinds for part in self._components.values())

    def topic(self, name: str, what: str = "topic") -> Markdown:
        """A topic in words, with who writes it."""
        known = self.before or self.after
        writers = known.writers(name) if known else []
        of = f" of {code(writers[0])}" if len(writers) == 1 else f" of {len(writers)} services" if writers else ""
        return Markdown(f"{what} {code(name)}{of}")

    def audit(self) -> set[str]:
        """The topics of audit logs; without a catalog, by their labels and the usual name."""
        known = [catalog for catalog in (self.before, self.after) if catalog]
        if not known:
            return {"logs.audit", *self._labelled_audit}
        return {topic for catalog in known for topic in catalog.audit()}


def topic_name(step: Step) -> str:
    """The name in Kafka of a KafkaTopic: as deployed, else as planned; Pulumi's name if both are hidden."""
    for inputs in (step.old, step.new):
        name = at(inputs, "spec", "topicName") or at(inputs, "metadata", "name")
        if isinstance(name, str):
            return name
    return step.name


def holds_dead_letters(step: Step) -> bool:
    """Whether a KafkaTopic holds dead letters: by its label, or by its name if an older version made the topic."""
    kind = _label(step, KIND_LABEL)
    return kind == "dead-letters" if kind else topic_name(step).startswith(DEAD_LETTER_PREFIX)


def _label(step: Step, key: str) -> str | None:
    """A label as deployed, else as planned."""
    labels = (at(inputs, "metadata", "labels", key) for inputs in (step.old, step.new))
    return next((label for label in labels if isinstance(label, str)), None)


def resource_name(step: Step) -> str:
    """The name of a resource in its cluster or cloud, else Pulumi's name."""
    for inputs in (step.old, step.new):
        for path in (("metadata", "name"), ("bucket",), ("name",), ("domainName",)):
            name = at(inputs, *path)
            if isinstance(name, str):
                return name
    return step.name


def identity(step: Step) -> Markdown:
    """A KafkaUser in words."""
    user = resource_name(step)
    if user in own_users():
        return Markdown(f"part {code(user)}")
    if user.startswith("team-"):
        return Markdown(f"team {code(user.removeprefix('team-'))}")
    return Markdown(
        f"service {code(user)}" if "kafkalogs:index:ServiceIdentity" in step.parents else f"user {code(user)}"
    )


def duration(milliseconds: int | None) -> Markdown:
    """A retention for people."""
    if milliseconds is None:
        return Markdown("Kafka's default (7d)")
    if milliseconds < 0:
        return Markdown("for ever")
    return Markdown(units.format_duration(milliseconds) if milliseconds else "0")


def hours(milliseconds: int) -> str:
    """A span of logs, for people."""
    if milliseconds < units.HOUR:
        return f"{milliseconds / units.MINUTE:.3g} min"
    if milliseconds < 3 * units.DAY:
        return f"{milliseconds / units.HOUR:.3g} h"
    return f"{milliseconds / units.HOUR:,.0f} h ({milliseconds / units.DAY:.3g} days)"


def shown(value: Any) -> Markdown:
    """A value of a setting for people."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return Markdown("on" if value else "off")
    return code(json.dumps(value, default=str) if isinstance(value, dict | list) else value)


def fewer(before: Any, after: Any) -> bool:
    """Whether a number is smaller or missing after the change."""
    old, new = number(before), number(after)
    return old is not None and (new is None or new < old)


def _catalogs(preview: Preview) -> tuple[Catalog | None, Catalog | None, str | None]:
    """The catalogs before and after, and why the one after cannot be read."""
    for step in preview.steps:
        if step.kind == "ConfigMap" and resource_name(step) == CATALOG_CONFIG_MAP:
            old, new = (_parsed(at(inputs, "data", "catalog.json")) for inputs in (step.old, step.new))
            if (step.old is not None and old is None) or (step.new is not None and new is None):
                return old, new, "the catalog's ConfigMap is not shown"
            return old or Catalog(), new or Catalog(), None
    # The catalog does not change, so the one that follows from the stack file is deployed.
    if preview.config is None:
        return None, None, "the preview shows no configuration of kafkalogs"
    try:
        from ..checks.loading import load

        platform = load(preview.config)
        same = _of(catalogs.document(platform, catalogs.resolve(platform)))
    except ConfigError as error:
        return None, None, f"this version of kafkalogs cannot read the stack's configuration: {error.problems[0]}"
    return same, same, None


def _parsed(text: Any) -> Catalog | None:
    if not isinstance(text, str):
        return None
    try:
        return _of(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _of(document: Any) -> Catalog | None:
    parts = [mapping(document).get(key) for key in ("topics", "services", "teams")]
    if not all(isinstance(part, dict) for part in parts):
        return None
    topics, services, teams = ({name: mapping(about) for name, about in mapping(part).items()} for part in parts)
    return Catalog(topics, services, teams)


def sorted_dangers(dangers: Iterable[Danger]) -> list[Danger]:
    """The dangers in the order of `KINDS`, without duplicates."""
    order = list(KINDS)
    return sorted(dict.fromkeys(dangers), key=lambda danger: order.index(danger.kind))
