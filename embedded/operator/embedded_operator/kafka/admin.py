"""The requests of the operator to a Kafka cluster, with the protocol classes of kafka-python.

One request is for many topics or users. Errors are returned for each topic or user, so that one invalid resource does
not fail the others.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import kafka.protocol.admin
import kafka.protocol.metadata

from embedded_operator.kafka.acls import Acl
from embedded_operator.kafka.connection import TIMEOUT_MS, Connection, Errors, check, chunks, error_of, failures
from embedded_operator.kafka.scram import MECHANISM, Credential

api: Any = kafka.protocol.admin
metadata: Any = kafka.protocol.metadata
"""kafka-python makes its classes from Kafka's schemas at run time, so their types are not known before."""

TOPIC_RESOURCE = 2
DYNAMIC_TOPIC_CONFIG = 1
"""Source of a configuration value: it is set on the topic itself."""
SET, REMOVE = 0, 1
MATCH_ANY = 2


class Partition(NamedTuple):
    """A partition of a topic, with the ids of the brokers."""

    number: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class Topic:
    """A topic as in the metadata of the cluster."""

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


def _uuid_text(value: uuid.UUID) -> str:
    """A UUID as Kafka writes it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(value.bytes).decode().rstrip("=")


class Admin(Connection):
    """The requests to one cluster. Every request may raise KafkaError, also when no broker answers."""

    # Cluster

    def brokers(self) -> set[int]:
        """Ids of the brokers that take part in the cluster now."""
        response = check(self.send(api.DescribeClusterRequest()))
        return {broker.broker_id for broker in response.brokers}

    def quorum(self) -> tuple[int, list[Voter]]:
        """The active controller and all controllers."""
        state = self.call(lambda used: used.describe_metadata_quorum())["topics"][0]["partitions"][0]
        voters = [Voter(item["replica_id"], item["last_caught_up_timestamp"]) for item in state["current_voters"]]
        return state["leader_id"], voters

    def metadata_level(self) -> int | None:
        """Level of the finalized metadata.version."""
        finalized = self.call(lambda used: used.describe_features()).get("metadata.version", {}).get("finalized")
        return finalized[1] if finalized else None

    # Topics

    def topics(self, names: Sequence[str] | None = None) -> dict[str, Topic]:
        """The topics of `names` that exist; without `names`, all topics."""
        found: dict[str, Topic] = {}
        for chunk in [None] if names is None else list(chunks(names)):
            wanted = (
                None if chunk is None else [metadata.MetadataRequest.MetadataRequestTopic(name=name) for name in chunk]
            )
            response = self.send(metadata.MetadataRequest(topics=wanted, allow_auto_topic_creation=False))
            for item in response.topics:
                if item.error_code == 0:
                    parts = tuple(
                        Partition(one.partition_index, one.leader_id, tuple(one.replica_nodes), tuple(one.isr_nodes))
                        for one in sorted(item.partitions, key=lambda one: one.partition_index)
                    )
                    found[item.name] = Topic(item.name, _uuid_text(item.topic_id), parts)
        return found

    def topic_configs(self, names: Sequence[str], keys: list[str] | None = None) -> dict[str, dict[str, str]]:
        """The settings of each topic itself; with `keys`, the effective values of these settings, with defaults."""
        found: dict[str, dict[str, str]] = {}
        resource = api.DescribeConfigsRequest.DescribeConfigsResource
        for chunk in chunks(names):
            wanted = [
                resource(resource_type=TOPIC_RESOURCE, resource_name=name, configuration_keys=keys) for name in chunk
            ]
            for item in self.send(api.DescribeConfigsRequest(resources=wanted)).results:
                if item.error_code == 0:
                    found[item.resource_name] = {
                        one.name: one.value for one in item.configs if keys or one.config_source == DYNAMIC_TOPIC_CONFIG
                    }
        return found

    def create_topics(self, topics: Sequence[NewTopic]) -> tuple[dict[str, str], Errors]:
        """Create topics. Returns the ids of the new topics, and the errors."""
        ids: dict[str, str] = {}
        errors: Errors = {}
        new = api.CreateTopicsRequest.CreatableTopic
        for chunk in chunks(topics):
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
            for item in self.send(request).topics:
                if error := error_of(item):
                    errors[item.name] = error
                else:
                    ids[item.name] = _uuid_text(item.topic_id)
        return ids, errors

    def create_partitions(self, counts: Mapping[str, int]) -> Errors:
        """Make each topic have that many partitions."""
        new = api.CreatePartitionsRequest.CreatePartitionsTopic
        wanted = [new(name=name, count=count, assignments=None) for name, count in counts.items()]
        request = api.CreatePartitionsRequest(topics=wanted, timeout_ms=TIMEOUT_MS, validate_only=False)
        return failures((item.name, item) for item in self.send(request).results) if wanted else {}

    def alter_topic_configs(self, changes: Mapping[str, Mapping[str, str | None]]) -> Errors:
        """Set settings of topics; None removes a setting."""
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
        for chunk in chunks(wanted):
            response = self.send(api.IncrementalAlterConfigsRequest(resources=list(chunk), validate_only=False))
            failed |= failures((item.resource_name, item) for item in response.responses)
        return failed

    def delete_topics(self, names: Sequence[str]) -> Errors:
        """Delete topics; one that does not exist is no failure."""
        failed: Errors = {}
        for chunk in chunks(names):
            wanted = [api.DeleteTopicsRequest.DeleteTopicState(name=name) for name in chunk]
            response = self.send(api.DeleteTopicsRequest(topics=wanted, timeout_ms=TIMEOUT_MS))
            failed |= failures((item.name, item) for item in response.responses if item.error_code != 3)
        return failed

    # Users

    def acls(self) -> dict[str, set[Acl]]:
        """All ACLs, by principal without its prefix `User:`."""
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
        for resource in check(self.send(request)).resources:
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
        results = self.send(api.CreateAclsRequest(creations=wanted)).results
        return failures((user, item) for (user, _), item in zip(acls, results, strict=True))

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
        results = self.send(api.DeleteAclsRequest(filters=wanted)).filter_results
        return failures((user, item) for (user, _), item in zip(acls, results, strict=True))

    def quotas(self) -> dict[str, dict[str, float]]:
        """The quotas of users, by user; quotas of a user and a client id together are ignored."""
        part = api.DescribeClientQuotasRequest.ComponentData(entity_type="user", match_type=MATCH_ANY, match=None)
        response = check(self.send(api.DescribeClientQuotasRequest(components=[part], strict=True)))
        return {
            entry.entity[0].entity_name: {value.key: value.value for value in entry.values}
            for entry in response.entries or []
            if entry.entity[0].entity_name is not None
        }

    def alter_quotas(self, changes: Mapping[str, Mapping[str, float | None]]) -> Errors:
        """Set quotas of users; None removes a quota."""
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
        response = self.send(api.AlterClientQuotasRequest(entries=wanted, validate_only=False))
        return failures((entry.entity[0].entity_name, entry) for entry in response.entries)

    def scram_users(self) -> set[str]:
        """Users with SCRAM-SHA-512 credentials."""
        response = check(self.send(api.DescribeUserScramCredentialsRequest(users=None)))
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
        response = self.send(request(deletions=deletions, upsertions=upsertions))
        return failures((item.user, item) for item in response.results)
