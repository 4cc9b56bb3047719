"""Each property that a rule guards is broken in each stack: the rule must fire. And unknown, it must not pass."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from kafkalogs_policy.environments import STRICTEST
from kafkalogs_policy.kinds import kind
from kafkalogs_policy.model import Context, Member, Rule
from kafkalogs_policy.rules import NAMES, RULES
from kafkalogs_policy.topics import class_of

from .mutations import GONE, Guard, Mutation, Path, changed, guarded, of_stack
from .stacks import STACKS, members, settings

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
RULE_OF = {rule.name: rule for rule in RULES}


def _mutations() -> list[Mutation]:
    return [m for stack in STACKS for m in of_stack(stack, members(stack), settings(stack).demands)]


def _unknowns() -> list[tuple[str, int, Guard, Path]]:
    return [(stack, *found) for stack in STACKS for found in guarded(members(stack), settings(stack).demands)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "mutation" in metafunc.fixturenames:
        made = _mutations()
        metafunc.parametrize("mutation", made, ids=[str(m) for m in made])
    if "place" in metafunc.fixturenames:
        found = _unknowns()
        names = [f"{s}-{g.rule}-{members(s)[i].name}-{'.'.join(map(str, p))}" for s, i, g, p in found]
        metafunc.parametrize("place", found, ids=names)


def _found(rule: Rule, stack: str, member: Member) -> list[str]:
    context = Context(settings(stack).demands, member.protect)
    return [str(violation) for violation in rule.check(member.type, member.properties, context)]


def test_the_rule_fires(mutation: Mutation) -> None:
    rule, member = RULE_OF[mutation.rule], members(mutation.stack)[mutation.index]
    before = _found(rule, mutation.stack, member)
    after = _found(rule, mutation.stack, changed(member, mutation.path, mutation.value))
    assert set(after) - set(before), f"survived; before {before}"


def test_a_guarded_value_that_is_unknown_is_a_violation(place: tuple[str, int, Guard, Path]) -> None:
    stack, index, guard, path = place
    member = changed(members(stack)[index], path, UNKNOWN)
    context = Context(settings(stack).demands, member.protect)
    found = RULE_OF[guard.rule].check(member.type, member.properties, context)
    assert any(violation.unknown for violation in found), f"passes in silence: {found}"


def test_every_rule_is_tried() -> None:
    tried = {mutation.rule for mutation in _mutations()}
    # known-types looks at no property: test_policy_evasions has its types
    assert tried | {"known-types"} == set(NAMES)


def test_a_resource_of_which_nothing_is_known_passes_no_rule() -> None:
    """As when a whole manifest is made of a value that is not known."""
    for stack in STACKS:
        for member in members(stack):
            for key in ("spec", "data", "metadata"):
                if key not in member.properties:
                    continue
                for rule in RULES:
                    if not rule.applies(member.type) or rule.examine is None or key not in _looked_at(rule, member):
                        continue
                    found = rule.check(member.type, changed(member, (key,), UNKNOWN).properties, Context(STRICTEST))
                    assert any(v.unknown for v in found), f"{stack} {rule.name} {member.name}: {key} unknown"


def _looked_at(rule: Rule, member: Member) -> set[str]:
    """The keys of a resource that a rule cannot do without."""
    name = kind(member.type)
    if rule.name == "managed":
        return {"metadata"}
    if name in {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}:
        return set()
    if name == "KafkaTopic" and (rule.name, class_of(member.view) == "audit") != ("audit-floor", True):
        # Labels say what a topic holds, so the rules on that alone need no spec.
        return set() if rule.name in {"audit-floor", "deletion-protection"} else {"spec"}
    if name in {"ConfigMap", "StorageClass", "Release"} or member.type.startswith("aws:"):
        return {"data"} if name == "ConfigMap" else set()
    if rule.name == "deletion-protection" and name == "Kafka":
        return {"spec"}
    return {"spec"}


# -- between resources


def _without(stack: str, type_end: str) -> list[Member]:
    return [member for member in members(stack) if not member.type.endswith(type_end)]


def _stack_findings(rule: str, all_: Sequence[Member], stack: str) -> set[str]:
    found = RULE_OF[rule].check_stack(all_, settings(stack).demands)
    return {f"{member.name}: {violation}" for member, violation in found}


BETWEEN = {
    "encryption-in-transit": ("bucketPolicy:BucketPolicy",),
    "encryption-at-rest": (
        "StorageClass",
        "BucketServerSideEncryptionConfiguration",
    ),
    "deletion-protection": ("bucketVersioning:BucketVersioning",),
    "dead-letter-topics": ("KafkaTopic",),
}


def _there() -> list[tuple[str, str, str]]:
    """The stacks, and which of these resources each has."""
    wanted = [(stack, rule, end) for stack in STACKS for rule, ends in BETWEEN.items() for end in ends]
    return [(stack, rule, end) for stack, rule, end in wanted if len(_without(stack, end)) < len(members(stack))]


@pytest.mark.parametrize(("stack", "rule", "type_end"), _there())
def test_the_rule_fires_without_a_resource(stack: str, rule: str, type_end: str) -> None:
    left = _without(stack, type_end)
    assert _stack_findings(rule, left, stack) - _stack_findings(rule, members(stack), stack)


def _replaced(stack: str, index: int, member: Member) -> list[Member]:
    return [member if i == index else known for i, known in enumerate(members(stack))]


@pytest.mark.parametrize("stack", STACKS)
def test_dead_letter_topics_fires_for_each_sink_whose_topic_nobody_makes(stack: str) -> None:
    for index, member in enumerate(members(stack)):
        if kind(member.type) == "KafkaConnector":
            path = ("spec", "config", "errors.deadletterqueue.topic.name")
            broken = _replaced(stack, index, changed(member, path, "dlq.nobody"))
            assert _stack_findings("dead-letter-topics", broken, stack)
            unknown = _replaced(stack, index, changed(member, path, UNKNOWN))
            assert any("not known" in text for text in _stack_findings("dead-letter-topics", unknown, stack))


@pytest.mark.parametrize("stack", [stack for stack in STACKS if settings(stack).demands.protected])
def test_deletion_protection_fires_for_the_namespace_of_a_cluster(stack: str) -> None:
    open_ = [changed(m, ("protect",), False) if kind(m.type) == "Namespace" else m for m in members(stack)]
    assert _stack_findings("deletion-protection", open_, stack)


@pytest.mark.parametrize("policy", [GONE, UNKNOWN, '{"Statement": []}', "no JSON"])
def test_encryption_in_transit_fires_for_a_bucket_policy_that_refuses_nobody(policy: object) -> None:
    index = next(i for i, m in enumerate(members("example")) if m.type.endswith(":BucketPolicy"))
    broken = _replaced("example", index, changed(members("example")[index], ("policy",), policy))
    assert _stack_findings("encryption-in-transit", broken, "example")


@pytest.mark.parametrize("value", ["gp2", UNKNOWN])
def test_encryption_at_rest_fires_for_a_class_of_which_nothing_is_known(value: str) -> None:
    for index, member in enumerate(members("example")):
        if kind(member.type) == "KafkaNodePool":
            path = ("spec", "storage", "volumes", 0, "class")
            broken = _replaced("example", index, changed(member, path, value))
            assert _stack_findings("encryption-at-rest", broken, "example")


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack != "example"])
def test_audit_logs_in_a_topic_of_another_name_are_held_to_the_floor(stack: str) -> None:
    """The platform's catalog says what is in a topic, whatever it is called."""
    index, catalog = next(
        (i, m)
        for i, m in enumerate(members(stack))
        if m.properties.get("metadata", {}).get("name") == "kafkalogs-catalog"
    )
    where, target = next(
        (i, m) for i, m in enumerate(members(stack)) if m.name == "logs.user-service" and kind(m.type) == "KafkaTopic"
    )
    document = json.loads(catalog.properties["data"]["catalog.json"])
    document["topics"]["logs.user-service"]["retentionClass"] = "audit"
    all_ = _replaced(stack, index, changed(catalog, ("data", "catalog.json"), json.dumps(document)))
    all_[where] = changed(target, ("spec", "config", "retention.ms"), 60_000)
    assert any("below the floor" in text for text in _stack_findings("audit-floor", all_, stack))
    hidden = _replaced(stack, index, changed(catalog, ("data",), UNKNOWN))
    assert any("not known" in text for text in _stack_findings("audit-floor", hidden, stack))
