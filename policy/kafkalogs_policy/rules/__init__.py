"""All rules. Each module has a family of them."""

from __future__ import annotations

from typing import Final

from ..model import Rule
from . import (
    access,
    at_rest,
    dead_letters,
    deletion,
    known,
    managed,
    network,
    quotas,
    replication,
    retention,
    transit,
    workloads,
)

RULES: Final[tuple[Rule, ...]] = (
    transit.RULE,
    at_rest.RULE,
    replication.RULE,
    retention.BOUNDS,
    retention.FLOOR,
    access.ACLS,
    access.USERS,
    quotas.RULE,
    quotas.CLIENTS,
    dead_letters.RULE,
    workloads.RESOURCES,
    workloads.NON_ROOT,
    workloads.IMAGES,
    deletion.RULE,
    network.RULE,
    managed.RULE,
    known.RULE,
)

NAMES: Final = tuple(rule.name for rule in RULES)
