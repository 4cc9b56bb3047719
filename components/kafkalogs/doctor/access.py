"""Checks of users, rights and quotas, declared or not. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..config import units
from . import declared as want
from . import seen
from .findings import Checked, Finding, some

_APPLY = "run `pulumi up`; the operator restores it within minutes if the KafkaUser is not paused"
_REMOVE = "somebody added it by hand: remove it with kafka-acls, or declare it in the stack file"


def check_access(declared: want.Declared, access: seen.Access, users: Iterable[str]) -> Checked:
    """All users have exactly the declared rights and quotas. users: the names of the existing KafkaUsers."""
    names = set(users)
    wanted = {user.principal: user for user in declared.users.values()}
    findings: list[Finding] = []
    for user in sorted(declared.users.values(), key=lambda one: one.name):
        if user.name not in names:
            findings.append(Finding("user-missing", f"user {user.name}", "a KafkaUser", "none", "run `pulumi up`"))
    for name in sorted(names - declared.users.keys()):
        remedy = "delete the KafkaUser, or declare the service or team in the stack file"
        findings.append(Finding("user-undeclared", f"user {name}", "no such user", "a KafkaUser", remedy))
    for principal in sorted(wanted.keys() | access.acls.keys()):
        findings += _acls(principal, wanted.get(principal), access.acls.get(principal, frozenset()))
    for entity in sorted(wanted.keys() | access.quotas.keys()):
        findings += _quotas(entity, wanted.get(entity), access.quotas.get(entity, {}))
    for name in sorted(access.scram - {user.principal for user in declared.users.values()}):
        remedy = (
            "remove it with kafka-configs --alter --delete-config SCRAM-SHA-512; every declared user has a certificate"
        )
        findings.append(Finding("password-undeclared", f"user {name}", "no password", "a SCRAM password", remedy))
    return Checked("access", len(wanted), findings)


def _acls(principal: str, user: want.User | None, present: frozenset[want.Acl]) -> Iterable[Finding]:
    what = f"user {user.name if user else principal}"
    declared = user.acls if user else frozenset[want.Acl]()
    if missing := sorted(declared - present):
        yield Finding("acl-missing", what, _said(missing), "not in Kafka", _APPLY)
    if more := sorted(present - declared):
        yield Finding("acl-undeclared", what, "no such right", _said(more), _REMOVE)


def _said(acls: Sequence[want.Acl]) -> str:
    return some([str(acl) for acl in acls], 3)


def _quotas(entity: str, user: want.User | None, present: Mapping[str, float]) -> Iterable[Finding]:
    what = f"user {user.name if user else entity}"
    declared: Mapping[str, float] = user.quotas if user else dict[str, float]()
    for key in sorted(declared.keys() | present.keys()):
        wanted, found = declared.get(key), present.get(key)
        if wanted == found:
            continue
        if found is None:
            yield Finding("quota-missing", what, f"{key} {_rate(key, wanted)}", "no limit", _APPLY)
        elif wanted is None:
            remedy = "somebody set it by hand: remove it with kafka-configs, or declare a rate in the stack file"
            yield Finding("quota-undeclared", what, f"no {key}", f"{key} {_rate(key, found)}", remedy)
        else:
            yield Finding("quota-different", what, f"{key} {_rate(key, wanted)}", _rate(key, found), _APPLY)


def _rate(key: str, value: float | None) -> str:
    """A quota's value; bytes per second also in words."""
    number = value or 0
    return f"{number:.0f} ({units.about(number)}/s)" if key.endswith("byte_rate") else f"{number:g}"
