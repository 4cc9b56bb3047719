"""A platform on which everything runs as declared, for tests to break one thing of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import yaml
from kafkalogs.checks.loading import load
from kafkalogs.doctor import declared as want
from kafkalogs.doctor import network, pipeline, progress, seen, tls, topics
from kafkalogs.doctor.access import check_access
from kafkalogs.doctor.findings import Checked
from kafkalogs.kafka.cluster import kafka_manifest
from kafkalogs.platform import cluster_args

from tests.support.sandbox import LOCAL_STACK

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GIB = 2**30


@cache
def local() -> want.Declared:
    return want.declared(load(yaml.safe_load(LOCAL_STACK.read_text())["config"]["kafkalogs:platform"]))


def kafka_spec() -> dict[str, Any]:
    spec: dict[str, Any] = kafka_manifest(cluster_args(local().platform))["spec"]["kafka"]
    return spec


@dataclass
class World:
    """What is seen of it."""

    declared: want.Declared = field(default_factory=local)
    topics: dict[str, seen.Topic] = field(default_factory=dict)
    brokers: set[int] = field(default_factory=lambda: {0, 1, 2})
    acls: dict[str, frozenset[want.Acl]] = field(default_factory=dict)
    quotas: dict[str, dict[str, float]] = field(default_factory=dict)
    scram: set[str] = field(default_factory=set)
    users: list[str] = field(default_factory=list)
    spec: dict[str, Any] = field(default_factory=kafka_spec)
    protocols: dict[int, str] = field(
        default_factory=lambda: dict.fromkeys((0, 1, 2), "CONTROLPLANE-9090:SSL,TLS-9093:SSL,SCRAM-9094:SASL_SSL")
    )
    probes: list[seen.Probe] = field(default_factory=lambda: [seen.Probe("Kafka's port 9093", "tls")])
    certificates: dict[str, seen.Certificate] = field(default_factory=dict)
    subjects: dict[str, seen.Subject] = field(default_factory=dict)
    connectors: dict[str, seen.Connector] = field(default_factory=dict)
    jobs: list[seen.Job] | None = field(default_factory=lambda: [seen.Job("stream", "RUNNING")])
    flink: str = "running"
    quiet: float | None = None
    before: dict[str, seen.Group] = field(default_factory=dict)
    groups: dict[str, seen.Group] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)
    disks: dict[int, seen.LogDir] = field(default_factory=dict)
    resources: list[seen.Resource] = field(default_factory=lambda: [seen.Resource("KafkaTopic", "logs.audit")])
    plugins: list[network.Plugin] = field(default_factory=lambda: [network.Plugin("calico-node")])
    workloads: list[seen.Workload] = field(default_factory=lambda: [seen.Workload("Deployment", "pager", 1, 1)])

    def __post_init__(self) -> None:
        for name, topic in self.declared.topics.items():
            spread = {n: seen.Partition(n % 3, (0, 1, 2)[: topic.replicas], (0, 1, 2)) for n in range(topic.partitions)}
            self.topics[name] = seen.Topic(name, spread, dict(topic.config))
        self.topics["__consumer_offsets"] = seen.Topic(
            "__consumer_offsets", {0: seen.Partition(0, (0, 1, 2), (0, 1, 2))}
        )
        for user in self.declared.users.values():
            self.acls[user.principal] = user.acls
            if user.quotas:
                self.quotas[user.principal] = dict(user.quotas)
            self.users.append(user.name)
            self.certificate(user.name, "user.crt")
        for secret in ("logs-cluster-ca-cert", "logs-clients-ca-cert", "platform-ca"):
            self.certificate(secret, "ca.crt")
        for name in self.declared.certificates:
            self.certificate(f"{name}-tls", "tls.crt")
        for name, kind in self.declared.subjects.items():
            self.subjects[name] = seen.Subject(want.own_schemas()[kind], "BACKWARD")
        for name, connector in self.declared.connectors.items():
            config = {**connector.config, "connector.class": connector.class_, "tasks.max": "1", "name": name}
            self.connectors[name] = seen.Connector("RUNNING", config, (("RUNNING", ""),))
        for group in self.declared.groups:
            places = {(topic, 0): seen.Position(100, 0, 100, 100) for topic in group.topics}
            self.groups[group.name] = seen.Group(group.name, 1, places)
        self.before = dict(self.groups)
        self.disks = {broker: seen.LogDir(GIB, 20 * GIB, 15 * GIB) for broker in self.declared.brokers}

    def certificate(self, secret: str, key: str, left: timedelta = timedelta(days=200)) -> None:
        self.certificates[f"{secret}/{key}"] = seen.Certificate(secret, key, NOW + left)

    def partition(self, topic: str, number: int, **changes: Any) -> None:
        found = self.topics[topic]
        changed = replace(found.partitions[number], **changes)
        self.topics[topic] = replace(found, partitions={**found.partitions, number: changed})

    def configure(self, topic: str, key: str, value: str) -> None:
        found = self.topics[topic]
        self.topics[topic] = replace(found, config={**found.config, key: value})

    def connector(self, name: str, **changes: Any) -> None:
        self.connectors[name] = replace(self.connectors[name], **changes)

    def position(self, group: str, topic: str, before: seen.Position, now: seen.Position) -> None:
        for looks, position in ((self.before, before), (self.groups, now)):
            one = looks.get(group) or seen.Group(group, 1, {})
            looks[group] = replace(one, positions={**one.positions, (topic, 0): position})

    def checked(self) -> list[Checked]:
        kafka = seen.Kafka(frozenset(self.brokers), self.topics, self.protocols)
        access = seen.Access(self.acls, self.quotas, frozenset(self.scram))
        return [
            topics.check_topics(self.declared, kafka),
            topics.check_replicas(self.declared, kafka),
            check_access(self.declared, access, self.users),
            tls.check_tls(self.declared, self.spec, self.protocols, self.probes),
            tls.check_certificates(self.declared, list(self.certificates.values()), NOW, probes=self.probes),
            pipeline.check_schemas(self.declared, self.subjects),
            pipeline.check_sinks(self.declared, self.connectors),
            pipeline.check_stream(self.declared, self.jobs, self.flink, self.quiet),
            progress.check_lag(self.declared, self.before, self.groups),
            progress.check_letters(self.declared, self.letters),
            progress.check_disk(self.declared, self.disks),
            pipeline.check_workloads(self.resources, self.workloads),
            network.check_network("staging", self.plugins),
        ]

    def findings(self) -> list[tuple[str, str]]:
        """The rule and the thing of each finding."""
        return [(finding.rule, finding.what) for one in self.checked() for finding in one.findings]
