"""managed: what a stack declares is what its operator applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..kinds import of
from ..model import Context, Rule, Violation
from ..values import View

_STRIMZI: Final = (
    *("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "KafkaConnect", "KafkaConnector"),
    *("KafkaBridge", "KafkaMirrorMaker2", "KafkaRebalance"),
)
_OFF: Final = {
    "strimzi.io/managed": "false",
    "strimzi.io/pause-reconciliation": "true",
    "strimzi.io/skip-broker-scaledown-check": "true",
}
"""The annotations by which Strimzi's operators leave a resource alone, or remove a broker that still has data."""


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    for key, off in _OFF.items():
        place = view["metadata"]["annotations"][key]
        if place.text.lower() == off:
            told = f"{place.shown}: the operator ignores what is declared here, and what these rules have checked"
            yield Violation(place.path, told, "leave it out")


RULE: Final = Rule(
    name="managed",
    title="The operators apply what is declared",
    applies=of(*_STRIMZI),
    examine=_examine,
)
