"""producer-quota and client-limits: nobody can fill the disks, or take the network or the threads of all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..kinds import kind, of
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

_OF_USERS: Final = {"requestPercentage": "percent of one thread", "controllerMutationRate": "partitions per second"}
_OF_LISTENERS: Final = {"maxConnections": "connections", "maxConnectionCreationRate": "connections per second"}


def _clients(type_: str, view: View, context: Context) -> Iterator[Violation]:
    if kind(type_) == "KafkaUser":
        for key, unit in _OF_USERS.items():
            yield from each(_positive(view["spec"]["quotas"][key], f"quotas.{key}, {unit}"))
        return
    for listener in view["spec"]["kafka"]["listeners"].items:
        for key, unit in _OF_LISTENERS.items():
            yield from each(_positive(listener["configuration"][key], f"configuration.{key}, {unit} on each broker"))


def _positive(place: View, what: str) -> Iterator[Violation]:
    if not (place.number and place.number > 0):
        told = f"{place.shown}: a client that asks without end takes the brokers from all others"
        yield Violation(place.path, told, f"write {what}")


CLIENTS: Final = Rule(
    name="client-limits",
    title="Every user has quotas of requests, and every listener limits of connections",
    applies=of("KafkaUser", "Kafka"),
    examine=_clients,
)
