"""The identity of `kafkalogs letters` in Kafka: it reads dead letters, and writes them to their source topics again."""

from typing import Final

from ..catalog import resolve
from ..catalog.part import UserSpec, allow, passed_on
from ..config.models import Platform
from ..config.naming import DEAD_LETTER_PREFIX, LOGS_PREFIX

LETTERS: Final = "letters"
"""The name of the KafkaUser, and the first part of the names of its group and transactions."""

GROUP_PREFIX: Final = f"{LETTERS}."
"""The prefix of its consumer groups and transactional ids: one of each for a dead-letter topic."""

CRITICAL: Final = "errors.critical"
"""The topic that the pager reads, the only source of dead letters that is no topic of logs."""


def letters_user(platform: Platform) -> UserSpec:
    """The rights of the command. Who may read the Secret of this user may write as any service."""
    others = sorted(topic for topic in resolve.topics_of(platform) if not topic.startswith(LOGS_PREFIX))
    return UserSpec(
        name=LETTERS,
        acls=(
            allow("topic", DEAD_LETTER_PREFIX, "prefix", "Read", "Describe"),
            allow("topic", LOGS_PREFIX, "prefix", "Write", "Describe"),
            *(allow("topic", topic, "literal", "Write", "Describe") for topic in (CRITICAL, *others)),
            # The offset up to which letters were sent is committed with them, in one transaction.
            allow("group", GROUP_PREFIX, "prefix", "Read", "Describe"),
            allow("transactionalId", GROUP_PREFIX, "prefix", "Write", "Describe"),
        ),
        producer_byte_rate=passed_on(platform),
    )
