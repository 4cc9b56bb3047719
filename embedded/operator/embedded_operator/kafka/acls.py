"""ACLs: from the rules of a KafkaUser to those of Kafka, and what to add and remove. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from embedded_operator.common.names import Obj

RESOURCE_TYPES = {"topic": 2, "group": 3, "cluster": 4, "transactionalId": 5}
CLUSTER_NAME = "kafka-cluster"
PATTERNS = {"literal": 3, "prefix": 4}
PERMISSIONS = {"deny": 2, "allow": 3}
OPERATIONS = {
    "All": 2,
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Delete": 6,
    "Alter": 7,
    "Describe": 8,
    "ClusterAction": 9,
    "DescribeConfigs": 10,
    "AlterConfigs": 11,
    "IdempotentWrite": 12,
}
"""Codes of Kafka's protocol (org.apache.kafka.common.acl.AclOperation and others)."""


class Acl(NamedTuple):
    """One rule of one user, in codes of Kafka's protocol."""

    resource_type: int
    name: str
    pattern: int
    host: str
    operation: int
    permission: int


def parse(rules: Iterable[Obj]) -> set[Acl]:
    """The ACLs of `spec.authorization.acls`. Raises ValueError, which names the invalid rule."""
    found: set[Acl] = set()
    for index, rule in enumerate(rules):
        resource = rule["resource"]
        kind = resource["type"]
        name = CLUSTER_NAME if kind == "cluster" else resource.get("name")
        if not name:
            raise ValueError(f"spec.authorization.acls[{index}].resource.name is missing (a {kind} needs one)")
        if not rule.get("operations"):
            raise ValueError(f"spec.authorization.acls[{index}].operations is empty; name at least one operation")
        for operation in rule["operations"]:
            found.add(
                Acl(
                    resource_type=RESOURCE_TYPES[kind],
                    name=name,
                    pattern=PATTERNS["literal" if kind == "cluster" else resource.get("patternType", "literal")],
                    host=rule.get("host", "*"),
                    operation=OPERATIONS[operation],
                    permission=PERMISSIONS[rule.get("type", "allow")],
                )
            )
    return found


def difference(wanted: set[Acl], present: set[Acl]) -> tuple[set[Acl], set[Acl]]:
    """What to add and what to remove so that exactly `wanted` is present."""
    return wanted - present, present - wanted
