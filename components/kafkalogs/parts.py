"""All parts of the platform, one line each, and what follows from their records.

Code that must know all parts reads this module. It is pure and loads quickly: no record imports Pulumi.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .catalog import resolve
from .catalog.network import PodGroup
from .catalog.part import Part, TopicSpec, UserSpec
from .config.models import Platform
from .config.problems import ConfigError, Problem
from .kafka.record import KAFKA
from .monitoring.record import MONITORING
from .pager.record import PAGER
from .schemas.record import SCHEMAS
from .shipper.record import SHIPPER
from .sinks.record import ARCHIVE, AUDIT, CONNECT_CLUSTER, SEARCH
from .stream.record import STREAM_JOB

PARTS: Final[tuple[Part, ...]] = (
    KAFKA,
    SHIPPER,
    SCHEMAS,
    CONNECT_CLUSTER,
    ARCHIVE,
    SEARCH,
    AUDIT,
    STREAM_JOB,
    PAGER,
    MONITORING,
)
"""The record of each part. `LogPipeline` deploys them in this order: a part comes after the parts that it needs."""

IMAGES: Final[Mapping[str, tuple[str, ...]]] = {part.key: part.images for part in PARTS if part.images}
"""The images that each part of the stack file needs, by their names in `LogPipelineArgs.images`."""

GROUPS: Final[Mapping[str, str]] = {part.key: part.group for part in PARTS if part.group}
"""The consumer group of each part that reads logs or derived records. Its committed offsets show its progress."""


@dataclass(frozen=True)
class Group:
    """A consumer group of a part."""

    part: str
    name: str
    topics: tuple[str, ...]


def enabled(platform: Platform) -> list[Part]:
    """The parts that a stack has."""
    return [part for part in PARTS if part.enabled(platform)]


def switched_on(platform: Platform) -> list[str]:
    """The keys of the parts that the stack file switches on."""
    return [key for key in IMAGES if getattr(platform, key) is not None]


def part_topics(platform: Platform) -> list[tuple[Part, TopicSpec]]:
    """The topics that the parts of a stack make, each with its part."""
    return [(part, topic) for part in enabled(platform) for topic in part.topics(platform)]


def topics(platform: Platform) -> list[TopicSpec]:
    """All topics of a stack: of its services by name, then of its parts."""
    services = [resolve.spec(topic) for _, topic in sorted(resolve.topics_of(platform).items())]
    return [*services, *(topic for _, topic in part_topics(platform))]


def users(platform: Platform) -> list[UserSpec]:
    """All identities of a stack: of its services, its teams and its parts."""
    catalog = resolve.resolve(platform)
    own = [user for part in enabled(platform) for user in part.users(platform)]
    return [
        *map(resolve.writer_user, catalog.writers.values()),
        *map(resolve.reader_user, catalog.readers.values()),
        *own,
    ]


def log_topics(platform: Platform) -> list[TopicSpec]:
    """The topics of log events: of the services by name, then of the shipper."""
    return [topic for topic in topics(platform) if topic.kind == "logs"]


def log_classes(platform: Platform) -> dict[str, str]:
    """The retention class of each topic of log events, by name."""
    return {topic.name: topic.retention_class for topic in log_topics(platform)}


def groups(platform: Platform) -> list[Group]:
    """The consumer groups of the parts that have something to read."""
    classes = log_classes(platform)
    found = [
        Group(part.key, part.group, part.reads(platform, classes))
        for part in enabled(platform)
        if part.group is not None
    ]
    return [group for group in found if group.topics]


def check_images(platform: Platform, images: Mapping[str, str]) -> None:
    """Raise ConfigError for all parts without an image, before any resource is registered."""
    problems = [
        Problem((key,), "on", f"its image {image} comes from make cluster; run it, or remove {key}")
        for key in switched_on(platform)
        for image in IMAGES[key]
        if image not in images
    ]
    if problems:
        raise ConfigError(problems)


def needed_secrets(platform: Platform) -> tuple[list[str], dict[str, str]]:
    """The certificates and the credentials (user by name) that the parts need from `ServiceSecrets`."""
    certificates: list[str] = []
    credentials: dict[str, str] = {}
    for part in enabled(platform):
        certificates += part.certificates(platform)
        credentials |= part.credentials(platform)
    return certificates, credentials


def endpoints(platform: Platform) -> set[str]:
    """The servers outside the platform that the parts use: s3, database, search, pagerduty."""
    return {name for part in enabled(platform) for name in part.endpoints(platform)}


def pods(platform: Platform) -> list[PodGroup]:
    """The groups of pods of a stack's parts, with the edges between them."""
    return [group for part in enabled(platform) for group in part.pods(platform)]


def own_users() -> frozenset[str]:
    """The identities of the platform's own parts, in any stack."""
    return frozenset(name for part in PARTS for name in part.user_names)
