"""retention-bounds and audit-floor: logs are kept within bounds, and audit logs never below the floor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from ..environments import DAY, HOUR, MINUTE, Bounds, Demands
from ..kinds import kind, of
from ..model import Context, Finding, Member, Rule, Violation, each, unknown
from ..topics import LOGS, class_of, topic_name
from ..units import duration
from ..values import UNKNOWN, UnknownValueError, View

CATALOG: Final = "kafkalogs-catalog"
"""The ConfigMap of a kafkalogs platform that says the class of each of its topics."""

_LIFECYCLES: Final = frozenset(
    {
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
    }
)
_SMALLER: Final = ("log.retention.bytes", "retention.bytes")
_DEFAULTS: Final = {"log.retention.ms": 1, "log.retention.minutes": MINUTE, "log.retention.hours": HOUR}


def _bounds(type_: str, view: View, context: Context) -> Iterator[Violation]:
    yield from _within(view, class_of(view), context.demands.retention)


def _within(view: View, topic_class: str, bounds: Mapping[str, Bounds]) -> Iterator[Violation]:
    config = view["spec"]["config"]
    policies = {word.strip() for word in (config["cleanup.policy"].text or "delete").split(",")}
    if topic_class in {*LOGS, "dead-letters"} and topic_class != "audit":  # audit logs have a rule of their own
        yield from each(_unlimited(config["retention.bytes"], "log events"), _not_compacted(view, "events"))
    if topic_class == "internal" or "delete" not in policies:
        return
    place = config["retention.ms"]
    # A class of the person's own is bounded as any other.
    least, longest = bounds.get(topic_class, bounds["other"])
    if place.number is None:
        told = f"nothing says how long this topic ({topic_class}) keeps records; it would follow the brokers' default"
        yield Violation(place.path, told, "write retention.ms")
    elif place.number < 0:
        told = f"this topic ({topic_class}) keeps records for ever"
        yield Violation(place.path, told, f"write at most {duration(longest)}; the archive is for longer")
    elif not least <= place.number <= longest:
        told = f"this topic ({topic_class}) keeps records {duration(place.number)}"
        yield Violation(place.path, told, f"write between {duration(least)} and {duration(longest)}")


def _catalog(members: Sequence[Member]) -> Iterator[tuple[Member, str | None]]:
    """The topics that a catalog names, with their class; None where the catalog is not known."""
    classes: dict[str, str] | None = {}
    for member in members:
        if kind(member.type) == "ConfigMap" and member.view["metadata"].value is not UNKNOWN:
            about = member.view["metadata"]["name"]
            if about.value is not UNKNOWN and about.text == CATALOG:
                classes = _classes(member.view)
    for member in members:
        if kind(member.type) == "KafkaTopic":
            try:
                name = topic_name(member.view)
            except UnknownValueError:
                continue  # the rule of each topic says so
            if classes is None or name in classes:
                yield member, classes[name] if classes is not None else None


def _classes(view: View) -> dict[str, str] | None:
    try:
        document: Any = json.loads(view["data"]["catalog.json"].text or "{}")
    except (UnknownValueError, ValueError):
        return None
    said = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    topics = cast("dict[str, dict[str, Any]]", said.get("topics", {}))
    return {name: str(about.get("retentionClass", "other")) for name, about in topics.items()}


def _bounds_of_stack(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    """The classes that the platform's own catalog says, which names do not."""
    for member, topic_class in _catalog(members):
        if topic_class is not None and topic_class != class_of(member.view):
            for violation in each(_within(member.view, topic_class, demands.retention)):
                yield member, violation


