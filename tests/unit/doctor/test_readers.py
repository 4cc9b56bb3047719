"""From what Kafka's client, Kubernetes and services answer to plain values; and what is said when they do not."""

from __future__ import annotations

import base64
import hashlib
import ssl
import time
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from embedded_operator.kafka import ca
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.client.settings import Credentials
from kafkalogs.doctor import examine, kafka, kubernetes, seen, services
from kafkalogs.doctor.declared import Acl

from .world import local

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def credentials() -> Credentials:
    authority = ca.make_ca("test", 10, datetime.now(UTC))
    pair = ca.issue(authority, "doctor", 10, datetime.now(UTC))
    return Credentials(authority.cert, pair.cert, pair.key)


def failed(code: int, reason: str = "") -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(KafkaException(KafkaError(code, reason)))
    return future


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def reader(monkeypatch: pytest.MonkeyPatch, credentials: Credentials, **answers: Any) -> kafka.KafkaReader:
    """A reader whose client gives these answers."""
    admin = SimpleNamespace(poll=lambda seconds: 0, **answers)
    monkeypatch.setattr(kafka, "AdminClient", lambda settings: admin)
    return kafka.KafkaReader("localhost:1", credentials)


def metadata(**topics: Any) -> Any:
    part = SimpleNamespace(leader=0, replicas=[0, 1, 2], isrs=[0, 2])
    broker = SimpleNamespace(id=0, host="localhost", port=9)
    return SimpleNamespace(brokers={0: broker}, topics={"logs.a": SimpleNamespace(partitions={0: part}), **topics})


def configs(asked: list[Any], request_timeout: float) -> dict[Any, Future[Any]]:
    values = {"retention.ms": SimpleNamespace(value="5"), "secret": SimpleNamespace(value=None)}
    return {one: done(values) for one in asked}


