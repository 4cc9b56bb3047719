"""The specification of a Kafka resource and its node pools, checked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from embedded_operator.common import settings
from embedded_operator.common import spec as checks
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.spec import InvalidSpecError
from embedded_operator.kafka import listeners, nodes
from embedded_operator.kafka.listeners import Listener
from embedded_operator.kafka.nodes import Node, Pool

UNSUPPORTED = {
    "spec.cruiseControl": "no Cruise Control is deployed",
    "spec.kafkaExporter": "no Kafka Exporter is deployed",
    "spec.maintenanceTimeWindows": "certificates are renewed at any time",
    "spec.kafka.jmxOptions": "JMX is off",
    "spec.kafka.rack": "one machine has one zone; broker.rack is not set",
}
"""Fields without which the cluster still does its work: a warning says what is missing."""
REFUSED = {
    "spec.kafka.tieredStorage": "remove it",
    "spec.kafka.quotas": "declare quotas in KafkaUser resources",
}
FORBIDDEN = [
    "listeners",
    "advertised.",
    "broker.",
    "listener.",
    "host.name",
    "port",
    "inter.broker.listener.name",
    "sasl.",
    "ssl.",
    "security.",
    "password.",
    "log.dir",
    "zookeeper.",
    "authorizer.",
    "super.user",
    "node.id",
    "process.roles",
    "controller.",
    "metadata.log.dir",
    "config.providers",
    "cruise.control.metrics.topic",
    "cruise.control.metrics.reporter.bootstrap.servers",
]
"""Prefixes of options that only the operator sets (Strimzi: KafkaClusterSpec.FORBIDDEN_PREFIXES)."""
ALLOWED = {
    "sasl.server.max.receive.size",
    "ssl.cipher.suites",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "ssl.secure.random.implementation",
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
}
"""Exceptions from FORBIDDEN (Strimzi: FORBIDDEN_PREFIX_EXCEPTIONS)."""


@dataclass(frozen=True)
class Authority:
    """`spec.clusterCa` or `spec.clientsCa`; validity in days."""

    generate: bool = True
    owned: bool = True
    validity: int = 365
    renewal: int = 30

    @classmethod
    def parse(cls, spec: Obj | None) -> Authority:
        """Read the specification of an authority; without any, Strimzi's defaults."""
        spec = spec or {}
        return cls(
            generate=spec.get("generateCertificateAuthority", True),
            owned=spec.get("generateSecretOwnerReference", True),
            validity=spec.get("validityDays", 365),
            renewal=spec.get("renewalDays", 30),
        )


@dataclass(frozen=True)
class ClusterSpec:
    """A Kafka cluster as wanted."""

    name: str
    namespace: str
    version: str
    image: str
    listeners: list[Listener]
    pools: list[Pool]
    config: dict[str, str]
    authorization: bool
    super_users: list[str]
    cluster_ca: Authority
    clients_ca: Authority
    resource: Obj
    warnings: list[Obj] = field(default_factory=list)

    @property
    def kafka(self) -> Obj:
        """`spec.kafka` of the resource."""
        return self.resource["spec"]["kafka"]

    @property
    def nodes(self) -> list[Node]:
        """All nodes of all pools."""
        return [
            Node(node_id, f"{self.name}-{pool.name}-{node_id}", pool)
            for pool in self.pools
            for node_id in pool.node_ids
        ]

    @property
    def controllers(self) -> list[Node]:
        """The nodes that are controllers, some of which may be brokers too."""
        return [node for node in self.nodes if node.pool.controller]

    @property
    def brokers(self) -> list[Node]:
        """The nodes that are brokers, some of which may be controllers too."""
        return [node for node in self.nodes if node.pool.broker]

    def with_ids(self, ids: dict[str, list[int]]) -> ClusterSpec:
        """The same cluster with the node ids of each pool."""
        return replace(self, pools=[replace(pool, node_ids=tuple(ids[pool.name])) for pool in self.pools])


def parse(resource: Obj, pool_resources: list[Obj], images: dict[str, str]) -> ClusterSpec:
    """Check and read a Kafka resource and its pools; `images` maps Kafka versions to image references.

    Raises InvalidSpecError with all problems at once.
    """
    spec = resource["spec"]
    kafka = spec["kafka"]
    program = checks.program(resource, "spec.kafka", images, UNSUPPORTED, REFUSED)
    found, problems = listeners.parse(kafka["listeners"])
    problems += program.problems
    authorization = dig(kafka, "authorization", "type")
    if authorization not in (None, "simple"):
        problems.append(
            f"spec.kafka.authorization.type: {authorization} is not supported by the embedded operator: use simple"
        )
    for name in ("clusterCa", "clientsCa"):
        if dig(spec, name, "certificateExpirationPolicy") == "replace-key":
            problems.append(f"spec.{name}.certificateExpirationPolicy: replace-key is not supported")
    pools = [nodes.parse(item) for item in sorted(pool_resources, key=lambda item: item["metadata"]["name"])]
    problems += _pool_problems(pools)
    config, forbidden = settings.user_config(kafka.get("config") or {}, FORBIDDEN, ALLOWED)
    warnings = list(program.warnings)
    if forbidden:
        message = f"spec.kafka.config: {', '.join(forbidden)}: set by the operator, ignored"
        warnings.append({"reason": "KafkaForbiddenConfiguration", "message": message})
    if problems:
        raise InvalidSpecError("InvalidResourceException", problems)
    return ClusterSpec(
        name=resource["metadata"]["name"],
        namespace=resource["metadata"]["namespace"],
        version=program.version,
        image=program.image,
        listeners=found,
        pools=pools,
        config=config,
        authorization=authorization == "simple",
        super_users=dig(kafka, "authorization", "superUsers", default=[]),
        cluster_ca=Authority.parse(spec.get("clusterCa")),
        clients_ca=Authority.parse(spec.get("clientsCa")),
        resource=resource,
        warnings=warnings,
    )


def _pool_problems(pools: list[Pool]) -> list[str]:
    problems: list[str] = []
    if not any(pool.controller and pool.replicas for pool in pools):
        problems.append("no KafkaNodePool with the controller role and at least one replica; add one")
    if not any(pool.broker and pool.replicas for pool in pools):
        problems.append("no KafkaNodePool with the broker role and at least one replica; add one")
    for pool in pools:
        at = f"KafkaNodePool {pool.name}"
        if not pool.volumes:
            problems.append(f"{at}: spec.storage.volumes is empty; at least one volume is needed")
        if len({volume.name for volume in pool.volumes}) != len(pool.volumes):
            problems.append(f"{at}: spec.storage.volumes has the same id twice")
        if sum(volume.metadata for volume in pool.volumes) > 1:
            problems.append(f"{at}: only one volume can have kraftMetadata: shared")
        if any(volume.persistent and not volume.size for volume in pool.volumes):
            problems.append(f"{at}: a persistent-claim volume needs a size")
        present = len(pool.present)
        if pool.controller and present and pool.replicas != present:
            problems.append(f"{at}: controllers cannot be scaled ({present} to {pool.replicas}); set replicas back")
    return problems