def _floor(type_: str, view: View, context: Context) -> Iterator[Violation]:
    name = kind(type_)
    if name == "KafkaTopic":
        if class_of(view) == "audit":
            yield from each(_kept(view, context.demands), _whole(view), _not_compacted(view))
    elif name == "Kafka":
        config = view["spec"]["kafka"]["config"]
        for key in _SMALLER:
            yield from each(_unlimited(config[key]))
        created = config["auto.create.topics.enable"]
        if not created.there or created.text.lower() != "false":
            told = f"{created.shown}: a client makes topics whose retention nobody has checked"
            yield Violation(created.path, told, "write false")
        for key, unit in _DEFAULTS.items():
            yield from each(_default(config[key], unit, context.demands))
    elif name in _LIFECYCLES:
        for rule in view["rules"].items:
            yield from each(_expiry(rule, context.demands))


def _kept(view: View, demands: Demands) -> Iterator[Violation]:
    place = view["spec"]["config"]["retention.ms"]
    # -1 is for ever; that it is too long is another rule's word.
    if place.number is None or 0 <= place.number < demands.audit_floor:
        kept = duration(place.number) if place.number is not None else place.shown
        told = f"audit logs are kept {kept}, below the floor of {duration(demands.audit_floor)}"
        yield Violation(place.path, told, f"write at least {duration(demands.audit_floor)}")


def _whole(view: View) -> Iterator[Violation]:
    yield from _unlimited(view["spec"]["config"]["retention.bytes"])


def _default(place: View, unit: int, demands: Demands) -> Iterator[Violation]:
    """How long the brokers keep topics without a retention of their own."""
    if place.there and (place.number is None or 0 <= place.number * unit < demands.audit_floor):
        told = f"{place.shown}: a topic without retention.ms may hold audit logs"
        yield Violation(place.path, told, "leave it out; each KafkaTopic says how long it keeps records")


def _unlimited(place: View, what: str = "audit logs") -> Iterator[Violation]:
    if place.there and (place.number is None or place.number >= 0):
        told = f"{place.shown}: a busy hour would delete {what} before their time"
        yield Violation(place.path, told, "leave it out: the disks are sized for the time")


def _not_compacted(view: View, what: str = "audit logs") -> Iterator[Violation]:
    place = view["spec"]["config"]["cleanup.policy"]
    if "compact" in place.text:
        told = f"{place.shown}: of {what} with the same key only the last would stay"
        yield Violation(place.path, told, "write delete")


def _expiry(rule: View, demands: Demands) -> Iterator[Violation]:
    """What expires in a bucket: all of it, or what a filter names."""
    days = rule["expiration"]["days"]
    if rule["status"].text == "Disabled" or not days.there:
        return
    named = " ".join(leaf.text for place in ("filter", "prefix") for leaf in rule[place].leaves()).strip()
    # A rule for another class is not about audit logs, and neither is one for what AWS writes of a bucket's visitors.
    others = any(other in named for other in ("access", "application", "errors"))
    if ("audit" not in named and others) or (not named and rule["id"].text.startswith("access-logs")):
        return
    least = max(demands.archive_years * 365, demands.audit_floor // DAY)
    if days.number is None or days.number < least:
        told = f"what this rule ({rule['id'].shown}) names may be audit logs, and expires after {days.shown} days"
        yield Violation(days.path, told, f"write at least {least} days, or name another class in its filter")


def _floor_of_stack(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    """Audit logs in topics whose names do not say so."""
    for member, topic_class in _catalog(members):
        if topic_class is None:
            yield member, unknown(f"{CATALOG}: data.catalog.json")
        elif topic_class == "audit" and class_of(member.view) != "audit":
            found = each(_kept(member.view, demands), _whole(member.view), _not_compacted(member.view))
            yield from ((member, violation) for violation in found)


BOUNDS: Final = Rule(
    name="retention-bounds",
    title="Each class of topics keeps records within its bounds",
    applies=of("KafkaTopic"),
    examine=_bounds,
    stack=_bounds_of_stack,
)

FLOOR: Final = Rule(
    name="audit-floor",
    title="Audit logs are kept at least as long as compliance demands",
    applies=of("KafkaTopic", "Kafka", *_LIFECYCLES),
    examine=_floor,
    stack=_floor_of_stack,
)
