"""What `LogPipeline` hands to each part: the configuration, the places that the parts rely on, and the parts before.

`deploy.py` in the folder of each part makes the arguments of its component of this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pulumi

from ..catalog.part import TopicSpec
from ..catalog.resolve import Catalog
from ..config.models import Platform
from ..config.problems import ConfigError, Problem
from .service_secrets import CA_SECRET


@dataclass(frozen=True)
class Endpoints:
    """Where the parts find what is not of the platform: addresses in the cluster, or outside."""

    s3: str | None = None
    """URL of an S3 server that is not AWS's."""

    database: str | None = None
    """host:port/name of a PostgreSQL database: of the archive's catalog, and of audit logs."""

    search: pulumi.Input[str] | None = None
    """URL of Elasticsearch or OpenSearch."""

    pagerduty: str | None = None
    """URL that takes PagerDuty's events."""

    own: tuple[str, ...] = ()
    """Which of them, by their names here, have certificates of the platform's own authority, see `ServiceSecrets`."""

    ca_secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the names of others: the Secret whose ca.crt has the authorities that sign their certificates."""

    identities: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """The annotations by which a cloud gives an identity to the service account of `connect` and of `stream`."""

    archive_table: str = "logs.events"
    """Namespace and name of the archive's table in its catalog."""

    archive_by_class: bool = False
    """Whether each retention class has a folder of the archive's table, see `aws.archive_layout`."""

    def ca_secret(self, name: str) -> str | None:
        """The Secret whose ca.crt verifies one of them; None for the public authorities."""
        return CA_SECRET if name in self.own else self.ca_secrets.get(name)

    def identity(self, part: str) -> dict[str, str] | None:
        """The annotations of a part's service account; None where no cloud gives the part an identity."""
        given = self.identities.get(part)
        return dict(given) if given else None


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What a part is deployed with."""

    platform: Platform
    """The configuration of the stack."""

    catalog: Catalog
    """What follows from its services and teams."""

    images: Mapping[str, str]
    """The image of each part by its name."""

    endpoints: Endpoints
    """What the parts rely on."""

    job: str
    """The templates of the stream job."""

    log_topics: Mapping[str, TopicSpec]
    """The topics of log events, by name: of the services, and of the shipper."""

    readers: tuple[str, ...]
    """The keys of the parts that have a consumer group."""

    parent: pulumi.Resource
    """The pipeline; each part is a child of it."""

    made: dict[str, pulumi.Resource] = field(default_factory=dict[str, pulumi.Resource])
    """The components that are there already, by the keys of their parts."""

    def options(self, *after: str | pulumi.Resource | None) -> pulumi.ResourceOptions:
        """The options of a child that waits for these parts, where the stack has them, and for these resources."""
        found = [self.made.get(one) if isinstance(one, str) else one for one in after]
        waits = [one for one in found if one is not None]
        return pulumi.ResourceOptions(parent=self.parent, depends_on=waits or None)

    @property
    def log_classes(self) -> dict[str, str]:
        """The retention class of each topic of log events, by name."""
        return {name: topic.retention_class for name, topic in self.log_topics.items()}

    @property
    def namespace(self) -> str:
        """The namespace of the platform."""
        return self.platform.namespace

    @property
    def cluster(self) -> str:
        """The name of the Kafka cluster."""
        return self.platform.kafka.name

    @property
    def copies(self) -> int:
        """How many copies of every record there are."""
        return self.platform.kafka.replication_factor

    @property
    def in_sync(self) -> int:
        """How many copies must have a record before a write is answered."""
        return self.platform.kafka.min_in_sync_replicas


Deploy = Callable[[Wiring], pulumi.Resource | None]
"""How a part is deployed: it makes the part's component. None where the stack gives it nothing to do."""


_Address = TypeVar("_Address", str, pulumi.Input[str])


def address(given: _Address | None, key: str) -> _Address:
    """An address that must be there; ConfigError names the key of the stack file that gives it."""
    if given is None:
        raise ConfigError([Problem(("endpoints", key), None, "nothing says where it is; write its address")])
    return given
