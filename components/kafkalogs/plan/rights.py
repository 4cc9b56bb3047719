"""Rights: what an identity may do before and after, which rights are new, and which quotas are removed.

A right is one operation on one resource or prefix. Whether one covers another follows Kafka's rules
(https://kafka.apache.org/documentation/#operations_resources_and_protocols): Read, Write, Delete and Alter allow
Describe too, AlterConfigs allows DescribeConfigs, All allows everything.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from ..config import units
from ..parts import own_users
from .findings import NONE, Context, Danger, identity, resource_name
from .markdown import Markdown, code, codes, joined
from .preview import Step
from .values import Hidden, at, mapping, number, sequence

QUOTAS: Final = {
    "producerByteRate": "writes",
    "consumerByteRate": "reads",
    "requestPercentage": "requests",
    "controllerMutationRate": "changes of topics",
}
"""The quotas of a KafkaUser and what each limits."""

_IMPLIED: Final = {
    "Describe": {"Read", "Write", "Delete", "Alter"},
    "DescribeConfigs": {"AlterConfigs"},
}
_WORDS: Final = {
    "Read": "read",
    "Write": "write",
    "All": "do everything with",
    "Describe": "see",
    "DescribeConfigs": "see the settings of",
    "Alter": "change",
    "AlterConfigs": "change the settings of",
    "Create": "make",
    "Delete": "delete",
}
_RESOURCES: Final = {"topic": "topic", "group": "consumer group", "transactionalId": "transactional id"}


class Right(NamedTuple):
    """One operation on what a rule names."""

    kind: str
    """topic, group, transactionalId or cluster."""
    pattern: str
    """literal or prefix."""
    name: str
    operation: str
    host: str

    def covers(self, other: "Right") -> bool:
        """Whether this right includes the other."""
        operations = {other.operation, "All"} | _IMPLIED.get(other.operation, set())
        return (
            self.kind == other.kind
            and self.operation in operations
            and self.host in {other.host, "*"}
            and self.reaches(other.pattern, other.name)
        )

    def reaches(self, pattern: str, name: str) -> bool:
        """Whether the right applies to a resource, or to all resources with a prefix."""
        if self.kind == "cluster" or (self.pattern == "literal" and self.name == "*"):
            return True
        if self.pattern == "prefix":
            return name.startswith(self.name) and not (pattern == "literal" and name == "*")
        return pattern == "literal" and self.name == name


def rights_of(spec: Any, kind: str = "allow") -> frozenset[Right] | None:
    """The rights that the rules of a KafkaUser allow (with kind deny: deny); None if the rules are hidden."""
    rules = at(spec, "authorization", "acls")
    if isinstance(rules, Hidden):
        return None
    found: set[Right] = set()
    for rule in map(mapping, sequence(rules)):
        operations = rule.get("operations", [rule.get("operation")])
        what, pattern, name = (at(rule, "resource", key) for key in ("type", "patternType", "name"))
        if any(isinstance(part, Hidden) for part in (*rule.values(), what, pattern, name, *sequence(operations))):
            return None
        if rule.get("type", "allow") == kind:
            found |= {
                Right(str(what), str(pattern or "literal"), str(name or ""), str(operation), str(rule.get("host", "*")))
                for operation in sequence(operations)
            }
    return frozenset(found)


def gained(before: Iterable[Right], after: Iterable[Right]) -> set[Right]:
    """The rights in `after` that `before` does not include; without those that another of them includes."""
    old, new = set(before), set(after)
    fresh = {right for right in new if not any(had.covers(right) for had in old)}
    return {right for right in fresh if not any(other != right and other.covers(right) for other in fresh)}


def words(rights: Iterable[Right]) -> Markdown:
    """Rights in words, as one text."""
    return joined(several(rights))


def several(rights: Iterable[Right]) -> tuple[Markdown, ...]:
    """Rights in words, one text for each resource: read topics that begin with `logs.`."""
    by_resource: dict[tuple[str, ...], list[str]] = {}
    for right in sorted(rights):
        host = "" if right.host == "*" else right.host
        by_resource.setdefault((right.kind, right.pattern, right.name, host), []).append(right.operation)
    texts: list[Markdown] = []
    for (kind, pattern, name, host), operations in by_resource.items():
        told = [operation for operation in operations if not operation.startswith("Describe")] or operations
        verbs = " and ".join(_WORDS.get(operation, plain_operation(operation)) for operation in told)
        texts.append(Markdown(f"{verbs} {_resource(kind, pattern, name)}{f' from {code(host)}' if host else ''}"))
    return tuple(texts)


def plain_operation(operation: str) -> str:
    """An operation for which there is no special word."""
    return f"{code(operation)} on"


def _resource(kind: str, pattern: str, name: str) -> str:
    if kind == "cluster":
        return "the whole cluster"
    what = _RESOURCES.get(kind, "resource")
    if pattern == "literal" and name == "*":
        return f"every {what}"
    return f"{what}s that begin with {code(name)}" if pattern == "prefix" else f"{what} {code(name)}"


def dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of one KafkaUser."""
    if step.new is None:
        return
    where = identity(step)
    old_spec, new_spec = at(step.old, "spec"), at(step.new, "spec")
    if step.old is not None:
        yield from _quotas(old_spec, new_spec, where)
    after = rights_of(new_spec)
    if after is None:
        return  # reported as unknown
    before = rights_of(old_spec) or frozenset()
    fresh = gained(before, after)
    if step.old is None:
        fresh = {right for right in fresh if not _expected(step, context, right)}
    if fresh:
        had = [right for right in before if right.kind != "group"]
        more = Markdown(f"also {words(fresh)}" if had else f"may {words(fresh)}")
        yield Danger("access", where, words(had) or NONE, more, _gains(where, before, fresh, context))
    no_longer = gained(rights_of(new_spec, "deny") or (), rights_of(old_spec, "deny") or ())
    if no_longer:
        text = Markdown(f"{where} may do what a rule denied before")
        yield Danger("access", where, Markdown(f"refused: {words(no_longer)}"), Markdown("not refused"), text)
    # `audit_dangers` reports teams from the catalog, also those that gain access while their KafkaUser stays the same.
    known = context.before is not None and context.after is not None and resource_name(step).startswith("team-")
    seen = {topic for topic in context.audit() if _reads(after, topic) and not _reads(before, topic)}
    if seen and not known and not (step.old is None and _own(step)):
        yield _audit(where, seen)


