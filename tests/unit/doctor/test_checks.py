"""Each check: nothing where all is as declared, and exactly its finding when one thing is broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kafkalogs.config.models import Endpoints
from kafkalogs.doctor import seen, tls
from kafkalogs.doctor.declared import Acl
from kafkalogs.doctor.findings import FAMILIES

from tests.support.sandbox import REPO

from .world import GIB, NOW, World

CART, CONNECTOR = "logs.cart-service", "connector search"
RIGHT = Acl("topic", CART, "literal", "Read")


def test_a_platform_as_declared_has_no_findings() -> None:
    checked = World().checked()
    assert [one.family for one in checked] == list(FAMILIES)
    assert not [finding for one in checked for finding in one.findings]
    assert all(one.count for one in checked)


Break = Callable[[World], Any]


def more_partitions(world: World) -> None:
    found = world.topics[CART]
    world.topics[CART] = replace(found, partitions={**found.partitions, 3: seen.Partition(0, (0, 1, 2), (0, 1, 2))})


def fewer_replicas(world: World) -> None:
    for number in world.topics[CART].partitions:
        world.partition(CART, number, replicas=(0, 1), in_sync=(0, 1))


def listener(**values: Any) -> Break:
    return lambda world: world.spec["listeners"].append({"name": "plain", "port": 9092, **values})


def behind(before: int, now: int, group: str = "connect-search") -> Break:
    def change(world: World) -> None:
        # nothing of the last minutes is unread, but older records are
        world.position(group, CART, seen.Position(0, 0, before, before - 5), seen.Position(0, 0, now, now - 5))

    return change


def not_taken(world: World) -> None:
    until = NOW + timedelta(days=300)
    world.certificates["registry-tls/tls.crt"] = seen.Certificate("registry-tls", "tls.crt", until, "new")
    world.probes.append(seen.Probe("p", "tls", served=seen.Served(until, "old", "registry-tls")))


BROKEN: dict[str, tuple[Break, str, str]] = {
    "topic gone": (lambda w: w.topics.pop(CART), "topic-missing", f"topic {CART}"),
    "topic by hand": (lambda w: w.topics.update(x=seen.Topic("x", {})), "topic-undeclared", "topic x"),
    "partitions": (more_partitions, "topic-partitions", f"topic {CART}"),
    "replicas": (fewer_replicas, "topic-replicas", f"topic {CART}"),
    "retention": (lambda w: w.configure(CART, "retention.ms", "1000"), "topic-retention", f"topic {CART}"),
    "min isr": (lambda w: w.configure(CART, "min.insync.replicas", "1"), "topic-min-isr", f"topic {CART}"),
    "setting": (lambda w: w.configure(CART, "cleanup.policy", "compact"), "topic-config", f"topic {CART}"),
    "offsets with two copies": (
        lambda w: w.partition("__consumer_offsets", 0, replicas=(0, 1), in_sync=(0, 1)),
        "topic-replicas",
        "topic __consumer_offsets",
    ),
    "broker gone": (lambda w: w.brokers.remove(1), "broker-missing", "broker 1"),
    "no leader": (lambda w: w.partition(CART, 1, leader=-1), "partition-offline", f"topic {CART}"),
    "below min isr": (lambda w: w.partition(CART, 1, in_sync=(0,)), "partition-below-min-isr", f"topic {CART}"),
    "under-replicated": (lambda w: w.partition(CART, 1, in_sync=(0, 2)), "partition-under-replicated", f"topic {CART}"),
    "right taken": (lambda w: w.acls.pop("CN=cart-service"), "acl-missing", "user cart-service"),
    "right given": (
        lambda w: w.acls.update({"CN=nginx": w.acls["CN=nginx"] | {RIGHT}}),
        "acl-undeclared",
        "user nginx",
    ),
    "a stranger's right": (lambda w: w.acls.update({"CN=x": frozenset({RIGHT})}), "acl-undeclared", "user CN=x"),
    "right for everybody": (lambda w: w.acls.update({"*": frozenset({RIGHT})}), "acl-undeclared", "user *"),
    "quota taken": (lambda w: w.quotas["CN=nginx"].pop("producer_byte_rate"), "quota-missing", "user nginx"),
    "quota raised": (
        lambda w: w.quotas["CN=nginx"].update({"producer_byte_rate": 1e9}),
        "quota-different",
        "user nginx",
    ),
    "quota given": (lambda w: w.quotas.update({"all users": {"x": 1.0}}), "quota-undeclared", "user all users"),
    "user gone": (lambda w: w.users.remove("nginx"), "user-missing", "user nginx"),
    "user by hand": (lambda w: w.users.append("x"), "user-undeclared", "user x"),
    "password by hand": (lambda w: w.scram.add("x"), "password-undeclared", "user x"),
    "listener without TLS": (
        lambda w: w.spec["listeners"][0].update(tls=False),
        "listener-plaintext",
        "listener tls (port 9093)",
    ),
    "listener without credentials": (
        lambda w: w.spec["listeners"][0].pop("authentication"),
        "listener-anonymous",
        "listener tls (port 9093)",
    ),
    "listener by hand": (
        listener(tls=True, authentication={"type": "tls"}),
        "listener-undeclared",
        "listener plain (port 9092)",
    ),
    "listener gone": (lambda w: w.spec["listeners"].pop(), "listener-missing", "listener external"),
    "no authorization": (lambda w: w.spec.pop("authorization"), "authorization-off", "authorization"),
    "super user": (lambda w: w.spec["authorization"].update(superUsers=["CN=x"]), "super-user", "user CN=x"),
    "broker without TLS": (
        lambda w: w.protocols.update({1: "TLS-9093:SSL,PLAIN-9092:PLAINTEXT"}),
        "listener-plaintext",
        "listener PLAIN-9092 of broker 1",
    ),
    "open port": (lambda w: w.probes.append(seen.Probe("p", "plaintext")), "port-plaintext", "p"),
    "silent port": (lambda w: w.probes.append(seen.Probe("p", "nothing", "refused")), "port-silent", "p"),
    "other authority": (lambda w: w.probes.append(seen.Probe("p", "tls", "self-signed")), "tls-untrusted", "p"),
    "certificate gone": (
        lambda w: w.certificates.pop("nginx/user.crt"),
        "certificate-missing",
        "certificate in Secret nginx",
    ),
    "certificate ended": (
        lambda w: w.certificate("nginx", "user.crt", timedelta(seconds=-1)),
        "certificate-expired",
        "certificate user.crt in Secret nginx",
    ),
    "certificate ends": (
        lambda w: w.certificate("registry-tls", "tls.crt", timedelta(days=20)),
        "certificate-expiring",
        "certificate tls.crt in Secret registry-tls",
    ),
    "served certificate ends": (
        lambda w: w.probes.append(seen.Probe("p", "tls", served=seen.Served(NOW + timedelta(days=20), "x"))),
        "certificate-expiring",
        "certificate of p",
    ),
    "renewed certificate not taken": (
        not_taken,
        "certificate-stale",
        "certificate of p",
    ),
    "certificate of a broker": (
        lambda w: w.certificates.update(x=seen.Certificate("logs-kafka-0", "logs-kafka-0.crt", None)),
        "certificate-unreadable",
        "certificate logs-kafka-0.crt in Secret logs-kafka-0",
    ),
    "subject gone": (
        lambda w: w.subjects.pop(f"{CART}-value"),
        "subject-missing",
        f"subject {CART}-value",
    ),
    "schema": (
        lambda w: w.subjects.update({f"{CART}-value": seen.Subject({"type": "object"}, "BACKWARD")}),
        "schema-different",
        f"subject {CART}-value",
    ),
    "compatibility": (
        lambda w: w.subjects.update({f"{CART}-value": replace(w.subjects[f"{CART}-value"], level="NONE")}),
        "compatibility-different",
        f"subject {CART}-value",
    ),
    "connector gone": (lambda w: w.connectors.pop("search"), "connector-missing", CONNECTOR),
    "connector by hand": (
        lambda w: w.connectors.update(x=w.connectors["search"]),
        "connector-undeclared",
        "connector x",
    ),
    "connector paused": (lambda w: w.connector("search", state="PAUSED"), "connector-state", CONNECTOR),
    "connector left unassigned": (lambda w: w.connector("search", state="UNASSIGNED"), "connector-state", CONNECTOR),
    "connector without tasks": (lambda w: w.connector("search", tasks=()), "connector-tasks", CONNECTOR),
    "task failed": (
        lambda w: w.connector("search", tasks=(("FAILED", "boom\n at"),)),
        "task-state",
        f"{CONNECTOR}, task 0",
    ),
    "connector changed": (
        lambda w: w.connector("search", config={**w.connectors["search"].config, "errors.tolerance": "none"}),
        "connector-config",
        CONNECTOR,
    ),
    "job suspended": (lambda w: setattr(w, "flink", "suspended"), "job-suspended", "FlinkDeployment stream"),
    "job silent": (lambda w: setattr(w, "jobs", None), "job-silent", "the Flink job"),
    "no job": (lambda w: setattr(w, "jobs", []), "job-state", "the Flink job"),
    "job restarts": (
        lambda w: setattr(w, "jobs", [seen.Job("stream", "RESTARTING", "boom")]),
        "job-state",
        "the Flink job",
    ),
    "job between failures": (
        lambda w: setattr(w, "jobs", [seen.Job("stream", "RUNNING", "boom")]),
        "job-restarted",
        "the Flink job",
    ),
    "consumer behind": (behind(500, 600), "group-behind", "consumer connect-search"),
    "consumer unknown": (lambda w: w.groups.pop("connect-search"), "group-missing", "consumer connect-search"),
    "a team falls behind": (behind(500, 600, "edge.x"), "group-growing", "consumer edge.x"),
    "records lost": (
        lambda w: w.position("edge.x", CART, seen.Position(9, 0, 10, 9), seen.Position(9, 10, 10, 10)),
        "records-expired",
        "consumer edge.x",
    ),
    "records expire soon": (
        lambda w: w.position("edge.x", CART, seen.Position(9, 0, 50, 9, 5), seen.Position(9, 0, 50, 9, 40)),
        "records-expiring",
        "consumer edge.x",
    ),
    "dead letters": (lambda w: w.letters.update({"dlq.search": 3}), "dead-letters", "topic dlq.search"),
    "disk filling": (
        lambda w: w.disks.update({1: seen.LogDir(15 * GIB, 40 * GIB, 20 * GIB)}),
        "disk-filling",
        "the disk of broker 1",
    ),
    "disk full": (
        lambda w: w.disks.update({1: seen.LogDir(GIB, 20 * GIB, GIB // 4)}),
        "disk-full",
        "the disk of broker 1",
    ),
    "disk broken": (
        lambda w: w.disks.update({1: seen.LogDir(0, -1, -1, "error 56")}),
        "disk-broken",
        "the disk of broker 1",
    ),
    "resource not ready": (
        lambda w: w.resources.append(seen.Resource("KafkaUser", "nginx", "NotSupported: x")),
        "resource-not-ready",
        "KafkaUser nginx",
    ),
    "resource paused": (
        lambda w: w.resources.append(seen.Resource("KafkaTopic", CART, "ReconciliationPaused", paused=True)),
        "resource-paused",
        f"KafkaTopic {CART}",
    ),
    "no plugin for policies": (lambda w: w.plugins.clear(), "policies-unenforced", "the network policies"),
    "pod gone": (lambda w: w.workloads.append(seen.Workload("Kafka", "logs", 3, 2)), "pods-missing", "Kafka logs"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_thing_is_the_only_finding(name: str) -> None:
    change, rule, what = BROKEN[name]
    world = World()
    change(world)
    assert world.findings() == [(rule, what)]


FINE: dict[str, Break] = {
    "a number written otherwise": lambda w: w.configure("pager.state", "min.cleanable.dirty.ratio", "0.10"),
    "a team that catches up": behind(600, 500, "edge.x"),
    "a team that has just fallen behind": lambda w: w.position(
        "edge.x", CART, seen.Position(0, 0, 500, 0), seen.Position(0, 0, 600, 500)
    ),
    "markers of transactions": lambda w: w.position(
        "pager.incidents", "errors.critical", seen.Position(98, 0, 100, 100), seen.Position(98, 0, 100, 100)
    ),
    "nobody's old offsets": lambda w: (
        behind(500, 600, "edge.gone")(w),
        w.groups.update({"edge.gone": replace(w.groups["edge.gone"], members=0)}),
    ),
    "a broker that is away has no disk to be asked of": lambda w: w.disks.pop(1),
    "a volume of unknown size": lambda w: w.disks.update({1: seen.LogDir(GIB, -1, -1)}),
    "an external registry's subjects of others": lambda w: w.subjects.update(x=seen.Subject({}, None)),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_no_finding(name: str) -> None:
    world = World()
    FINE[name](world)
    assert world.findings() == []


def test_a_finding_says_what_is_declared_what_is_seen_and_a_remedy() -> None:
    world = World()
    world.configure(CART, "retention.ms", "1000")
    world.acls["CN=nginx"] |= {RIGHT}
    world.quotas["CN=nginx"] = {"producer_byte_rate": 1024.0}
    behind(500, 600)(world)
    world.subjects[f"{CART}-value"] = seen.Subject({"properties": {"region": {}}}, "BACKWARD")
    said = {finding.rule: finding for one in world.checked() for finding in one.findings}
    assert (said["topic-retention"].declared, said["topic-retention"].seen) == (
        "retention.ms 3600000 (1h)",
        "1000 (1s)",
    )
    assert said["acl-undeclared"].seen == f"allow Read on topic literal {CART}"
    assert said["quota-different"].seen == "1024 (1.0 KiB/s)"
    assert said["group-behind"].seen.startswith("600 records behind and growing (+100)")
    assert "region" in said["schema-different"].seen
    assert all(finding.remedy for finding in said.values())


@pytest.mark.parametrize(
    ("quiet", "said"),
    [
        (None, "does not answer"),
        (600, "its last checkpoint was 10 min ago: if it does not run within 5 h 50 min, Kafka ends its transactions"),
        (6 * 3600 + 60, "was 6 h 1 min ago: Kafka has ended its transactions, and the results that they held are lost"),
    ],
)
def test_a_job_that_does_not_run_is_told_with_the_time_that_is_left(quiet: float | None, said: str) -> None:
    world = World(jobs=None, quiet=quiet)
    told = [finding for one in world.checked() for finding in one.findings if finding.rule == "job-silent"]
    assert [said in finding.seen for finding in told] == [True]


def test_every_rule_is_broken_here_and_documented() -> None:
    text = (REPO / "docs" / "doctor.md").read_text()
    listed = re.search(r"The rules: (.*?)\.\n\n", text, re.DOTALL)
    assert listed
    silent = {"schemas-silent", "sinks-silent"}  # of readers: test_command has them
    assert set(re.findall(r"`([a-z-]+)`", listed[1])) == {rule for _, rule, _ in BROKEN.values()} | silent
    assert all(f"| `{family}` |" in text for family in FAMILIES)


def test_authorities_of_endpoints_are_peoples_own() -> None:
    world = World()
    given = {"database": "db.example.com:5432/logs", "caSecrets": {"database": "rds-ca"}}
    platform = world.declared.platform.model_copy(update={"endpoints": Endpoints.model_validate(given)})
    world.declared = replace(world.declared, platform=platform)

    def remedy(rule: str) -> str:
        (finding,) = tls.check_certificates(world.declared, list(world.certificates.values()), NOW).findings
        assert (finding.rule, "Secret rds-ca" in finding.what) == (rule, True)
        return finding.remedy

    assert remedy("certificate-missing") == "create it, see docs/production.md"
    put = "put the current authorities into its ca.crt, see docs/production.md"
    world.certificate("rds-ca", "ca.crt", timedelta(days=5))
    assert remedy("certificate-expiring") == put
    world.certificate("rds-ca", "ca.crt", timedelta(days=-5))
    assert remedy("certificate-expired") == put
    world.certificates["rds-ca/ca.crt"] = seen.Certificate("rds-ca", "ca.crt", None)
    assert remedy("certificate-unreadable") == put
    world.certificate("rds-ca", "ca.crt")
    assert world.findings() == []


def test_a_connector_that_only_looks_unassigned_is_restarted_and_another_deployed() -> None:
    def remedy(tasks: tuple[tuple[str, str], ...]) -> str:
        world = World()
        world.connector("search", state="UNASSIGNED", tasks=tasks)
        findings = [one for checked in world.checked() for one in checked.findings if one.rule == "connector-state"]
        return findings[0].remedy

    assert "strimzi.io/restart=true" in remedy((("RUNNING", ""),))
    assert "pulumi up" in remedy((("UNASSIGNED", ""),))
