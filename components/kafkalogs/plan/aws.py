"""Dangers of AWS resources: buckets and their access rules, keys, the search domain, IAM policies."""

import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from .findings import NONE, Context, Danger, fewer, resource_name, shown
from .markdown import Markdown, code, codes
from .preview import Step
from .values import Hidden, at, mapping, sequence, true

_THERE: Final = Markdown("there")

STORES: Final[Mapping[str, str]] = {
    "Bucket": "all its files are deleted",
    "Key": "after its waiting period, data that was encrypted with it can never be read again",
    "Domain": "the searchable logs are deleted",
    "CatalogDatabase": "readers find the archive's files only through it",
    "CatalogTable": "readers find the archive's files only through it",
    "LogGroup": "its logs are deleted",
    "Secret": "its value is deleted, and programs that read it fail",
}
"""The kinds of resource that hold data, and what their deletion means."""

GUARDS: Final[Mapping[str, tuple[str, str]]] = {
    "BucketServerSideEncryptionConfiguration": (
        "encryption",
        "new files are no longer encrypted with the bucket's key",
    ),
    "BucketPublicAccessBlock": ("access", "a policy or an ACL can make files public"),
    "BucketPolicy": ("access", "what the policy denied becomes allowed to those with other rights, also without TLS"),
    "BucketOwnershipControls": ("access", "ACLs of files apply again"),
    "BucketVersioning": ("protection", "overwritten or deleted files are lost"),
    "BucketObjectLockConfiguration": ("protection", "new files can be deleted before their retention ends"),
    "BucketLogging": ("protection", "accesses to the bucket are no longer recorded"),
}
"""The kinds of resource that protect data: the kind of danger if one is removed, and what the removal means."""

# type -> (path, kind, what is weaker, whether `after` is weaker than `before`)
_Weaker = Callable[[Any, Any], bool]


def _off(before: Any, after: Any) -> bool:
    return true(before) and not true(after)


def _on(before: Any, after: Any) -> bool:
    return true(after) and not true(before)


def _other(before: Any, after: Any) -> bool:
    return before is not None and before != after


def _was(*strict: str) -> _Weaker:
    """The new value is less strict than the old one. strict: the values, the strictest first."""

    def weaker(before: Any, after: Any) -> bool:
        ranks = [strict.index(str(value)) if str(value) in strict else len(strict) for value in (before, after)]
        return ranks[1] > ranks[0]

    return weaker


_SSE: Final = ("rules", 0, "applyServerSideEncryptionByDefault")
_LOCK: Final = ("rule", "defaultRetention")