def _gains(where: Markdown, before: Iterable[Right], fresh: Iterable[Right], context: Context) -> Markdown:
    """The new rights, and the existing or planned topics to which they apply."""
    topics = list(context.after.topics) if context.after else []
    seen = sorted(topic for topic in topics if _reads(fresh, topic) and not _reads(before, topic))
    several_topics = f"{len(seen)} topics" if len(seen) > 1 else "1 topic"
    return Markdown(f"{where} gains {f'the logs of {several_topics}: {codes(seen, 10)}' if seen else 'this right'}")


def _own(step: Step) -> bool:
    """Whether the step is the identity of a part of the platform."""
    return resource_name(step) in own_users() and "kafkalogs:index:LogPipeline" in step.parents


def _expected(step: Step, context: Context, right: Right) -> bool:
    """Whether a right of a new identity is expected: any right of a part of the platform; a service's right to write
    the topics that the catalog gives it; a right to groups under the identity's name."""
    user = resource_name(step)
    if _own(step):
        return True
    if right.kind == "group":
        return right.pattern == "prefix" and right.name.startswith(f"{user.removeprefix('team-')}.")
    if right.kind != "topic" or right.pattern != "literal" or right.operation not in {"Write", "Describe"}:
        return False
    mine = mapping(context.after.services.get(user, {}).get("topics")).values() if context.after else ()
    return right.name in mine or right.name in context.coming


def _reads(rights: Iterable[Right], topic: str) -> bool:
    return any(
        right.kind == "topic" and right.operation in {"Read", "All"} and right.reaches("literal", topic)
        for right in rights
    )


def _audit(where: Markdown, topics: Iterable[str]) -> Danger:
    named = joined((code(topic) for topic in sorted(topics)), ", ")
    text = Markdown(f"{where} reads audit logs that it could not read before")
    return Danger("audit", where, Markdown("not read"), Markdown(f"reads {named}"), text)


def _quotas(old_spec: Any, new_spec: Any, where: Markdown) -> Iterator[Danger]:
    new = at(new_spec, "quotas")
    for key, what in QUOTAS.items():
        before, after = at(old_spec, "quotas", key), at(new, key)
        if before is not None and after is None:
            text = Markdown(f"{where} has no limit on its {what} any more: it can use up the brokers' capacity")
            yield Danger("quota", where, quota_words(key, before), Markdown("no limit"), text)


def quota_words(key: str, value: Any) -> Markdown:
    """A quota in words."""
    rate = number(value)
    if value is None:
        return Markdown("no limit")
    if rate is None or not key.endswith("ByteRate"):
        return code(value)
    return Markdown(f"{units.about(rate)}/s per broker")


def audit_dangers(context: Context) -> Iterator[Danger]:
    """Teams that newly read audit logs: because of their rights, or because a topic that they read becomes an audit
    topic. A new audit topic is no danger for a team that already reads audit logs."""
    if context.before is None or context.after is None:
        return
    audit = context.after.audit()
    for team in context.after.teams:
        had = context.before.read_by(team) & context.before.audit()
        seen = context.after.read_by(team) & audit
        fresh = {topic for topic in seen - had if not had or topic in context.before.topics}
        if fresh:
            yield _audit(Markdown(f"team {code(team)}"), fresh)


