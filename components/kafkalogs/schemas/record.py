"""The record of the schemas and of their registry: its topics, its identity and its names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ..catalog.network import PROMETHEUS, PodGroup, Served, named
from ..catalog.part import LEAST_RATE, Part, TopicSpec, UserSpec, client, copies, internal_topic
from ..config.models import Platform
from ..kafka.record import TO_KAFKA

REGISTRY: Final = "registry"
"""The name of the Service, the Deployment, the certificate and the KafkaUser."""

WRITER: Final = "registry-writer"
"""The user whose password is in the Secret `registry-writer-credentials`."""

TOPICS: Final = ("kafkasql-journal", "kafkasql-snapshots", "registry-events")
GROUP_PREFIX: Final = "apicurio-"

HTTPS_PORT: Final = 8443
METRICS_PORT: Final = 9000


def registry_topic(name: str, replicas: int, in_sync: int) -> TopicSpec:
    """One of the registry's topics.

    The topics are the registry's database: the registry refuses to start unless Kafka keeps them for ever. Each has one
    partition, because the order of the changes matters.
    """
    return internal_topic(
        name,
        replicas,
        {
            "cleanup.policy": "delete",
            "retention.ms": -1,
            "retention.bytes": -1,
            "min.insync.replicas": in_sync,
        },
    )


def _own(platform: Platform) -> bool:
    """Whether the platform runs the registry itself."""
    return platform.schemas is not None and platform.schemas.url is None


def _topics(platform: Platform) -> tuple[TopicSpec, ...]:
    return tuple(registry_topic(name, *copies(platform)) for name in TOPICS) if _own(platform) else ()


def _users(platform: Platform) -> tuple[UserSpec, ...]:
    user = client(REGISTRY, writes=TOPICS, reads=TOPICS, group_prefix=GROUP_PREFIX)
    return (replace(user, producer_byte_rate=LEAST_RATE),) if _own(platform) else ()


def _credentials(platform: Platform) -> Mapping[str, str]:
    return {WRITER: WRITER} if _own(platform) else {}


PODS: Final = PodGroup(
    peer=named(REGISTRY),
    # Teams read the schemas from other namespaces; writing takes a password.
    serves=(Served(HTTPS_PORT, open=True), Served(METRICS_PORT, (PROMETHEUS,))),
    needs=(TO_KAFKA,),
)
"""The registry's pods."""

REGISTRATION: Final = "schemas"
"""The name of the pods that register the schemas."""


def _pods(platform: Platform) -> tuple[PodGroup, ...]:
    peer = named(REGISTRATION)
    if _own(platform):
        return PODS, PodGroup(peer=peer, needs=((REGISTRY, HTTPS_PORT),))
    return (PodGroup(peer=peer, uses=("registry",)),)


SCHEMAS: Final = Part(
    key="schemas",
    title="the schema registry",
    images=("registry", "schemas"),
    topics=_topics,
    users=_users,
    topic_names=TOPICS,
    user_names=(REGISTRY,),
    group_prefixes=(GROUP_PREFIX,),
    certificates=lambda platform: (REGISTRY,) if _own(platform) else (),
    credentials=_credentials,
    pods=_pods,
    deploy="schemas.deploy:deploy",
)
