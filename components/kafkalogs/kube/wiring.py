"""What `LogPipeline` passes to each part: the configuration, the servers that the parts use, and the parts made before.

`deploy.py` in the folder of each part makes the arguments of the part's component from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pulumi

from ..catalog.network import PodGroup
from ..catalog.part import TopicSpec
from ..catalog.resolve import Catalog
from ..config.models import Platform
from ..config.problems import ConfigError, Problem
from .service_secrets import CA_SECRET


@dataclass(frozen=True)
class Endpoints:
    """The addresses of the servers that the parts use, in the cluster or outside."""

    s3: str | None = None
    """URL of an S3 server other than AWS's."""

    database: str | None = None
    """host:port/name of the PostgreSQL database for the archive's catalog and audit logs."""

    search: pulumi.Input[str] | None = None
    """URL of Elasticsearch or OpenSearch."""

    pagerduty: str | None = None
    """URL that takes PagerDuty's events."""

    own: tuple[str, ...] = ()
    """The names of the servers with certificates of the platform's own authority, see `ServiceSecrets`."""

    servers: tuple[PodGroup, ...] = ()
    """The pods of these servers, for the network policies of the parts that use them."""

    ca_secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """For other servers, by name: the Secret whose ca.crt has the authorities that sign the server's certificates."""

    identities: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """For `connect` and `stream`: the annotations with which a cloud gives the service account an identity."""

    archive_table: str = "logs.events"
    """Namespace and name of the archive's table in its catalog."""

    archive_by_class: bool = False
    """Whether each retention class has its own folder in the archive's table, see `aws.archive_layout`."""

    def ca_secret(self, name: str) -> str | None:
        """The Secret whose ca.crt verifies a server; None for the public authorities."""
        return CA_SECRET if name in self.own else self.ca_secrets.get(name)

    def identity(self, part: str) -> dict[str, str] | None:
        """The annotations of a part's service account; None if no cloud gives the part an identity."""
        given = self.identities.get(part)
        return dict(given) if given else None


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the function that deploys a part gets."""

    platform: Platform
    """The configuration of the stack."""

    catalog: Catalog
    """The catalog of the stack's services and teams."""

    images: Mapping[str, str]
    """The image of each part by its name."""

    endpoints: Endpoints
    """The servers that the parts use."""

    job: str
    """The templates of the stream job."""

    log_topics: Mapping[str, TopicSpec]
    """The topics of log events, by name: of the services, and of the shipper."""

    readers: tuple[str, ...]
    """The keys of the parts that have a consumer group."""

    parent: pulumi.Resource
    """The pipeline; each part is a child of it."""

    made: dict[str, pulumi.Resource] = field(default_factory=dict[str, pulumi.Resource])
    """The components that are made already, by the keys of their parts."""

    def options(self, *after: str | pulumi.Resource | None) -> pulumi.ResourceOptions:
        """The options of a child that waits for these parts, if the stack has them, and for these resources."""
        found = [self.made.get(one) if isinstance(one, str) else one for one in after]
        waits = [one for one in found if one is not None]
        return pulumi.ResourceOptions(parent=self.parent, depends_on=waits or None)

    @property
    def log_classes(self) -> dict[str, str]:
        """The retention class of each topic of log events, by name."""
        return {name: topic.retention_class for name, topic in self.log_topics.items()}

    @property
    def writers(self) -> dict[str, list[str]]:
        """The services that may write each topic of log events. A topic of the platform's own holds events of any pod,
        written by its shipper: `*`."""
        declared = self.catalog.topics
        return {name: list(declared[name].writers) if name in declared else ["*"] for name in self.log_topics}

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
        """How many copies Kafka keeps of every record."""
        return self.platform.kafka.replication_factor

    @property
    def in_sync(self) -> int:
        """How many copies must have a record before Kafka confirms a write."""
        return self.platform.kafka.min_in_sync_replicas


Deploy = Callable[[Wiring], pulumi.Resource | None]
"""A function that makes a part's component. It returns None if the stack gives the part nothing to do."""


_Address = TypeVar("_Address", str, pulumi.Input[str])


def address(given: _Address | None, key: str) -> _Address:
    """An address that must be known. Raises ConfigError, which names the address's key in the stack file."""
    if given is None:
        raise ConfigError([Problem(("endpoints", key), None, "nothing says where it is; write its address")])
    return given
