"""The doctor: it finds nothing on a platform that runs as declared, and names each thing that is broken by hand."""

from __future__ import annotations

import base64
import json
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient
from embedded_operator.kafka import acls, ca
from embedded_operator.kafka.admin import Admin, NewTopic
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.connection import tls_context
from kafkalogs.client.settings import Catalog
from kafkalogs.doctor.kubernetes import certificates_of
from kafkalogs.doctor.services import probe
from schemas.registry import Registry
from shop.delivery import encode
from shop.traffic import Event

from tests.support import kafka, pipeline
from tests.support.lag import behind, ends
from tests.support.sandbox import Result, Sandbox

SPACE = ("-n", "kafkalogs")
PAUSE = "strimzi.io/pause-reconciliation"
TOPIC, USER = "logs.fraud-service", "team-edge"
BREAKER = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: breaker, namespace: kafkalogs, labels: {strimzi.io/cluster: logs}}
spec:
  authentication: {type: tls}
  authorization:
    type: simple
    acls:
      - {type: allow, operations: [All], resource: {type: topic, name: "*", patternType: literal}}
      - {type: allow, operations: [All], resource: {type: cluster}}
"""

Findings = dict[tuple[str, str], dict[str, Any]]


def doctor(platform: Sandbox, *words: str) -> Result:
    command = (sys.executable, "-m", "kafkalogs.cli", "doctor", "-s", "local", "--file", str(platform.stack_file))
    return platform.run(*command, *words, check=False)


def findings(platform: Sandbox) -> Findings:
    """What it finds, by rule and thing, but for the user that the tests break things with."""
    result = doctor(platform, "--json")
    assert result.code in (0, 1), result.text
    assert "Traceback" not in result.text
    report = json.loads(result.out)
    assert report["healthy"] is (result.code == 0)
    found: Findings = {(one["rule"], one["what"]): one for one in report["findings"]}
    restart_unassigned(platform, found)
    return {key: one for key, one in found.items() if key[1] not in ("user breaker", "user CN=breaker")}


def restart_unassigned(platform: Sandbox, found: Findings) -> None:
    """Do what the doctor says of connectors whose old state Kafka Connect wrote after the new one, as it does at times
    on a busy machine. A later look finds them running."""
    for (rule, what), one in found.items():
        if rule == "connector-state" and one["seen"] == "UNASSIGNED" and "strimzi.io/restart=true" in one["remedy"]:
            name = what.removeprefix("connector ")
            platform.kubectl(*SPACE, "annotate", "kafkaconnector", name, "strimzi.io/restart=true", "--overwrite")


def healthy(platform: Sandbox, seconds: float = 300) -> None:
    """Nothing is found any more, within this time."""
    deadline = time.monotonic() + seconds
    while found := findings(platform):
        assert time.monotonic() < deadline, (
            f"still found after {seconds:.0f} s: {json.dumps(list(found.values()), indent=1)}"
        )
        time.sleep(5)


def named(platform: Sandbox, *wanted: tuple[str, str], seconds: float = 120) -> Findings:
    """All of these are found, within this time."""
    deadline = time.monotonic() + seconds
    while True:
        found = findings(platform)
        if set(wanted) <= found.keys():
            return found
        assert time.monotonic() < deadline, f"not found: {set(wanted) - found.keys()}; found: {sorted(found)}"


def exactly(platform: Sandbox, *wanted: tuple[str, str], seconds: float = 120) -> Findings:
    """These are found and nothing else, within this time: a busy machine can be late with something at any moment."""
    deadline = time.monotonic() + seconds
    while (found := findings(platform)).keys() != set(wanted):
        assert time.monotonic() < deadline, f"found: {sorted(found)}, wanted: {sorted(wanted)}"
    return found


@contextmanager
def breaking(platform: Sandbox) -> Iterator[Admin]:
    """An identity that nobody declared and that may do everything; it is gone afterwards."""
    platform.kubectl("apply", "-f", "-", input=BREAKER)

    def ready() -> bool:
        conditions = platform.get("kafkauser", "breaker").get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    try:
        platform.wait("the breaker is ready", ready)
        own = kafka.secret(platform, "breaker")
        pair = Pair(own["user.crt"], own["user.key"])
        admin = Admin([kafka.bootstrap(platform)], tls_context(kafka.cluster_ca(platform), pair))
        try:
            yield admin
        finally:
            admin.close()
    finally:
        platform.kubectl(*SPACE, "delete", "kafkauser", "breaker", "--ignore-not-found")


@contextmanager
def paused(platform: Sandbox, *resources: str) -> Iterator[None]:
    """Resources that the operator leaves alone meanwhile; then it puts right what was done to them."""
    platform.kubectl(*SPACE, "annotate", *resources, f"{PAUSE}=true", "--overwrite")
    try:
        for resource in resources:
            platform.wait(f"{resource} is paused", lambda resource=resource: _is_paused(platform, resource), 60)
        yield
    finally:
        platform.kubectl(*SPACE, "annotate", *resources, f"{PAUSE}-")


def _is_paused(platform: Sandbox, resource: str) -> bool:
    conditions = platform.get(resource).get("status", {}).get("conditions", [])
    return any(one["type"] == "ReconciliationPaused" for one in conditions)


def patch(platform: Sandbox, resource: str, change: dict[str, Any]) -> None:
    platform.kubectl(*SPACE, "patch", resource, "--type=merge", "-p", json.dumps(change))


def forget_dead_letters(platform: Sandbox) -> None:
    """What earlier tests left there is no finding of these."""
    admin: Any = AdminClient(kafka.settings(platform, "breaker"))
    topics = [name for name in admin.list_topics(timeout=30).topics if name.startswith("dlq.")]
    for future in admin.delete_records([TopicPartition(name, 0, OFFSET_END) for name in topics]).values():
        future.result(30)


def write_everywhere(platform: Sandbox, catalog: Catalog) -> None:
    """A log event in each partition of the services' topics: what has read nothing but poison of one before, in the
    tests of quotas and of dead letters, says now how far it is."""
    instance = uuid.uuid4().hex
    for service in catalog.services.values():
        event = Event(service.user, "application", "info", "doctor", f"{1:016x}", 0, {})
        writer = kafka.Writer(platform, service.user)
        for topic in sorted(set(service.topics.values())):
            for number in range(catalog.topics[topic].partitions):
                value = encode(event, uuid.uuid4().hex, time.time(), instance)
                writer.producer.produce(topic, value, b"doctor", number, on_delivery=writer._delivered)
        writer.flush()
        assert not writer.errors, f"{service.user}: {writer.errors[0].str()}"


@pytest.fixture(scope="module", autouse=True)
def as_declared(platform: Sandbox) -> None:
    """The platform without what earlier tests left behind.

    After a restart a sink reads a partition again that holds only poison, and its dead letters come again. They can be
    forgotten once every sink has passed the poison.
    """
    now = Catalog.parse(platform.get("configmap", "kafkalogs-catalog")["data"]["catalog.json"])
    write_everywhere(platform, now)
    with pipeline.inspector(platform) as reader:
        for sink, topics in (("archive", now.topics), ("search", now.topics), ("audit", ("logs.audit",))):
            until = ends(platform, reader, topics)
            platform.wait(
                f"{sink} has read all", lambda sink=sink, until=until: not behind(platform, reader, sink, until), 600
            )
    with breaking(platform):
        forget_dead_letters(platform)


def test_a_platform_that_runs_as_declared_is_healthy(platform: Sandbox) -> None:
    healthy(platform)
    result = doctor(platform)
    assert result.code == 0
    assert "Everything runs as declared" in result.text


def test_what_was_changed_in_kafka_by_hand_is_named(platform: Sandbox) -> None:
    right = acls.Acl(acls.RESOURCE_TYPES["topic"], TOPIC, acls.PATTERNS["literal"], "*", 3, acls.PERMISSIONS["allow"])
    with (
        breaking(platform) as admin,
        paused(
            platform, f"kafkatopic/{TOPIC}", f"kafkauser/{USER}", "kafkauser/fraud-service", "kafkauser/cart-service"
        ),
    ):
        quota = admin.quotas()["CN=cart-service"]["producer_byte_rate"]
        try:
            changes = {"retention.ms": "61000", "min.insync.replicas": "1"}
            assert not admin.alter_topic_configs({TOPIC: changes})
            ids, errors = admin.create_topics([NewTopic("by-hand", 2, 3, {})])
            assert "by-hand" in ids, errors
            assert not admin.create_acls([(f"CN={USER}", right)])
            quotas = {"CN=fraud-service": {"producer_byte_rate": None}, "CN=cart-service": {"producer_byte_rate": 1e9}}
            assert not admin.alter_quotas({**quotas, f"CN={USER}": {"consumer_byte_rate": 5.0}})
            found = exactly(
                platform,
                *(("resource-paused", f"Kafka{kind} {name}") for kind, name in _PAUSED),
                ("topic-retention", f"topic {TOPIC}"),
                ("topic-min-isr", f"topic {TOPIC}"),
                ("topic-undeclared", "topic by-hand"),
                ("acl-undeclared", f"user {USER}"),
                ("quota-missing", "user fraud-service"),
                ("quota-different", "user cart-service"),
                ("quota-undeclared", f"user {USER}"),
            )
        finally:
            admin.delete_topics(["by-hand"])
        assert "61000" in found["topic-retention", f"topic {TOPIC}"]["seen"]
        assert str(int(quota)) in found["quota-different", "user cart-service"]["declared"]
        assert found["acl-undeclared", f"user {USER}"]["seen"] == f"allow Read on topic literal {TOPIC}"
    healthy(platform)


_PAUSED = (("Topic", TOPIC), ("User", USER), ("User", "fraud-service"), ("User", "cart-service"))


def test_a_user_by_hand_is_named(platform: Sandbox) -> None:
    with breaking(platform):
        result = doctor(platform, "--json")
    assert result.code == 1
    found = {(one["rule"], one["what"]) for one in json.loads(result.out)["findings"]}
    assert {("user-undeclared", "user breaker"), ("acl-undeclared", "user CN=breaker")} <= found


def test_more_partitions_are_named_and_mended_as_the_remedy_says(platform: Sandbox) -> None:
    with breaking(platform) as admin:
        assert not admin.create_partitions({"logs.quota-probe": 6})
        found = named(platform, ("topic-partitions", "topic logs.quota-probe"))
    one = found["topic-partitions", "topic logs.quota-probe"]
    assert (one["declared"], one["seen"]) == ("3 partitions", "6 partitions")
    assert "partitions: 6" in one["remedy"]
    platform.edit(lambda config: config["services"]["quota-probe"].update(partitions=6))
    platform.up()
    healthy(platform)


def test_dead_letters_are_named(platform: Sandbox) -> None:
    with breaking(platform):
        writer = kafka.Writer(platform, "breaker")
        writer.write("dlq.audit", b"no event")
        writer.flush()
        try:
            found = exactly(platform, ("dead-letters", "topic dlq.audit"))
        finally:
            forget_dead_letters(platform)
    assert found["dead-letters", "topic dlq.audit"]["seen"] == "1 records"
    healthy(platform)


def test_a_paused_connector_is_named(platform: Sandbox) -> None:
    patch(platform, "kafkaconnector/audit", {"spec": {"state": "paused"}})
    try:
        found = named(platform, ("connector-state", "connector audit"))
        assert found["connector-state", "connector audit"]["seen"] == "PAUSED"
    finally:
        patch(platform, "kafkaconnector/audit", {"spec": {"state": "running"}})
    healthy(platform)


def test_other_settings_of_a_connector_are_named(platform: Sandbox) -> None:
    name = "kafkaconnector/audit"
    config = platform.get(name)["spec"]["config"]
    # the workers refuse these settings, and go on with those of before
    patch(platform, name, {"spec": {"config": {"insert.mode": "no-such-mode"}}})
    try:
        named(platform, ("resource-not-ready", "KafkaConnector audit"))
    finally:
        patch(platform, name, {"spec": {"config": {"insert.mode": config["insert.mode"]}}})
    patch(platform, name, {"spec": {"config": {"errors.tolerance": "none"}}})
    try:
        found = named(platform, ("connector-config", "connector audit"))
        assert found["connector-config", "connector audit"]["seen"] == "errors.tolerance none"
    finally:
        patch(platform, name, {"spec": {"config": {"errors.tolerance": "all"}}})
    healthy(platform)


def test_a_suspended_flink_job_is_named(platform: Sandbox) -> None:
    patch(platform, "flinkdeployment/stream", {"spec": {"job": {"state": "suspended"}}})
    try:
        named(platform, ("job-suspended", "FlinkDeployment stream"))
    finally:
        patch(platform, "flinkdeployment/stream", {"spec": {"job": {"state": "running"}}})
    healthy(platform)


def test_another_compatibility_is_named(platform: Sandbox) -> None:
    way, subject = pipeline.reach(platform), "logs.cart-service-value"
    login = way.login("registry-writer-credentials")
    with way.listening("https://registry.kafkalogs.svc:8443", way.trust("platform-ca")) as port:
        registry = Registry(f"http://localhost:{port}/apis/ccompat/v7", login.user, login.password, None)
        registry.set_level(subject, "NONE")
        try:
            found = exactly(platform, ("compatibility-different", f"subject {subject}"))
        finally:
            registry.set_level(subject, "BACKWARD")
    assert found["compatibility-different", f"subject {subject}"]["seen"] == "NONE"
    healthy(platform)


def test_a_certificate_that_ends_soon_is_named_and_renewed_without_an_action(platform: Sandbox) -> None:
    """The registry takes each new certificate, and the job that runs once a day renews one that ends soon."""
    way = pipeline.reach(platform)

    def data(name: str) -> dict[str, str]:
        return platform.get("secret", name)["data"]

    def shown() -> str:
        answer = probe(way, "registry", "https://registry.kafkalogs.svc:8443", way.trust("platform-ca"))
        return answer.served.digest if answer.served else ""

    def in_secret() -> str:
        return next(one.digest for one in certificates_of("registry-tls", data("registry-tls")) if one.key == "tls.crt")

    assert shown() == in_secret()
    kept = {key: base64.b64decode(value).decode() for key, value in data("platform-ca-key").items()}
    hosts = ca.subject_names(base64.b64decode(data("registry-tls")["tls.crt"]).decode())
    short = ca.issue(Pair(kept["ca.crt"], kept["ca.key"]), "registry", 5, datetime.now(UTC), names=hosts)
    change = {"tls.crt": short.cert, "tls.key": short.key}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in change.items()}
    patch(platform, "secret/registry-tls", {"data": encoded})
    ending = in_secret()
    platform.wait("the registry shows the certificate that ends soon", lambda: shown() == ending, 600)
    what = "certificate tls.crt in Secret registry-tls"
    found = exactly(platform, ("certificate-expiring", what))
    assert found["certificate-expiring", what]["seen"].startswith("4 days left")

    platform.kubectl(*SPACE, "create", "job", "renewal-now", "--from=cronjob/service-secrets-renewal")
    try:
        platform.wait("the Secret has another certificate", lambda: in_secret() != ending, 120)
        platform.wait("the registry shows it", lambda: shown() == in_secret(), 600)
    finally:
        platform.kubectl(*SPACE, "delete", "job", "renewal-now")
    healthy(platform)


def test_a_port_without_tls_is_named(platform: Sandbox) -> None:
    ports = platform.get("service", "registry")["spec"]["ports"]
    plain = {"name": "plain", "port": 8080, "targetPort": "metrics"}
    patch(platform, "service/registry", {"spec": {"ports": [*ports, plain]}})
    try:
        exactly(platform, ("port-plaintext", "service registry:8080"))
    finally:
        patch(platform, "service/registry", {"spec": {"ports": ports}})
    healthy(platform)


def test_a_part_that_is_away_is_named(platform: Sandbox) -> None:
    platform.kubectl(*SPACE, "scale", "deployment/registry", "--replicas=0")
    try:
        pods = ("get", "pods", "-l", "app.kubernetes.io/name=registry", "-o", "name")
        platform.wait("no registry", lambda: not platform.kubectl(*SPACE, *pods).strip(), 60)
        exactly(
            platform,
            ("schemas-silent", "the schema registry"),
            ("port-silent", "service registry:8443"),
            ("pods-missing", "Deployment registry"),
        )
    finally:
        platform.kubectl(*SPACE, "scale", "deployment/registry", "--replicas=1")
    healthy(platform)


def test_who_may_not_look_is_told_in_one_sentence(platform: Sandbox, tmp_path: Path) -> None:
    config = yaml.safe_load((platform.state / "kubeconfig").read_text())
    token = platform.kubectl(*SPACE, "create", "token", "default").strip()
    for user in config["users"]:
        user["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    result = doctor(platform, "--kubeconfig", str(tmp_path / "kubeconfig"))
    assert result.code == 3
    assert "ask for permission" in result.text
    assert "Traceback" not in result.text
    assert not result.out


def test_no_kafka_is_told_in_one_sentence(platform: Sandbox) -> None:
    result = doctor(platform, "--bootstrap", "localhost:1")
    assert result.code == 3
    assert "Kafka at localhost:1" in result.text
    assert "Traceback" not in result.text


def test_a_broker_that_is_away_is_named(platform: Sandbox) -> None:
    """The last one: what was elsewhere on the broker takes minutes to be as before."""
    node = platform.get("pod", "logs-kafka-2")["spec"]["nodeName"]
    # nothing is started anew meanwhile
    platform.kubectl("cordon", node)
    try:
        platform.kubectl(*SPACE, "delete", "pod", "logs-kafka-2", "--grace-period=0", "--force")
        found = named(
            platform,
            ("broker-missing", "broker 2"),
            ("partition-under-replicated", f"topic {TOPIC}"),
            ("partition-under-replicated", "topic __consumer_offsets"),
            ("pods-missing", "Kafka logs"),
        )
        assert not [rule for rule, _ in found if rule in ("partition-offline", "partition-below-min-isr")]
    finally:
        platform.kubectl("uncordon", node)
    healthy(platform, 600)
