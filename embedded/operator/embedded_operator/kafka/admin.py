"""What the operator asks of a Kafka cluster, over kafka-python's protocol classes.

Requests are sent one by one for many topics or users, and errors come back per topic or user, so that one bad
resource does not fail the others.
"""

from __future__ import annotations

import base64
import logging
import ssl
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import kafka.admin
import kafka.protocol.admin
import kafka.protocol.metadata
from kafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, for_code

from embedded_operator.kafka.acls import Acl
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.scram import MECHANISM, Credential

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its failures reach us as exceptions

api: Any = kafka.protocol.admin
metadata: Any = kafka.protocol.metadata
client: Any = kafka.admin
"""kafka-python makes its classes from Kafka's schemas at run time, so nobody knows their types."""

TOPIC_RESOURCE = 2
DYNAMIC_TOPIC_CONFIG = 1
"""Where a configuration value comes from: set on the topic itself."""
SET, REMOVE = 0, 1
MATCH_ANY = 2
BATCH = 100
"""Topics in one request: a broker answers well within the time-out."""
TIMEOUT_MS = 15_000

Errors = dict[str, KafkaError]
"""What failed, by topic or user."""


class Partition(NamedTuple):
    number: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class Topic:
    """A topic as the cluster's metadata has it."""

    name: str
    id: str
    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class NewTopic:
    """A topic to create; -1 partitions or replicas stand for the brokers' default."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str]


class Voter(NamedTuple):
    """A controller; `caught_up` is when (ms, on the leader's clock) it last had the whole metadata log."""

    id: int
    caught_up: int


def tls_context(authority: str, identity: Pair) -> ssl.SSLContext:
    """TLS towards the brokers, with the operator's own certificate."""
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # load_cert_chain reads only files; mode 0600
        file.write(identity.key + identity.cert)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def uuid_text(value: uuid.UUID) -> str:
    """A UUID in Kafka's own notation: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(value.bytes).decode().rstrip("=")


def _error(item: Any) -> KafkaError | None:
    if not item.error_code:
        return None
    return for_code(item.error_code)(getattr(item, "error_message", None) or "")


def _check(response: Any) -> Any:
    if error := _error(response):
        raise error
    return response


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


class Admin:
    """One connection pool to a cluster. Every call may raise KafkaError, also when no broker answers."""

    def __init__(self, bootstrap: list[str], context: ssl.SSLContext | None) -> None:
        self._bootstrap, self._context = bootstrap, context
        self._lock = threading.Lock()
        self._client = self._connect()

    def _connect(self) -> Any:
        return client.KafkaAdminClient(
            bootstrap_servers=self._bootstrap,
            client_id="embedded-operator",
            security_protocol="SSL" if self._context else "PLAINTEXT",
            ssl_context=self._context,
            request_timeout_ms=TIMEOUT_MS,
            bootstrap_timeout_ms=5_000,
            reconnect_backoff_max_ms=1_000,
        )

    def close(self) -> None:
        self._client.close()

    def _call(self, ask: Callable[[Any], Any]) -> Any:
        """Ask the client; one that has lost every broker (all were restarted) is replaced by a new one."""
        used = self._client
        try:
            return ask(used)
        except (NodeNotReadyError, KafkaConnectionError):
            with self._lock:
                if self._client is used:
                    self._client = self._connect()
                    used.close()
            return ask(self._client)

    def _send(self, request: Any) -> Any:
        return self._call(lambda used: used._manager.run(used._manager.send, request))

    # Cluster

    def brokers(self) -> set[int]:
        """Ids of the brokers that take part in the cluster now."""
        response = _check(self._send(api.DescribeClusterRequest()))
        return {broker.broker_id for broker in response.brokers}

    def quorum(self) -> tuple[int, list[Voter]]:
        """The active controller and all controllers."""
        state = self._call(lambda used: used.describe_metadata_quorum())["topics"][0]["partitions"][0]
        voters = [Voter(item["replica_id"], item["last_caught_up_timestamp"]) for item in state["current_voters"]]
        return state["leader_id"], voters

    def metadata_level(self) -> int | None:
        """Level of the finalized metadata.version."""
        finalized = self._call(lambda used: used.describe_features()).get("metadata.version", {}).get("finalized")
        return finalized[1] if finalized else None

    # Topics

    def topics(self, names: Sequence[str] | None = None) -> dict[str, Topic]:
        """The existing ones of `names`, or all topics."""
        found: dict[str, Topic] = {}
        for chunk in [None] if names is None else list(_chunks(names)):
            wanted = (
                None if chunk is None else [metadata.MetadataRequest.MetadataRequestTopic(name=name) for name in chunk]
            )
            response = self._send(metadata.MetadataRequest(topics=wanted, allow_auto_topic_creation=False))
            for item in response.topics:
                if item.error_code == 0:
                    parts = tuple(
                        Partition(one.partition_index, one.leader_id, tuple(one.replica_nodes), tuple(one.isr_nodes))
                        for one in sorted(item.partitions, key=lambda one: one.partition_index)
                    )
                    found[item.name] = Topic(item.name, uuid_text(item.topic_id), parts)
        return found

    def topic_configs(self, names: Sequence[str], keys: list[str] | None = None) -> dict[str, dict[str, str]]:
        """What is set on each topic itself; with `keys` their effective values, defaults included."""
        found: dict[str, dict[str, str]] = {}
        resource = api.DescribeConfigsRequest.DescribeConfigsResource
        for chunk in _chunks(names):
            wanted = [
                resource(resource_type=TOPIC_RESOURCE, resource_name=name, configuration_keys=keys) for name in chunk
            ]
            for item in self._send(api.DescribeConfigsRequest(resources=wanted)).results:
                if item.error_code == 0:
                    found[item.resource_name] = {
                        one.name: one.value for one in item.configs if keys or one.config_source == DYNAMIC_TOPIC_CONFIG
                    }
        return found

    def create_topics(self, topics: Sequence[NewTopic]) -> tuple[dict[str, str], Errors]:
        """Create topics; the ids of those that now are, and what failed."""
        ids: dict[str, str] = {}
        errors: Errors = {}
        new = api.CreateTopicsRequest.CreatableTopic
        for chunk in _chunks(topics):
            wanted = [
                new(
                    name=topic.name,
                    num_partitions=topic.partitions,
                    replication_factor=topic.replicas,
                    assignments=[],
                    configs=[new.CreatableTopicConfig(name=key, value=value) for key, value in topic.config.items()],
                )
                for topic in chunk
            ]
            request = api.CreateTopicsRequest(topics=wanted, timeout_ms=TIMEOUT_MS, validate_only=False)
            for item in self._send(request).topics:
                if error := _error(item):
                    errors[item.name] = error
                else:
                    ids[item.name] = uuid_text(item.topic_id)
        return ids, errors

    def create_partitions(self, counts: Mapping[str, int]) -> Errors:
        """Make each topic have that many partitions."""
        new = api.CreatePartitionsRequest.CreatePartitionsTopic
        wanted = [new(name=name, count=count, assignments=None) for name, count in counts.items()]
        request = api.CreatePartitionsRequest(topics=wanted, timeout_ms=TIMEOUT_MS, validate_only=False)
        return self._failures((item.name, item) for item in self._send(request).results) if wanted else {}

    def alter_topic_configs(self, changes: Mapping[str, Mapping[str, str | None]]) -> Errors:
        """Set (or with None: remove) settings of topics."""
        new = api.IncrementalAlterConfigsRequest.AlterConfigsResource
        wanted = [
            new(
                resource_type=TOPIC_RESOURCE,
                resource_name=name,
                configs=[
                    new.AlterableConfig(name=key, config_operation=REMOVE if value is None else SET, value=value)
                    for key, value in change.items()
                ],
            )
            for name, change in changes.items()
        ]
        failed: Errors = {}
        for chunk in _chunks(wanted):
            response = self._send(api.IncrementalAlterConfigsRequest(resources=list(chunk), validate_only=False))
            failed |= self._failures((item.resource_name, item) for item in response.responses)
        return failed

    def delete_topics(self, names: Sequence[str]) -> Errors:
        """Delete topics; one that does not exist is no failure."""
        failed: Errors = {}
        for chunk in _chunks(names):
            wanted = [api.DeleteTopicsRequest.DeleteTopicState(name=name) for name in chunk]
            response = self._send(api.DeleteTopicsRequest(topics=wanted, timeout_ms=TIMEOUT_MS))
            failed |= self._failures((item.name, item) for item in response.responses if item.error_code != 3)
        return failed

    @staticmethod
    def _failures(items: Iterable[tuple[str, Any]]) -> Errors:
        return {name: error for name, item in items if (error := _error(item))}

    # Users

    def acls(self) -> dict[str, set[Acl]]:
        """All ACLs by principal without its `User:`."""
        request = api.DescribeAclsRequest(
            resource_type_filter=1,
            resource_name_filter=None,
            pattern_type_filter=1,
            principal_filter=None,
            host_filter=None,
            operation=1,
            permission_type=1,
        )
        found: dict[str, set[Acl]] = {}
        for resource in _check(self._send(request)).resources:
            place = (resource.resource_type, resource.resource_name, resource.pattern_type)
            for item in resource.acls:
                kind, _, user = item.principal.partition(":")
                if kind == "User":
                    acl = Acl(*place, host=item.host, operation=item.operation, permission=item.permission_type)
                    found.setdefault(user, set()).add(acl)
        return found

    def create_acls(self, acls: Sequence[tuple[str, Acl]]) -> Errors:
        """Add ACLs, given with the user they are for."""
        new = api.CreateAclsRequest.AclCreation
        wanted = [
            new(
                resource_type=acl.resource_type,
                resource_name=acl.name,
                resource_pattern_type=acl.pattern,
                principal=f"User:{user}",
                host=acl.host,
                operation=acl.operation,
                permission_type=acl.permission,
            )
            for user, acl in acls
        ]
        if not wanted:
            return {}
        results = self._send(api.CreateAclsRequest(creations=wanted)).results
        return self._failures((user, item) for (user, _), item in zip(acls, results, strict=True))

    def delete_acls(self, acls: Sequence[tuple[str, Acl]]) -> Errors:
        """Remove ACLs, given with the user they are for."""
        new = api.DeleteAclsRequest.DeleteAclsFilter
        wanted = [
            new(
                resource_type_filter=acl.resource_type,
                resource_name_filter=acl.name,
                pattern_type_filter=acl.pattern,
                principal_filter=f"User:{user}",
                host_filter=acl.host,
                operation=acl.operation,
                permission_type=acl.permission,
            )
            for user, acl in acls
        ]
        if not wanted:
            return {}
        results = self._send(api.DeleteAclsRequest(filters=wanted)).filter_results
        return self._failures((user, item) for (user, _), item in zip(acls, results, strict=True))

    def quotas(self) -> dict[str, dict[str, float]]:
        """Quotas of users (those of a user and a client id together are not ours), by user."""
        part = api.DescribeClientQuotasRequest.ComponentData(entity_type="user", match_type=MATCH_ANY, match=None)
        response = _check(self._send(api.DescribeClientQuotasRequest(components=[part], strict=True)))
        return {
            entry.entity[0].entity_name: {value.key: value.value for value in entry.values}
            for entry in response.entries or []
            if entry.entity[0].entity_name is not None
        }

    def alter_quotas(self, changes: Mapping[str, Mapping[str, float | None]]) -> Errors:
        """Set (or with None: remove) quotas of users."""
        new = api.AlterClientQuotasRequest.EntryData
        wanted = [
            new(
                entity=[new.EntityData(entity_type="user", entity_name=user)],
                ops=[new.OpData(key=key, value=value or 0.0, remove=value is None) for key, value in change.items()],
            )
            for user, change in changes.items()
        ]
        if not wanted:
            return {}
        response = self._send(api.AlterClientQuotasRequest(entries=wanted, validate_only=False))
        return self._failures((entry.entity[0].entity_name, entry) for entry in response.entries)

    def scram_users(self) -> set[str]:
        """Users with SCRAM-SHA-512 credentials."""
        response = _check(self._send(api.DescribeUserScramCredentialsRequest(users=None)))
        return {
            item.user for item in response.results if any(info.mechanism == MECHANISM for info in item.credential_infos)
        }

    def alter_scram(self, upsert: Sequence[Credential], remove: Iterable[str]) -> Errors:
        """Set and remove SCRAM-SHA-512 credentials."""
        request = api.AlterUserScramCredentialsRequest
        deletions = [request.ScramCredentialDeletion(name=user, mechanism=MECHANISM) for user in remove]
        upsertions = [
            request.ScramCredentialUpsertion(
                name=item.user,
                mechanism=MECHANISM,
                iterations=item.iterations,
                salt=item.salt,
                salted_password=item.salted_password,
            )
            for item in upsert
        ]
        if not deletions and not upsertions:
            return {}
        response = self._send(request(deletions=deletions, upsertions=upsertions))
        return self._failures((item.user, item) for item in response.results)