def test_topics_with_their_settings(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    read = reader(monkeypatch, credentials, list_topics=lambda timeout: metadata(), describe_configs=configs).kafka()
    assert read.brokers == {0}
    assert read.topics == {
        "logs.a": seen.Topic("logs.a", {0: seen.Partition(0, (0, 1, 2), (0, 2))}, {"retention.ms": "5"})
    }


def test_a_refusal_names_who_asks_and_the_remedy(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    refused = failed(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "no")
    one = reader(monkeypatch, credentials, describe_acls=lambda every, request_timeout: refused)
    with pytest.raises(AccessError, match=r"refuses doctor: no; run `pulumi up`"):
        one.access()


def test_no_kafka_is_an_access_error(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_SECONDS", 2)
    with pytest.raises(AccessError, match="Kafka at localhost:1, asked as doctor") as raised:
        kafka.KafkaReader("localhost:1", credentials).kafka()
    assert not isinstance(raised.value, kafka.SilentError)


def test_a_question_left_open_by_a_kafka_that_was_reached_is_an_error_of_its_own(
    monkeypatch: pytest.MonkeyPatch, credentials: Credentials
) -> None:
    silent = failed(KafkaError._TIMED_OUT, "Failed while waiting for controller")
    one = reader(
        monkeypatch, credentials, list_topics=lambda timeout: metadata(), describe_configs=configs,
        describe_acls=lambda every, request_timeout: silent,
    )  # fmt: skip
    one.kafka()
    with pytest.raises(kafka.SilentError, match="Failed while waiting for controller"):
        one.access()


def test_a_key_that_is_none_is_an_access_error(credentials: Credentials) -> None:
    with pytest.raises(AccessError, match="the credentials of doctor cannot be used"):
        kafka.KafkaReader("localhost:1", Credentials(credentials.ca, "x", "y"))


def test_what_a_missing_broker_leaves_out_is_no_error(
    monkeypatch: pytest.MonkeyPatch, credentials: Credentials
) -> None:
    def offsets(asked: dict[Any, Any], request_timeout: float) -> dict[Any, Future[Any]]:
        return {at: done(SimpleNamespace(offset=7)) if at.partition else failed(KafkaError._TIMED_OUT) for at in asked}

    about = metadata()
    about.topics["logs.a"].partitions[1] = about.topics["logs.a"].partitions[0]
    one = reader(
        monkeypatch, credentials, list_topics=lambda timeout: about, describe_configs=configs, list_offsets=offsets
    )
    one.kafka()
    assert one.letters(["logs.a"]) == {"logs.a": 0}


@pytest.mark.parametrize(
    ("kind", "name", "pattern", "operation", "acl"),
    [
        ("TOPIC", "logs.", "PREFIXED", "DESCRIBE_CONFIGS", Acl("topic", "logs.", "prefix", "DescribeConfigs")),
        ("BROKER", "kafka-cluster", "LITERAL", "ALTER", Acl("cluster", "kafka-cluster", "literal", "Alter")),
        ("TRANSACTIONAL_ID", "x", "LITERAL", "WRITE", Acl("transactionalId", "x", "literal", "Write")),
    ],
)
def test_rights_in_the_words_of_a_kafkauser(kind: str, name: str, pattern: str, operation: str, acl: Acl) -> None:
    binding = AclBinding(
        ResourceType[kind], name, ResourcePatternType[pattern], "User:CN=x", "*", AclOperation[operation],
        AclPermissionType.ALLOW,
    )  # fmt: skip
    assert kafka._acl(binding) == acl


def encoded(*texts: str) -> str:
    return base64.b64encode("".join(texts).encode()).decode()


def test_certificates_in_secrets() -> None:
    authority = ca.make_ca("test", 100, NOW)
    pair = ca.issue(authority, "x", 10, NOW)
    user = {"ca.crt": encoded(authority.cert), "user.crt": encoded(pair.cert, authority.cert), "user.key": "x"}
    ends = NOW + timedelta(days=10)
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.cert)).hexdigest()
    assert list(kubernetes.certificates_of("x", user)) == [seen.Certificate("x", "user.crt", ends, shown)]
    own = {"ca.crt": encoded(authority.cert)}
    ends = NOW + timedelta(days=100)
    first = hashlib.sha256(ssl.PEM_cert_to_DER_cert(authority.cert)).hexdigest()
    assert list(kubernetes.certificates_of("x", own)) == [seen.Certificate("x", "ca.crt", ends, first)]
    bundle = {"ca.crt": encoded(pair.cert, authority.cert, pair.cert)}
    assert list(kubernetes.certificates_of("x", bundle)) == [seen.Certificate("x", "ca.crt", ends, shown)]
    broken = {"tls.crt": encoded("nothing")}
    assert list(kubernetes.certificates_of("x", broken)) == [seen.Certificate("x", "tls.crt", None)]
    assert list(kubernetes.certificates_of("x", {"password": "y"})) == []


def test_when_a_certificate_ended() -> None:
    text = ca.make_ca("test", 10, NOW).cert
    assert kubernetes.expired(text, NOW) is None
    assert kubernetes.expired(text, NOW + timedelta(days=11)) == NOW + timedelta(days=10)
    assert kubernetes.expired("no certificate", NOW) is None


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"conditions": [{"type": "Ready", "status": "True"}]}, ""),
        ({"conditions": [{"type": "Ready", "status": "False", "reason": "A", "message": "b"}]}, "A: b"),
        ({"conditions": [{"type": "ReconciliationPaused", "status": "True"}]}, "ReconciliationPaused"),
        (None, "the operator has not reconciled it"),
    ],
)
def test_the_readiness_of_a_resource(status: Any, problem: str) -> None:
    resource = {"kind": "KafkaTopic", "metadata": {"name": "x"}, "status": status}
    assert kubernetes._resource(resource) == seen.Resource("KafkaTopic", "x", problem)


