"""From what rules find to what is said of it: refused, excused by an exception, or left for the update to judge."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from . import later
from .model import Context, Finding, Member, Rule
from .rules import RULES
from .settings import Exemption, Settings

Verdict = Literal["refused", "excused", "later"]


@dataclass(frozen=True)
class Judgement:
    """One violation, and what becomes of it."""

    rule: str
    member: Member
    verdict: Verdict
    text: str


def of_member(
    member: Member,
    settings: Settings,
    today: datetime.date,
    *,
    preview: bool = True,
    rules: Iterable[Rule] = RULES,
) -> Iterator[Judgement]:
    """What the rules say of one resource."""
    context = Context(settings.demands, member.protect)
    for rule in rules:
        findings = [(member, violation) for violation in rule.check(member.type, member.view.value, context)]
        yield from _judged(rule, findings, settings, today, preview)


def of_stack(
    members: Sequence[Member],
    settings: Settings,
    today: datetime.date,
    *,
    preview: bool = True,
    rules: Iterable[Rule] = RULES,
) -> Iterator[Judgement]:
    """What the rules say of the resources of a stack together."""
    for rule in rules:
        yield from _judged(rule, rule.check_stack(members, settings.demands), settings, today, preview)


def _judged(
    rule: Rule, findings: Iterable[Finding], settings: Settings, today: datetime.date, preview: bool
) -> Iterator[Judgement]:
    excused: dict[tuple[Exemption, str], list[Finding]] = {}
    for member, violation in findings:
        if excuse := settings.excuse(rule.name, member, today):
            excused.setdefault((excuse, member.urn or member.name), []).append((member, violation))
        elif preview and (entry := later.allowed(rule.name, member, violation)):
            text = f"{rule.name} is checked by the update: {violation.path} is not known yet; {entry.reason}"
            yield Judgement(rule.name, member, "later", text)
        else:
            lapsed = _lapsed(rule.name, member, settings.exemptions, today)
            yield Judgement(rule.name, member, "refused", f"{violation}{lapsed}")
    # One line for each exception and resource, whatever it lets pass there.
    for (excuse, _), passed in excused.items():
        places = ", ".join(violation.path or violation.message for _, violation in passed)
        text = f"exception to {rule.name} until {excuse.expires.isoformat()}: {excuse.reason} (it lets pass: {places})"
        yield Judgement(rule.name, passed[0][0], "excused", text)


def _lapsed(rule: str, member: Member, exemptions: Sequence[Exemption], today: datetime.date) -> str:
    for known in exemptions:
        if known.rule == rule and known.names(member):
            if known.expires < today:
                return f" (an exception for it ended on {known.expires.isoformat()})"
            if known.too_long(today):
                return f" (an exception for it ends on {known.expires.isoformat()}, too late to be accepted)"
    return ""


def unused(members: Sequence[Member], settings: Settings, today: datetime.date) -> list[Exemption]:
    """The exceptions that excuse nothing in a stack."""
    needed: set[Exemption] = set()
    for known in settings.exemptions:
        alone = Settings(settings.demands, (known,))
        rules = [rule for rule in RULES if rule.name == known.rule]
        found = [j for member in members for j in of_member(member, alone, today, rules=rules)]
        found += of_stack(members, alone, today, rules=rules)
        if any(judgement.verdict == "excused" for judgement in found):
            needed.add(known)
    return [known for known in settings.exemptions if known not in needed]