# -- rights in Kubernetes


def rbac_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of a Role, a ClusterRole or the binding of one."""
    if step.new is None or (step.old is None and context.part_of(step, "create")):
        return
    where = Markdown(f"{step.kind} {code(resource_name(step))}")
    if step.kind in {"Role", "ClusterRole"}:
        before, after = _verbs(step.old), _verbs(step.new)
        fresh = {rule for rule in after if not any(_allows(had, rule) for had in before)}
        shown = joined(f"{verb} {code(f'{group}/{kind}'.strip('/'))}" for group, kind, verb, _ in sorted(fresh))
    else:
        before, after = _subjects(step.old), _subjects(step.new)
        fresh = after if _role(step.old) != _role(step.new) else after - before
        shown = joined(f"{code(subject)} as {code(_role(step.new))}" for subject in sorted(fresh))
    if fresh:
        text = Markdown("subjects of this role may do more in Kubernetes")
        yield Danger("access", where, NONE if step.old is None else Markdown("as deployed"), Markdown(shown), text)


def _verbs(inputs: Any) -> set[tuple[str, str, str, str]]:
    """Everything that a role allows, as group, resource, verb and name."""
    return {
        (str(group), str(kind), str(verb), str(name))
        for rule in map(mapping, sequence(at(inputs, "rules")))
        for group in sequence(rule.get("apiGroups")) or [""]
        for kind in sequence(rule.get("resources")) or sequence(rule.get("nonResourceURLs"))
        for verb in sequence(rule.get("verbs"))
        for name in sequence(rule.get("resourceNames")) or ["*"]
    }


def _allows(had: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return all(mine in {"*", theirs} for mine, theirs in zip(had, wanted, strict=True))


def _subjects(inputs: Any) -> set[str]:
    named = [mapping(subject) for subject in sequence(at(inputs, "subjects"))]
    return {f"{one.get('kind')} {one.get('namespace', '')}/{one.get('name')}".replace(" /", " ") for one in named}


def _role(inputs: Any) -> str:
    return f"{at(inputs, 'roleRef', 'kind')} {at(inputs, 'roleRef', 'name')}"


def shown_rules(rules: list[Any]) -> Markdown:
    """The number of rules that allow traffic."""
    return Markdown("1 rule" if len(rules) == 1 else f"{len(rules)} rules")


def admission_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of a ValidatingAdmissionPolicy or its binding: what it refused is allowed."""
    if step.old is None or context.part_of(step, "delete") or at(step.old, "spec") == at(step.new, "spec"):
        return
    where = Markdown(f"{step.kind} {code(resource_name(step))}")
    text = Markdown("what it refuses as deployed may be allowed: compare what it says")
    after = Markdown("other rules" if step.stays else "removed")
    yield Danger("access", where, Markdown("as deployed"), after, text)


_WAYS: Final = (
    ("ingress", "can reach", "more clients can reach its pods over the network"),
    ("egress", "can be reached by", "its pods can reach more over the network"),
)
"""A way of traffic in a NetworkPolicy, what everything does to its pods without it, and what a wider one means."""


def network_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of a NetworkPolicy: more peers may reach pods, or its pods may reach more."""
    if context.part_of(step, "delete" if step.op == "delete" else "create") and not step.stays:
        return
    where = Markdown(f"network policy {code(resource_name(step))}")
    old, new = at(step.old, "spec"), at(step.new, "spec")
    for way, able, more in _WAYS:
        had, has = _rules(old, way), _rules(new, way)
        if step.old is None and way == "ingress" and has is not None:
            # Another policy may have closed the same pods.
            had = []
        if had is None:
            continue
        if has is None:
            text = Markdown(f"everything {able} its pods, unless another policy selects them too")
            yield Danger("access", where, Markdown("closed except for its rules"), Markdown("removed"), text)
        elif any(rule not in had for rule in has):
            yield Danger("access", where, shown_rules(had), shown_rules(has), Markdown(more))
        elif step.stays and at(old, "podSelector") != at(new, "podSelector"):
            text = Markdown(f"everything {able} the pods that it selected, unless another policy selects them too")
            yield Danger("access", where, code("the pods before"), code("other pods"), text)


def _rules(spec: Any, way: str) -> list[Any] | None:
    """What a policy lets through of one way of traffic; None if it leaves that way open."""
    if spec is None:
        return None
    types = sequence(at(spec, "policyTypes"))
    closes = way.capitalize() in types if types else way == "ingress" or at(spec, way) is not None
    return sequence(at(spec, way)) if closes else None
