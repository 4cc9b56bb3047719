"""dead-letter-topics: what a sink cannot deliver is kept, and does not hold up what it can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..environments import Demands
from ..kinds import kind, of
from ..model import Context, Finding, Member, Rule, Violation, each
from ..topics import topic_name
from ..values import UnknownValueError, View

_NAME: Final = "errors.deadletterqueue.topic.name"


def is_sink(view: View) -> bool:
    """Whether a connector carries records out of Kafka: it says which topics it reads."""
    config = view["spec"]["config"]
    return config["topics"].there or config["topics.regex"].there or "Sink" in view["spec"]["class"].text


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    if is_sink(view):
        config = view["spec"]["config"]
        yield from each(_named(config[_NAME]), _tolerant(config["errors.tolerance"]))


def _named(place: View) -> Iterator[Violation]:
    if not place.text:
        told = "a sink without a topic for what it cannot deliver"
        yield Violation(place.path, told, f"write {_NAME} with the name of a KafkaTopic, like dlq.search")


def _tolerant(place: View) -> Iterator[Violation]:
    if place.text != "all":
        told = f"{place.shown}: the first record that cannot be read stops the sink, dead-letter topic or not"
        yield Violation(place.path, told, "write all")


def _made(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    """Connect may make no topic: the one that a sink names must be there."""
    topics: set[str] = set()
    for member in members:
        if kind(member.type) == "KafkaTopic":
            try:
                topics.add(topic_name(member.view))
            except UnknownValueError:
                continue
    for member in members:
        if kind(member.type) == "KafkaConnector":
            for violation in each(_there(member.view, topics)):
                yield member, violation


def _there(view: View, topics: set[str]) -> Iterator[Violation]:
    place = view["spec"]["config"][_NAME]
    if place.text and place.text not in topics:
        told = f"no KafkaTopic of this stack makes {place.shown}"
        yield Violation(place.path, told, "add one, with three copies and a retention that leaves time to repair")


RULE: Final = Rule(
    name="dead-letter-topics",
    title="Each sink has a dead-letter topic",
    applies=of("KafkaConnector"),
    examine=_examine,
    stack=_made,
)
