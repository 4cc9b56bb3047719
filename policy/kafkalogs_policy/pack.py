"""The rules as a policy pack of Pulumi.

Each rule is a policy that refuses; rules that look between resources are a second one, `<rule>-of-stack`. A policy has
one level in Pulumi, so what is excused by an exception or left for the update is said by a policy of its own,
`declared-exceptions`, which only reports.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi.runtime
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
    policy,
)

from . import judging
from .judging import Judgement
from .model import Member, Rule
from .rules import NAMES, RULES
from .settings import Settings, read

NAME: Final = "kafkalogs"
EXCEPTIONS: Final = "declared-exceptions"
SETTINGS: Final = "policy-settings"

_EXCEPTIONS: Final = "Exceptions that the stack declares, and values that only the update can check"


@dataclass
class Stack:
    """What the engine says of the stack that is checked."""

    settings: Settings = field(default_factory=Settings)
    """The strictest until it says something."""

    preview: bool = True

    def told(self, config: Mapping[str, Any], *, name: str, preview: bool) -> None:
        """Take over a stack's name and configuration."""
        self.settings = read(config, NAMES, name)
        self.preview = preview

    @property
    def today(self) -> datetime.date:
        """The day, by which exceptions end."""
        return datetime.datetime.now(datetime.UTC).date()


def start() -> None:
    """Serve the pack until the engine ends it.

    Where Pulumi starts a pack by its language host, it tells the configuration by the call `ConfigureStack` alone, of
    which the SDK (1.21) passes on no more than tags; older ones put it into the environment. Both are heard.
    """
    stack = Stack()
    if environment := pulumi.runtime.get_config_env():
        name = os.environ.get("PULUMI_STACK", "")
        stack.told(environment, name=name, preview=os.environ.get("PULUMI_DRY_RUN", "true").lower() == "true")

    class Servicer(policy._PolicyAnalyzerServicer):  # pyright: ignore[reportPrivateUsage]
        def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            stack.told(dict(request.config), name=request.stack, preview=request.dry_run)
            heard: Any = super().ConfigureStack(request, context)  # pyright: ignore[reportUnknownMemberType]
            return heard

    policy._PolicyAnalyzerServicer = Servicer  # pyright: ignore[reportPrivateUsage]
    policy.PolicyPack(NAME, policies(stack), EnforcementLevel.MANDATORY)


def policies(stack: Stack) -> list[Policy]:
    """All policies of the pack."""
    made: list[Policy] = []
    for rule in RULES:
        made.append(_resource_policy(rule, stack))
        if rule.stack:
            made.append(_stack_policy(rule, stack))
    return [*made, _exceptions(stack), _exceptions_of_stack(stack), _settings(stack)]


def member_of(resource: ResourceValidationArgs | PolicyResource) -> Member:
    """A resource as rules see it."""
    uses: Mapping[str, Sequence[str]] = {}
    if isinstance(resource, PolicyResource):
        uses = {key: [used.urn for used in known] for key, known in resource.property_dependencies.items()}
    return Member(resource.resource_type, resource.name, resource.props, resource.opts.protect, resource.urn, uses)


def _resource_policy(rule: Rule, stack: Stack) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.applies(args.resource_type):
            found = judging.of_member(
                member_of(args), stack.settings, stack.today, preview=stack.preview, rules=(rule,)
            )
            for judgement in found:
                if judgement.verdict == "refused":
                    report(judgement.text, None)

    return ResourceValidationPolicy(rule.name, rule.title, validate, enforcement_level=EnforcementLevel(rule.level))


def _stack_policy(rule: Rule, stack: Stack) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        members = [member_of(resource) for resource in args.resources]
        found = judging.of_stack(members, stack.settings, stack.today, preview=stack.preview, rules=(rule,))
        _say(report, (judgement for judgement in found if judgement.verdict == "refused"))

    level = EnforcementLevel(rule.level)
    return StackValidationPolicy(f"{rule.name}-of-stack", rule.title, validate, enforcement_level=level)


def _exceptions(stack: Stack) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        member = member_of(args)
        rules = [rule for rule in RULES if rule.applies(member.type)]
        for judgement in judging.of_member(member, stack.settings, stack.today, preview=stack.preview, rules=rules):
            if judgement.verdict != "refused":
                report(judgement.text, None)

    return ResourceValidationPolicy(EXCEPTIONS, _EXCEPTIONS, validate, enforcement_level=EnforcementLevel.ADVISORY)


def _exceptions_of_stack(stack: Stack) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        members = [member_of(resource) for resource in args.resources]
        found = judging.of_stack(members, stack.settings, stack.today, preview=stack.preview)
        _say(report, (judgement for judgement in found if judgement.verdict != "refused"))
        for known in judging.unused(members, stack.settings, stack.today):
            report(f"the exception to {known} lets nothing pass: take it out of the stack file", None)

    name = f"{EXCEPTIONS}-of-stack"
    return StackValidationPolicy(name, _EXCEPTIONS, validate, enforcement_level=EnforcementLevel.ADVISORY)


def _settings(stack: Stack) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for problem in stack.settings.problems_on(stack.today):
            report(problem, None)

    title = "What the stack says to the policies can be read"
    return StackValidationPolicy(SETTINGS, title, validate, enforcement_level=EnforcementLevel.MANDATORY)


def _say(report: ReportViolation, found: Iterable[Judgement]) -> None:
    for judgement in found:
        report(judgement.text, judgement.member.urn or None)
