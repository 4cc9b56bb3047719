"""What a topic holds: its class, by which the rules judge retention and protection."""

from __future__ import annotations

import re
from typing import Final

from .values import View

KIND_LABEL: Final = "kafkalogs.io/kind"
"""The label of a KafkaTopic that says what it holds: logs, derived, dead-letters or internal."""

CLASS_LABEL: Final = "kafkalogs.io/retention-class"
"""The label of a KafkaTopic of logs that says its retention class."""

REPEATABLE: Final = frozenset({"derived", "dead-letters", "internal"})
"""The kinds that are a class by themselves. All other topics hold logs as services wrote them, which nobody can write
again."""

LOGS: Final = frozenset({"audit", "access", "application", "errors", "logs"})
"""The classes of logs."""

# For topics without labels, of programs that do not use the package. Internal topics are the memory of a program:
# nothing in them may expire, or the program would forget.
_INTERNAL: Final = re.compile(
    r"__.*|connect[.-](cluster-)?(configs|offsets|status)|kafkasql-(journal|snapshots)|registry-events|_schemas"
    r"|mirrormaker2-.*|strimzi\..*"
)
_DEAD_LETTERS: Final = re.compile(r"(.*[._-])?(dlq|dlt|dead-?letters?)([._-].*)?")


def topic_name(view: View) -> str:
    """The name in Kafka of a KafkaTopic."""
    return view["spec"]["topicName"].text or view["metadata"]["name"].text


def class_of(view: View) -> str:
    """The class of a KafkaTopic: audit, access, application, errors, logs, dead-letters, derived, internal or other."""
    labels, by_name = view["metadata"]["labels"], class_of_name(topic_name(view))
    said = labels[KIND_LABEL].text
    # A label cannot make less of audit logs, or a program's memory of a topic of logs.
    if by_name == "audit" or (said == "internal" and by_name in LOGS):
        return by_name
    return said if said in REPEATABLE else labels[CLASS_LABEL].text or by_name


def class_of_name(name: str) -> str:
    """The class that the name of a topic without labels says."""
    if _INTERNAL.fullmatch(name):
        return "internal"
    if _DEAD_LETTERS.fullmatch(name):
        return "dead-letters"
    # Whatever speaks of audit is taken for it: the class with the most to lose.
    if any(word.startswith("audit") or word.endswith("audit") for word in re.split(r"[._-]", name.lower())):
        return "audit"
    if name in {"logs.access", "logs.application"}:
        return name.removeprefix("logs.")
    return "logs" if name.startswith("logs.") else "other"
