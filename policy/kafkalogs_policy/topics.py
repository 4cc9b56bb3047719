"""What is in a topic: its class, by which retention and protection are judged."""

from __future__ import annotations

import re
from typing import Final

from .values import View

CLASS_LABEL: Final = "kafkalogs.io/retention-class"
"""The label of a KafkaTopic that says its class; names speak where it is absent."""

LOG_CLASSES: Final = frozenset({"audit", "access", "application", "errors", "logs"})
"""Classes of log events as services wrote them."""

# Topics that are the memory of a program: nothing in them may expire, or their program would forget. kafkasql-* is the
# registry's store, archive.control the state of commits that are not finished.
_INTERNAL: Final = re.compile(
    r"__.*|connect[.-](cluster-)?(configs|offsets|status)|archive\.control|kafkasql-(journal|snapshots)"
    r"|registry-events|pager\.state|catalog\.services|_schemas|mirrormaker2-.*|strimzi\..*"
)
_DERIVED: Final = re.compile(r"logs\.(error|sampled)|errors\..*|metrics\..*|correlations")
_DEAD_LETTERS: Final = re.compile(r"(.*[._-])?(dlq|dlt|dead-?letters?)([._-].*)?")


def topic_name(view: View) -> str:
    """The name in Kafka of a KafkaTopic."""
    return view["spec"]["topicName"].text or view["metadata"]["name"].text


def class_of(view: View) -> str:
    """The class of a KafkaTopic: audit, access, application, errors, logs, dead-letters, derived, internal or other."""
    label = view["metadata"]["labels"][CLASS_LABEL].text
    return label or class_of_name(topic_name(view))


def class_of_name(name: str) -> str:
    """The class that a topic's name says."""
    if _INTERNAL.fullmatch(name):
        return "internal"
    if _DEAD_LETTERS.fullmatch(name):
        return "dead-letters"
    # Whatever speaks of audit is taken for it: the class with the most to lose.
    if "audit" in re.split(r"[._-]", name.lower()):
        return "audit"
    if _DERIVED.fullmatch(name):
        return "derived"
    if name in {"logs.access", "logs.application"}:
        return name.removeprefix("logs.")
    return "logs" if name.startswith("logs.") else "other"
