"""Checks of consumer lag, dead letters and disks. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ..config import units
from ..config.sizing import USABLE_DISK
from ..monitoring.consumer_rules import CONSUMERS, EXPIRES_SOON
from . import declared as want
from . import seen
from .findings import Checked, Finding, some

MARKERS: Final = 2
"""Offsets at a partition's end that may hold no record: markers of the last and of an aborted transaction."""

LATE: Final = 900
"""The age of any other group's oldest unread record, seconds, from which growing lag is a finding."""

FREE: Final = 0.05
"""Least free space of a broker's volume, as a share of its declared size."""


def limit(part: str | None) -> int:
    """The highest age of the oldest unread record, seconds. part: a part of the platform, with the limit of its alert;
    None for any other group."""
    return CONSUMERS[part].limit if part else LATE


def retention(declared: want.Declared, topic: str) -> int | None:
    """How long a declared topic keeps records, milliseconds; None: they do not expire, or it is not declared."""
    if topic not in declared.topics:
        return None
    config = declared.topics[topic].config
    kept = int(config.get("retention.ms", -1))
    return kept if kept > 0 and "delete" in config.get("cleanup.policy", "delete") else None


def check_lag(declared: want.Declared, before: Mapping[str, seen.Group], now: Mapping[str, seen.Group]) -> Checked:
    """No part of the platform is late, and no group loses records. before, now: two readings, seconds apart."""
    own = {group.name: group.part for group in declared.groups}
    findings: list[Finding] = []
    for name, part in own.items():
        if name not in now or not any(one.committed is not None for one in now[name].positions.values()):
            remedy = f"look at {part}: it has committed no offsets"
            findings.append(
                Finding("group-missing", f"consumer {name}", "reads", "Kafka does not know the group", remedy)
            )
        elif late := _late(before.get(name), now[name]):
            said = f"{_behind(before.get(name), now[name])}; {len(late)} partitions, of {some(late, 3)}"
            bound = f"at most {units.format_duration(limit(part) * 1000)} behind"
            findings.append(Finding("group-behind", f"consumer {name}", bound, said, CONSUMERS[part].loss))
    for name, group in sorted(now.items()):
        if name in own or group.members:
            findings += _any_group(name, before.get(name), group, own=name in own)
            findings += _expiring(declared, name, group)
    return Checked("lag", len(now), findings)


def _late(before: seen.Group | None, now: seen.Group) -> list[str]:
    """The topics with partitions in which, at both readings, records older than the limit were unread."""
    found: set[str] = set()
    for place, one in now.positions.items():
        earlier = before.positions.get(place) if before else None
        if _old(one) and (earlier is None or _old(earlier)):
            found.add(place[0])
    return sorted(found)


def _old(one: seen.Position) -> bool:
    return one.old - max(one.at, one.begin) > MARKERS


def _any_group(name: str, before: seen.Group | None, now: seen.Group, *, own: bool) -> Iterable[Finding]:
    what = f"consumer {name}"
    lost = sorted({topic for (topic, _), one in now.positions.items() if one.at < one.begin})
    if lost:
        seen_ = f"records of {some(lost)} were deleted before it committed their offsets"
        remedy = "raise the topic's retention until the group has caught up; if all were dead letters, nothing is lost"
        yield Finding("records-expired", what, "reads every record", seen_, remedy)
    if not own and before and _late(before, now) and now.lag > before.lag:
        remedy = (
            "it reads more slowly than producers write: give it more tasks or instances, up to the number of partitions"
        )
        yield Finding("group-growing", what, "keeps up", _behind(before, now), remedy)


def _expiring(declared: want.Declared, name: str, now: seen.Group) -> Iterable[Finding]:
    """What a group has not read, and Kafka deletes soon. The topic with the least time is named first."""
    left: dict[str, float] = {}
    for (topic, _), one in now.positions.items():
        kept = retention(declared, topic)
        if kept and one.expiring - max(one.at, one.begin) > MARKERS:
            left[topic] = kept * EXPIRES_SOON
    if not left:
        return
    first = min(left, key=left.__getitem__)
    seen_ = (
        f"records of {some(sorted(left, key=left.__getitem__))} that it has not read are deleted soon, "
        f"those of {first} in at most {units.format_duration(int(left[first]))}"
    )
    remedy = "let it read again, or raise the topic's retention now, until it has caught up"
    yield Finding("records-expiring", f"consumer {name}", "reads records long before they expire", seen_, remedy)


def _behind(before: seen.Group | None, now: seen.Group) -> str:
    more = now.lag - before.lag if before else 0
    trend = f" and growing (+{more:,})" if more > 0 else f" and shrinking ({more:,})" if more < 0 else ""
    return f"{now.lag:,} records behind{trend}"


def check_letters(declared: want.Declared, letters: Mapping[str, int]) -> Checked:
    """No dead letter topic holds records. letters: records by topic."""
    findings = [
        Finding(
            "dead-letters",
            f"topic {topic}",
            "no records",
            f"{letters[topic]:,} records",
            "correct the cause (`kafkalogs letters list`), then send them again before their retention ends",
        )
        for topic in declared.dead_letters
        if letters.get(topic)
    ]
    return Checked("letters", len(declared.dead_letters), findings)


def check_disk(declared: want.Declared, dirs: Mapping[int, seen.LogDir]) -> Checked:
    """No broker's disk is nearly full, by its declared size and by the free space of its volume."""
    findings: list[Finding] = []
    sizes = {broker: size for broker, size in want.disks(declared.platform).items() if broker in dirs}
    for broker, size in sorted(sizes.items()):
        found, what = dirs[broker], f"the disk of broker {broker}"
        remedy = "shorten retention, or enlarge the disks, in the stack file"
        if found.error:
            remedy = f"look at the volume of broker {broker}"
            findings.append(Finding("disk-broken", what, "readable", found.error, remedy))
            continue
        if found.logs > size * USABLE_DISK:
            seen_ = f"{units.about(found.logs)} of logs, {found.logs / size:.0%}"
            bound = f"at most {USABLE_DISK:.0%} of {units.about(size)}"
            findings.append(Finding("disk-filling", what, bound, seen_, remedy))
        if 0 <= found.usable < size * FREE:
            seen_ = f"{units.about(found.usable)} free of {units.about(found.total)}"
            findings.append(Finding("disk-full", what, f"{FREE:.0%} of {units.about(size)} free", seen_, remedy))
    return Checked("disk", len(sizes), findings)