WATCHED: Final[Mapping[str, tuple[tuple[tuple[str | int, ...], str, str, _Weaker], ...]]] = {
    "Bucket": ((("forceDestroy",), "protection", "the bucket can be deleted with files in it", _on),),
    "BucketServerSideEncryptionConfiguration": (
        (
            (*_SSE, "sseAlgorithm"),
            "encryption",
            "new files are encrypted more weakly",
            _was("aws:kms:dsse", "aws:kms", "AES256"),
        ),
        ((*_SSE, "kmsMasterKeyId"), "encryption", "new files are encrypted with another key", _other),
        (("rules", 0, "blockedEncryptionTypes"), "encryption", "clients may encrypt with their own keys", _other),
    ),
    "BucketPublicAccessBlock": tuple(
        ((flag,), "access", "files can be made public", _off)
        for flag in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    ),
    "BucketOwnershipControls": ((("rule", "objectOwnership"), "access", "ACLs of files apply", _other),),
    "BucketVersioning": (
        (
            ("versioningConfiguration", "status"),
            "protection",
            "overwritten or deleted files are lost",
            _was("Enabled"),
        ),
    ),
    "BucketObjectLockConfiguration": (
        (
            (*_LOCK, "mode"),
            "protection",
            "more people can delete files before their retention ends",
            _was("COMPLIANCE", "GOVERNANCE"),
        ),
        ((*_LOCK, "years"), "protection", "new files can be deleted earlier", fewer),
        ((*_LOCK, "days"), "protection", "new files can be deleted earlier", fewer),
    ),
    "Key": (
        (("enableKeyRotation",), "encryption", "its key material is no longer rotated", _off),
        (("isEnabled",), "encryption", "nothing can be encrypted or read with it", lambda old, new: new is False),
        (("deletionWindowInDays",), "protection", "there is less time to restore a deleted key", fewer),
    ),
    "Domain": (
        (("encryptAtRest", "enabled"), "encryption", "its disks are not encrypted", _off),
        (("nodeToNodeEncryption", "enabled"), "encryption", "traffic between its nodes is not encrypted", _off),
        (("domainEndpointOptions", "enforceHttps"), "encryption", "it answers without TLS", _off),
        (
            ("domainEndpointOptions", "tlsSecurityPolicy"),
            "encryption",
            "the TLS versions that it accepts change",
            _other,
        ),
        (("advancedSecurityOptions", "enabled"), "access", "everyone who can reach it may do everything", _off),
        (("advancedSecurityOptions", "anonymousAuthEnabled"), "access", "nobody needs credentials", _on),
        (("vpcOptions", "securityGroupIds"), "access", "other clients can reach it over the network", _other),
        (("vpcOptions", "subnetIds"), "access", "it moves to other subnets", _other),
        (("clusterConfig", "zoneAwarenessEnabled"), "copies", "it fails when its zone fails", _off),
        (("clusterConfig", "instanceCount"), "copies", "fewer nodes hold its logs", fewer),
        (("ebsOptions", "volumeSize"), "store", "less room: the oldest logs may not fit", fewer),
    ),
    "CatalogDatabase": ((("locationUri",), "sink", "new tables are stored elsewhere", _other),),
    "LogGroup": ((("retentionInDays",), "retention", "older entries are deleted", fewer),),
}
"""The properties whose change can weaken the protection of the platform's data on AWS."""

POLICIES: Final[Mapping[str, tuple[str, ...]]] = {
    "BucketPolicy": ("policy",),
    "Key": ("policy",),
    "Role": ("assumeRolePolicy",),
    "RolePolicy": ("policy",),
    "Policy": ("policy",),
    "UserPolicy": ("policy",),
    "GroupPolicy": ("policy",),
    "Domain": ("accessPolicies",),
    "DomainPolicy": ("accessPolicies",),
    "LogResourcePolicy": ("policyDocument",),
    "ResourcePolicy": ("policy",),
    "KeyPolicy": ("policy",),
}
"""The properties that hold a policy."""

_WORDS: Final = {
    "Bucket": "bucket",
    "Key": "key",
    "Domain": "search domain",
    "CatalogDatabase": "catalog",
    "RolePolicy": "rights of role",
    "Role": "role",
}


def kind_of(step: Step) -> str | None:
    """The kind of an AWS resource; older type names (BucketV2) have the same kind; None for other resources."""
    return step.kind.removesuffix("V2") if step.type.startswith("aws:") else None


def aws_words(step: Step) -> Markdown:
    """An AWS resource in words."""
    kind = kind_of(step) or step.kind
    name = at(step.old or step.new, "role") if kind == "RolePolicy" else None
    return Markdown(
        f"AWS {_WORDS.get(kind, code(kind))} {code(name if isinstance(name, str) else resource_name(step))}"
    )


def dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of one AWS resource."""
    kind, where = kind_of(step), aws_words(step)
    if kind is None:
        return
    gone = Markdown("replaced" if step.op == "replace" else "removed")
    if step.goes and kind in STORES:
        yield Danger("store", where, _THERE, gone, Markdown(STORES[kind]))
    if step.op == "delete" and kind in GUARDS and not step.was_kept:
        what, text = GUARDS[kind]
        yield Danger(what, where, _THERE, gone, Markdown(text))
    if step.stays:
        for path, what, text, weaker in WATCHED.get(kind, ()):
            before, after = at(step.old, *path), at(step.new, *path)
            if not isinstance(before, Hidden) and not isinstance(after, Hidden) and weaker(before, after):
                named = ".".join(str(part) for part in path if isinstance(part, str))
                yield Danger(what, where, shown(before), shown(after), Markdown(f"{code(named)}: {text}"))
        if kind == "BucketLifecycleConfiguration":
            yield from _lifecycle(step, where)
    for key in POLICIES.get(kind, ()):
        yield from _policy(step, key, where)


def _lifecycle(step: Step, where: Markdown) -> Iterator[Danger]:
    """Lifecycle rules that delete files earlier than before."""
    old, new = (
        {str(rule.get("id")): rule for rule in map(mapping, sequence(at(i, "rules")))} for i in (step.old, step.new)
    )
    for name, rule in new.items():
        had = old.get(name, {})
        for key, field, whose in (
            ("expiration", "days", "files"),
            ("noncurrentVersionExpiration", "noncurrentDays", "old versions of files"),
        ):
            before, after = at(had, key, field), at(rule, key, field)
            if rule.get("status") != "Enabled" or after is None or isinstance(after, Hidden):
                continue
            if before is None or had.get("status") != "Enabled" or fewer(before, after):
                was = NONE if before is None else Markdown(f"{code(before)} days")
                text = Markdown(f"rule {code(name)} deletes {whose} earlier than before")
                yield Danger("retention", where, was, Markdown(f"{code(after)} days"), text)


def _policy(step: Step, key: str, where: Markdown) -> Iterator[Danger]:
    """What the new policy allows and the old did not, and what the old denied and the new does not."""
    if step.new is None or step.old is None:
        return  # a new policy comes with a new resource, which the list of changes names
    before, after = statements(at(step.old, key)), statements(at(step.new, key))
    if before is None or after is None:
        return  # reported as unknown
    wider = [allow for allow in after if allow.effect == "Allow" and not any(had.covers(allow) for had in before)]
    if wider:
        text = Markdown(f"allows more: {codes([one.words() for one in wider], 5)}")
        yield Danger("access", where, Markdown("not allowed"), Markdown("allowed"), text)
    freed = [deny for deny in before if deny.effect == "Deny" and not any(has.covers(deny) for has in after)]
    if freed:
        tls = any("SecureTransport" in deny.condition or "tls" in deny.condition.lower() for deny in freed)
        text = Markdown(f"no longer refused: {codes([one.words() for one in freed], 5)}")
        yield Danger("encryption" if tls else "access", where, Markdown("refused"), Markdown("not refused"), text)


class Statement:
    """One statement of a policy."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.effect = str(raw.get("Effect", "Deny"))
        self.principals = _texts(raw.get("Principal", raw.get("NotPrincipal", "")))
        self.actions = _texts(raw.get("Action", raw.get("NotAction", "")))
        self.resources = _texts(raw.get("Resource", raw.get("NotResource", "")))
        self.inverted = frozenset(key for key in raw if key.startswith("Not"))
        self.condition = json.dumps(raw.get("Condition", {}), sort_keys=True)

    def covers(self, other: "Statement") -> bool:
        """Whether it includes all of `other`; without a condition, it includes the same statement with a condition."""
        if (self.effect, self.inverted) != (other.effect, other.inverted):
            return False
        if self.condition not in {other.condition, "{}"}:
            return False
        mine = (self.principals, self.actions, self.resources)
        theirs = (other.principals, other.actions, other.resources)
        if self.inverted:
            return mine == theirs
        return all(
            all(any(fnmatchcase(wanted, had) for had in ours) for wanted in them)
            for ours, them in zip(mine, theirs, strict=True)
        )

    def words(self) -> str:
        """Principals, actions and resources in one line."""
        who = f"{', '.join(sorted(self.principals))}: " if any(self.principals) else ""
        condition = " under conditions" if self.condition != "{}" else ""
        return f"{who}{', '.join(sorted(self.actions))} on {', '.join(sorted(self.resources))}{condition}"


def _texts(value: Any) -> frozenset[str]:
    """The strings of a principal, an action or a resource, which may be a string, a list or an object."""
    if isinstance(value, dict):
        return frozenset(f"{key}={one}" for key, item in mapping(value).items() for one in _texts(item))
    return frozenset(map(str, sequence(value))) if isinstance(value, list) else frozenset({str(value)})


def statements(policy: Any) -> list[Statement] | None:
    """The statements of a policy; None if the value is hidden or is no policy."""
    if policy is None:
        return []
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    raw = mapping(document).get("Statement", [])
    return [Statement(mapping(one)) for one in (sequence(raw) if isinstance(raw, list) else [raw])]
