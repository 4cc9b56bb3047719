"""What the stack says of itself: its environment, its compliance, and the exceptions that it declares.

A kafkalogs platform says it under `kafkalogs:platform` of its stack file. Any other program may say the same under
`kafkalogs-policy:settings`; where nothing is said, the strictest holds.
"""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final, cast

from .environments import ENVIRONMENTS, STRICTEST, Demands
from .kinds import kind
from .model import Member
from .units import duration, parse_duration
from .values import UNKNOWN

PLATFORM: Final = "kafkalogs:platform"
OWN: Final = "kafkalogs-policy:settings"
_LISTS: Final = ("encryptedStorageClasses", "types")


@dataclass(frozen=True)
class Exemption:
    """A rule that some resources need not keep, for a while."""

    rule: str
    resource: str
    """Of the names of resources; * stands for any characters."""
    reason: str
    expires: datetime.date
    """The last day on which it holds."""

    def covers(self, rule: str, member: Member, today: datetime.date) -> bool:
        """Whether it excuses a resource from a rule on this day."""
        return rule == self.rule and today <= self.expires and self.names(member)

    def names(self, member: Member) -> bool:
        """Whether it means this resource: by its name in Pulumi, in Kubernetes, or as Kind/name of either."""
        name = ""
        if member.view["metadata"].value is not UNKNOWN:
            place = member.view["metadata"]["name"]
            name = "" if place.value is UNKNOWN else place.text
        names = {known for known in (member.name, name) if known}
        names |= {f"{kind(member.type)}/{known}" for known in names}
        return any(fnmatchcase(known, self.resource) for known in names)

    def __str__(self) -> str:
        return f"{self.rule} of {self.resource}, until {self.expires.isoformat()}: {self.reason}"


@dataclass(frozen=True)
class Settings:
    """What the pack goes by."""

    demands: Demands = STRICTEST
    exemptions: tuple[Exemption, ...] = ()
    problems: tuple[str, ...] = field(default=())
    """What is wrong with the settings; the strictest then holds in place of what is wrong."""

    def excuse(self, rule: str, member: Member, today: datetime.date) -> Exemption | None:
        """The exception that lets a resource off a rule, if there is one."""
        return next((known for known in self.exemptions if known.covers(rule, member, today)), None)


def read(config: Mapping[str, Any], rules: Sequence[str]) -> Settings:
    """The settings of a stack with this configuration (Pulumi's, by full names). rules: the names that there are."""
    problems: list[str] = []
    platform, own = _object(config, PLATFORM, problems), _object(config, OWN, problems)
    compliance = _mapping(platform.get("compliance"))
    told = {
        "environment": platform.get("environment"),
        "auditFloor": compliance.get("auditFloor"),
        "archiveYears": _mapping(compliance.get("archiveYears")).get("audit"),
        "exceptions": platform.get("exceptions"),
    }
    if PLATFORM in config:
        for key in sorted(set(told) & set(own)):
            problems.append(f"{OWN}.{key}: write it in {PLATFORM}, which this stack has")
    else:
        told = {key: own.get(key) for key in told}
    for key in sorted(set(own) - set(told) - set(_LISTS)):
        problems.append(f"{OWN}.{key}: unknown key; write {', '.join([*told, *_LISTS])}")
    where = PLATFORM if PLATFORM in config else OWN
    demands = _demands(told, own, where, problems)
    exemptions = _exemptions(told["exceptions"], where, rules, problems)
    return Settings(demands, exemptions, tuple(problems))


def _demands(told: Mapping[str, Any], own: Mapping[str, Any], where: str, problems: list[str]) -> Demands:
    environment = told["environment"]
    if environment is not None and environment not in ENVIRONMENTS:
        problems.append(f"{where}.environment: {environment!r}: no such environment; write {', '.join(ENVIRONMENTS)}")
        environment = None
    demands = ENVIRONMENTS[environment] if environment else STRICTEST
    if told["auditFloor"] is not None:
        try:
            floor = parse_duration(str(told["auditFloor"]))
            if floor < demands.audit_floor:
                least = duration(demands.audit_floor)
                raise ValueError(
                    f"{told['auditFloor']!r}: below the least of {demands.environment}; write {least} or more"
                )
            demands = replace(demands, audit_floor=floor)
        except ValueError as error:
            problems.append(f"{where}: auditFloor: {error}")
    years = told["archiveYears"]
    if years is not None:
        if isinstance(years, int | float) and not isinstance(years, bool) and years >= 0:
            demands = replace(demands, archive_years=int(years))
        else:
            problems.append(f"{where}: archiveYears: {years!r}: not a number of years")
    classes, types = (_names(own, key, problems) for key in _LISTS)
    return replace(demands, encrypted_classes=classes, types=types)


def _names(own: Mapping[str, Any], key: str, problems: list[str]) -> frozenset[str]:
    names = own.get(key, [])
    if isinstance(names, list) and all(isinstance(name, str) for name in cast("list[Any]", names)):
        # A list of everything would switch the rule off.
        if not (wide := [name for name in cast("list[str]", names) if set(name) <= {"*", ":"}]):
            return frozenset(cast("list[str]", names))
        problems.append(f"{OWN}.{key}: {wide[0]!r}: names everything; name a type, like aws:ec2/*")
    else:
        problems.append(f"{OWN}.{key}: {names!r}: not a list of names")
    return frozenset()


def _exemptions(listed: Any, where: str, rules: Sequence[str], problems: list[str]) -> tuple[Exemption, ...]:
    if listed is None:
        return ()
    if not isinstance(listed, list):
        problems.append(f"{where}.exceptions: not a list; write rule, resource, reason and expires of each")
        return ()
    made: list[Exemption] = []
    for i, item in enumerate(cast("list[Any]", listed)):
        try:
            made.append(_exemption(_mapping(item), rules))
        except ValueError as error:
            problems.append(f"{where}.exceptions.{i}: {error}")
    return tuple(made)


def _exemption(item: Mapping[str, Any], rules: Sequence[str]) -> Exemption:
    for key in ("rule", "resource", "reason", "expires"):
        if not str(item.get(key) or "").strip():
            raise ValueError(f"{key} is missing; write it")
    rule = str(item["rule"])
    if rule not in rules:
        raise ValueError(f"rule: {rule!r}: no such rule; write one of {', '.join(rules)}")
    # Pulumi gives a date that is not in quotes with a time behind it.
    day = str(item["expires"]).removesuffix(" 00:00:00 +0000 UTC").strip()
    try:
        expires = datetime.date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"expires: {day!r}: not a day; write one like 2027-01-31") from None
    return Exemption(rule, str(item["resource"]), str(item["reason"]).strip(), expires)


def _object(config: Mapping[str, Any], key: str, problems: list[str]) -> Mapping[str, Any]:
    """A value of the configuration that is an object, which Pulumi passes as JSON."""
    value: Any = config.get(key)
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if value is None or isinstance(value, Mapping):
        return _mapping(cast("Any", value))
    problems.append(f"{key}: not an object")
    return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