def test_a_failure_of_the_job_is_its_root_and_of_the_last_minutes() -> None:
    def answer(ago: float) -> Any:
        trace = "java.lang.RuntimeException: a\n\tat x\nCaused by: b\nCaused by: java.io.IOException: c"
        entry = {"timestamp": (time.time() - ago) * 1000, "exceptionName": "x", "stacktrace": trace}
        return {"exceptionHistory": {"entries": [entry]}}

    assert services._failure(answer(60)) == "java.io.IOException: c"
    assert services._failure(answer(600)) == ""
    assert services._failure({}) == ""


def test_an_answer_without_tls_is_known() -> None:
    assert services.is_plain(b"HTTP/1.1 400 Bad Request")
    assert services.is_plain(b"\0\0\1\2" + services._API_VERSIONS[8:12])
    assert not services.is_plain(b"\x15\x03\x03\x00\x02\x02\x46")
    assert not services.is_plain(b"")


def test_what_was_scaled_down_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def deployment(name: str, wanted: int | None, ready: int | None, **labels: str) -> Any:
        return SimpleNamespace(
            metadata=SimpleNamespace(name=name, labels=labels or None),
            spec=SimpleNamespace(replicas=wanted),
            status=SimpleNamespace(ready_replicas=ready),
        )

    mine = {"app.kubernetes.io/part-of": "kafkalogs"}
    made = [deployment("pager", 0, None, **mine), deployment("registry", None, 1, **mine), deployment("other", 0, 0)]
    lists = {"list_namespaced_deployment": made, "list_namespaced_stateful_set": [], "list_namespaced_pod": []}
    one = kubernetes.KubernetesReader.__new__(kubernetes.KubernetesReader)
    one._apps = one._core = SimpleNamespace(**{name: name for name in lists})
    monkeypatch.setattr(one, "_list", lambda listing, what: lists[listing])
    assert one.workloads(local()) == [
        seen.Workload("Deployment", "pager", 1, 0),
        seen.Workload("Deployment", "registry", 1, 1),
        seen.Workload("Deployment", "other", 0, 0),
        seen.Workload("Kafka", "logs", 3, 0),
        seen.Workload("KafkaConnect", "connect", 1, 0),
    ]


def test_the_last_checkpoint_is_the_newest_write_of_a_jobs_configmap(monkeypatch: pytest.MonkeyPatch) -> None:
    def written(name: str, *minutes: int) -> Any:
        fields = [SimpleNamespace(time=NOW + timedelta(minutes=minute)) for minute in minutes]
        return SimpleNamespace(metadata=SimpleNamespace(name=name, managed_fields=fields or None))

    job = f"stream-{'0a' * 16}-config-map"
    maps = [written("stream-cluster-config-map", 9), written("other", 8), written(job, 1, 3), written(job, 2)]
    one = kubernetes.KubernetesReader.__new__(kubernetes.KubernetesReader)
    one._core = SimpleNamespace(list_namespaced_config_map=None)
    monkeypatch.setattr(one, "_list", lambda listing, what: maps)
    assert one.last_checkpoint() == NOW + timedelta(minutes=3)
    del maps[2:]
    assert one.last_checkpoint() is None


def test_a_doctor_that_may_not_read_configmaps_still_tells_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise AccessError("forbidden")

    reader: Any = SimpleNamespace(flink=lambda: {"spec": {"job": {}}}, last_checkpoint=refused)
    monkeypatch.setattr(services, "jobs", lambda reach, namespace: None)
    nobody: Any = None
    (finding,) = examine._stream(local(), reader, nobody, "kafkalogs").findings
    assert (finding.rule, finding.seen) == ("job-silent", "its JobManager does not answer")
    reader.last_checkpoint = lambda: datetime.now(UTC) - timedelta(minutes=40, seconds=1)
    (finding,) = examine._stream(local(), reader, nobody, "kafkalogs").findings
    assert "40 min ago: if it does not run within 5 h 19 min" in finding.seen
