"""The values that only exist once something is made, and that a first preview therefore cannot judge.

A mandatory rule takes a value that is not known for a violation. These few cannot be known, and are not let pass in
silence either: the preview prints each, with the reason, and the update asks the rules again, with the value, before
it makes the resource. What is not in this table is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from .kinds import kind
from .model import Member, Violation


@dataclass(frozen=True)
class Later:
    """A value that may be unknown in a preview."""

    kind: str
    path: str
    """The property; * stands for any characters."""
    rules: frozenset[str]
    """The rules that may wait for it."""
    reason: str

    def covers(self, rule: str, member: Member, violation: Violation) -> bool:
        """Whether a violation is that this value is not known."""
        return (
            violation.unknown
            and rule in self.rules
            and kind(member.type) == self.kind
            and fnmatchcase(violation.path, self.path)
        )


_TRANSIT: Final = frozenset({"encryption-in-transit"})
_ADDRESS: Final = "it is the address of the search domain, which AWS gives; its scheme is written in SearchDomain"

TABLE: Final[tuple[Later, ...]] = (
    Later("KafkaConnector", "spec.config.search.url", _TRANSIT, _ADDRESS),
    Later("ConfigMap", "data.search.json", _TRANSIT, _ADDRESS),
    Later(
        "aws:iam/rolePolicy:RolePolicy",
        "policy",
        frozenset({"no-wildcard-acl"}),
        "it names a key, whose ARN AWS gives",
    ),
)
"""tests/policy judges each of them with a value as AWS gives it, and keeps no entry that no stack needs."""


def allowed(rule: str, member: Member, violation: Violation) -> Later | None:
    """The entry that lets a value be unknown, if there is one."""
    return next((entry for entry in TABLE if entry.covers(rule, member, violation)), None)
