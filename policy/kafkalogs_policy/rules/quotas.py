"""producer-quota: nobody who writes can fill the disks or take the network of all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..kinds import of
from ..model import Context, Rule, Violation, each
from ..values import View


def writes(acl: View) -> bool:
    """Whether an ACL lets a user write to topics."""
    operations = {operation.text.lower() for operation in [*acl["operations"].items, acl["operation"]]}
    return (
        acl["type"].text != "deny" and acl["resource"]["type"].text == "topic" and bool(operations & {"write", "all"})
    )


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    yield from each(_limited(view["spec"]))


def _limited(spec: View) -> Iterator[Violation]:
    rate = spec["quotas"]["producerByteRate"]
    # Where nothing says what it may write, ACLs are not the only thing that could.
    if any(writes(acl) for acl in spec["authorization"]["acls"].items) and not (rate.number and rate.number > 0):
        told = f"it may write to topics, and its producerByteRate is {rate.shown}: it may fill every disk"
        yield Violation(rate.path, told, "write quotas.producerByteRate, bytes per second and broker")


RULE: Final = Rule(
    name="producer-quota",
    title="Everybody who writes to topics has a quota",
    applies=of("KafkaUser"),
    examine=_examine,
)
