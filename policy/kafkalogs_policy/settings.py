"""What the stack says of itself: its environment, its compliance, and the exceptions that it declares.

A kafkalogs platform says it under `kafkalogs:platform` of its stack file. Any other program may say the same under
`kafkalogs-policy:settings`; where nothing is said, the strictest holds.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from .environments import ENVIRONMENTS, STRICTEST, Demands, of_stack, weaker
from .kinds import kind
from .model import Member
from .units import duration, parse_duration
from .values import UNKNOWN

PLATFORM: Final = "kafkalogs:platform"
OWN: Final = "kafkalogs-policy:settings"
LONGEST_EXCEPTION_DAYS: Final = 180
"""How far ahead an exception may end, from the day of the preview."""

LEAST_LETTERS: Final = 3
"""The least letters that a name with * must have besides: fewer would name almost everything."""

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
        return rule == self.rule and today <= self.expires and not self.too_long(today) and self.names(member)

    def too_long(self, today: datetime.date) -> bool:
        """Whether it ends later than an exception may."""
        return self.expires > last_day(today)

    def names(self, member: Member) -> bool:
        """Whether it means this resource: by its name in Pulumi, in Kubernetes, or as Kind/name of either."""
        name = ""
        if member.view["metadata"].value is not UNKNOWN:
            place = member.view["metadata"]["name"]
            name = "" if place.value is UNKNOWN else place.text
        names = {known for known in (member.name, name) if known}
        names |= {f"{kind(member.type)}/{known}" for known in names}
        return any(_matches(self.resource, known) for known in names)

    def __str__(self) -> str:
        return f"{self.rule} of {self.resource}, until {self.expires.isoformat()}: {self.reason}"


@dataclass(frozen=True)
class Settings:
    """What the pack goes by."""

    demands: Demands = STRICTEST
    exemptions: tuple[Exemption, ...] = ()
    problems: tuple[str, ...] = field(default=())
    """What is wrong with the settings; the strictest then holds in place of what is wrong."""

    def problems_on(self, today: datetime.date) -> tuple[str, ...]:
        """What is wrong with the settings on a day."""
        late = [
            f"exception to {known.rule} of {known.resource}: expires: {known.expires.isoformat()}: more than "
            f"{LONGEST_EXCEPTION_DAYS} days ahead; write {last_day(today).isoformat()} or earlier"
            for known in self.exemptions
            if known.too_long(today)
        ]
        return (*self.problems, *late)

    def excuse(self, rule: str, member: Member, today: datetime.date) -> Exemption | None:
        """The exception that lets a resource off a rule, if there is one."""
        return next((known for known in self.exemptions if known.covers(rule, member, today)), None)


def last_day(today: datetime.date) -> datetime.date:
    """The last day on which an exception may end."""
    return today + datetime.timedelta(days=LONGEST_EXCEPTION_DAYS)


def too_wide(resource: str) -> bool:
    """Whether a name of resources names almost everything: all of a kind, or all that begins with a letter."""
    kind_, _, name = resource.rpartition("/")
    return "*" in kind_ or ("*" in name and len(name.replace("*", "")) < LEAST_LETTERS)


def _matches(pattern: str, name: str) -> bool:
    """Whether a name is meant. * stands for any characters, and nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def read(config: Mapping[str, Any], rules: Sequence[str], stack: str = "") -> Settings:
    """The settings of a stack with this configuration (Pulumi's, by full names) and this name. rules: the names that
    there are."""
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
    demands = _demands(told, own, where, stack, problems)
    exemptions = _exemptions(told["exceptions"], where, rules, problems)
    return Settings(demands, exemptions, tuple(problems))


def _environment(said: Any, where: str, stack: str, problems: list[str]) -> str:
    """The environment that a stack says it is, unless its name says a stricter one."""
    if said is None:
        return STRICTEST.environment
    if said not in ENVIRONMENTS:
        problems.append(f"{where}.environment: {said!r}: no such environment; write {', '.join(ENVIRONMENTS)}")
        return STRICTEST.environment
    named = of_stack(stack)
    if weaker(said, named):
        problems.append(
            f"{where}.environment: {said!r}: the stack's name {stack!r} says {named}; write {named}, name the stack "
            f"{said} or {said}-..., or have it approved in APPROVED of policy/kafkalogs_policy/environments.py"
        )
        return named
    return said


def _demands(told: Mapping[str, Any], own: Mapping[str, Any], where: str, stack: str, problems: list[str]) -> Demands:
    demands = ENVIRONMENTS[_environment(told["environment"], where, stack, problems)]
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


_TYPE: Final = re.compile(r"[\w-]+:[\w.-]+[/:][\w./:*-]+")
_NAME: Final = re.compile(r"[\w.-]+")


def _names(own: Mapping[str, Any], key: str, problems: list[str]) -> frozenset[str]:
    names = own.get(key, [])
    if isinstance(names, list) and all(isinstance(name, str) for name in cast("list[Any]", names)):
        # A list of everything would switch the rule off, and so would all of a provider.
        pattern = _TYPE if key == "types" else _NAME
        if not (wide := [name for name in cast("list[str]", names) if not pattern.fullmatch(name)]):
            return frozenset(cast("list[str]", names))
        remedy = "name a type, like aws:ec2/*" if key == "types" else "name each"
        problems.append(f"{OWN}.{key}: {wide[0]!r}: names everything; {remedy}")
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
    if too_wide(str(item["resource"])):
        raise ValueError(
            f"resource: {item['resource']!r}: names almost everything; "
            f"write Kind/name, or a name with {LEAST_LETTERS} letters or more beside *"
        )
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
