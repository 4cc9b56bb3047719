"""What each environment demands: the one place in which `local`, `staging` and `prod` differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
"""Milliseconds, as in Kafka's settings."""

Bounds = tuple[int, int]
"""The least and the longest retention; milliseconds."""


@dataclass(frozen=True)
class Demands:
    """What the rules demand of a stack's resources."""

    environment: str

    audit_floor: int
    """The least retention of audit logs in Kafka; milliseconds."""

    retention: Mapping[str, Bounds]
    """The bounds of each class of topics, see `topics.class_of`."""

    archive_years: int
    """The least years that audit logs stay in a bucket, where something there expires."""

    encrypted_disks: bool = True
    """Whether the disks of brokers, and all other claims, must be of a StorageClass that is known to encrypt."""

    digests: bool = True
    """Whether images are pinned by digest; a tag of their own is enough otherwise."""

    protected: bool = True
    """Whether what holds data must be protected against deletion."""

    encrypted_classes: frozenset[str] = frozenset()
    """StorageClasses that encrypt, though the stack does not make them: the person says so."""

    types: frozenset[str] = frozenset()
    """Types of resources that the rules do not know and the person has judged; * stands for any characters."""


_PROD: Final = Demands(
    environment="prod",
    audit_floor=7 * DAY,
    retention={
        "audit": (7 * DAY, 400 * DAY),
        "access": (HOUR, 30 * DAY),
        "application": (HOUR, 90 * DAY),
        "errors": (HOUR, 90 * DAY),
        # log events whose class nothing says: of any
        "logs": (HOUR, 400 * DAY),
        # time to repair what could not be delivered
        "dead-letters": (DAY, 90 * DAY),
        # what the stream job makes of logs, and makes again
        "derived": (HOUR, 30 * DAY),
        "other": (HOUR, 400 * DAY),
    },
    archive_years=7,
)


def _least(bounds: Mapping[str, Bounds], **least: int) -> dict[str, Bounds]:
    """Bounds with another least retention: of each class by name, of all others `others`."""
    others = least.pop("others")
    named = {name.replace("_", "-"): value for name, value in least.items()}
    return {name: (named.get(name, others), longest) for name, (_, longest) in bounds.items()}


ENVIRONMENTS: Final[Mapping[str, Demands]] = {
    # One machine and a small disk; images come from it, and the disks are the machine's own.
    "local": replace(
        _PROD,
        environment="local",
        audit_floor=HOUR,
        retention=_least(_PROD.retention, audit=HOUR, others=10 * MINUTE),
        archive_years=1,
        encrypted_disks=False,
        digests=False,
        protected=False,
    ),
    "staging": replace(
        _PROD,
        environment="staging",
        audit_floor=DAY,
        retention=_least(_PROD.retention, audit=DAY, dead_letters=DAY, others=HOUR),
        archive_years=1,
    ),
    "prod": _PROD,
}

STRICTEST: Final = ENVIRONMENTS["prod"]
"""What holds where nothing says which environment it is."""

APPROVED: Final[Mapping[str, str]] = {}
"""Stacks whose environment does not follow from their names: the name, and the environment that somebody approved.
The approval is the review of this file: CODEOWNERS names who reviews it."""

_BY_STRICTNESS: Final = tuple(ENVIRONMENTS)


def of_stack(name: str) -> str:
    """The environment of a stack by its name: `staging` and `staging-eu` are staging. Without one it is `prod`."""
    if name in APPROVED:
        return APPROVED[name]
    return next((known for known in ENVIRONMENTS if name == known or name.startswith(f"{known}-")), "prod")


def weaker(environment: str, other: str) -> bool:
    """Whether an environment demands less than another."""
    return _BY_STRICTNESS.index(environment) < _BY_STRICTNESS.index(other)
