"""Who may connect, write and read: only whom the catalog names, over TLS."""

from __future__ import annotations

import re
import socket
import ssl
import time

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from tests.support import kafka
from tests.support.sandbox import Sandbox


def test_a_plaintext_connection_is_refused(platform: Sandbox) -> None:
    client = AdminClient({"bootstrap.servers": kafka.bootstrap(platform), "log_level": 0})
    with pytest.raises(KafkaException):
        client.list_topics(timeout=8)


def _answer_without_certificate(platform: Sandbox) -> bytes:
    context = ssl.create_default_context(cadata=kafka.cluster_ca(platform))
    with (
        socket.create_connection(("localhost", platform.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        # With TLS 1.3 the refusal arrives with the first read after the handshake.
        connection.sendall(b"\0\0\0\0")
        return connection.recv(1)


def test_a_connection_without_a_client_certificate_is_refused(platform: Sandbox) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate") as refusal:
        _answer_without_certificate(platform)
    assert not isinstance(refusal.value, ssl.SSLCertVerificationError), "it is the broker that must refuse"


def test_a_certificate_of_another_authority_is_refused(platform: Sandbox) -> None:
    own = kafka.settings(platform, "checkout-service")
    own["ssl.certificate.pem"], own["ssl.key.pem"] = _self_signed("checkout-service")
    with pytest.raises(KafkaException):
        AdminClient(own).list_topics(timeout=8)


def test_the_broker_proves_itself_to_the_client(platform: Sandbox) -> None:
    own = kafka.settings(platform, "checkout-service")
    own["ssl.ca.pem"] = _self_signed("another-authority")[0]
    with pytest.raises(KafkaException):
        AdminClient(own).list_topics(timeout=8)


def test_a_service_writes_its_own_topic(platform: Sandbox) -> None:
    writer = kafka.Writer(platform, "checkout-service")
    writer.write("logs.checkout-service", b'{"message": "access test"}')
    writer.flush()
    assert len(writer.acked) == 1
    assert not writer.errors


def test_a_service_cannot_write_another_ones_topic(platform: Sandbox) -> None:
    before = kafka.end_offsets(platform, "team-operations", "logs.payment-service")
    assert kafka.refused(platform, "checkout-service", "logs.payment-service") == "TOPIC_AUTHORIZATION_FAILED"
    assert kafka.end_offsets(platform, "team-operations", "logs.payment-service") == before


@pytest.mark.parametrize("topic", ["logs.payment-service", "logs.checkout-service"])
def test_a_service_cannot_read_topics(platform: Sandbox, topic: str) -> None:
    errors = _read_errors(platform, "checkout-service", topic, "checkout-service.reader")
    assert errors & {"TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"}


def test_a_team_cannot_use_the_group_of_another_team(platform: Sandbox) -> None:
    errors = _read_errors(platform, "team-security", "logs.audit", "operations.alerts")
    assert "GROUP_AUTHORIZATION_FAILED" in errors


def test_a_team_cannot_write(platform: Sandbox) -> None:
    assert kafka.refused(platform, "team-operations", "logs.checkout-service") == "TOPIC_AUTHORIZATION_FAILED"


def test_nobody_creates_topics_by_writing(platform: Sandbox) -> None:
    name = kafka.refused(platform, "checkout-service", "logs.not-declared")
    assert name in {"TOPIC_AUTHORIZATION_FAILED", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"}
    topics = kafka.admin(platform, "team-operations").list_topics(timeout=20).topics
    assert "logs.not-declared" not in topics


SCRAM_USER = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: scram-probe, namespace: kafkalogs, labels: {strimzi.io/cluster: logs}}
spec:
  authentication: {type: scram-sha-512}
  authorization:
    type: simple
    acls: [{type: allow, operations: [Describe], resource: {type: topic, name: logs.audit, patternType: literal}}]
"""


def _topics_with_password(platform: Sandbox, password: str) -> str:
    """What Kafka's own tool, in a broker's pod, sees through the SCRAM listener; its settings go in by stdin."""
    settings = (
        "security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location=/tmp/probe-ca.crt\n"
        "sasl.mechanism=SCRAM-SHA-512\nrequest.timeout.ms=10000\ndefault.api.timeout.ms=20000\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="scram-probe" password="{password}";\n'
    )
    bootstrap = "logs-kafka-bootstrap.kafkalogs.svc:9094"
    pod = ("-n", "kafkalogs", "exec", "-i", "logs-kafka-0", "--", "sh", "-c")
    platform.kubectl(*pod, "cat > /tmp/probe-ca.crt", input=kafka.cluster_ca(platform))
    tool = f"/opt/kafka/bin/kafka-topics.sh --bootstrap-server {bootstrap} --list"
    tool += " --command-config /tmp/probe.properties 2>&1"
    command = f"umask 077; cat > /tmp/probe.properties; {tool}; rm /tmp/probe.properties /tmp/probe-ca.crt"
    return platform.kubectl(*pod, command, input=settings)


def test_a_client_logs_in_with_its_password_and_with_no_other(platform: Sandbox) -> None:
    platform.kubectl("apply", "-f", "-", input=SCRAM_USER)
    try:
        own = platform.wait(
            "the password of scram-probe",
            lambda: (
                (found := platform.get("kafkauser", "scram-probe").get("status", {}).get("conditions"))
                and found[0]["status"] == "True"
                and kafka.secret(platform, "scram-probe")["password"]
            ),
        )
        # Only what it may describe: the login worked, and the listener authorizes. (The tool logs on its output too.)
        lines = _topics_with_password(platform, own).splitlines()
        assert [line for line in lines if re.fullmatch(r"[\w.-]+", line)] == ["logs.audit"], "\n".join(lines)
        assert "SaslAuthenticationException" in _topics_with_password(platform, own[::-1])
    finally:
        platform.kubectl("-n", "kafkalogs", "delete", "kafkauser", "scram-probe", "--ignore-not-found")


def _read_errors(platform: Sandbox, user: str, topic: str, group: str) -> set[str]:
    reader = Consumer(kafka.settings(platform, user, **{"group.id": group, "auto.offset.reset": "earliest"}))
    seen: set[str] = set()
    try:
        reader.subscribe([topic])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not seen:
            message = reader.poll(1)
            if message is None:
                continue
            error = message.error()
            assert error is not None, f"{user} read a record of {topic}"
            seen.add(error.name())
    finally:
        reader.close()
    return seen


def _self_signed(name: str) -> tuple[str, str]:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return (
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def test_the_client_of_these_tests_can_connect(platform: Sandbox) -> None:
    """Were every connection broken, the refusals above would prove nothing."""
    producer = Producer(kafka.settings(platform, "checkout-service"))
    assert producer.list_topics(timeout=10).brokers.keys() == {0, 1, 2}


def test_flink_writes_no_configmap_but_its_own(platform: Sandbox) -> None:
    flink = ("-n", "kafkalogs", "--as", "system:serviceaccount:kafkalogs:stream", "--dry-run=server")
    patch = ("--type=merge", "-p", '{"data":{"a":"b"}}')
    maps = platform.get("configmaps")["items"]
    names = {item["metadata"]["name"] for item in maps}
    own = {name for name in names if name.startswith("stream-") and name.endswith("-config-map")}
    assert "stream-cluster-config-map" in own
    for name in own:
        platform.kubectl("patch", "configmap", name, *flink, *patch)
    foreign = sorted(names - own)
    assert len(foreign) > 5
    for name in foreign:
        said = platform.kubectl("patch", "configmap", name, *flink, *patch, check=False)
        assert "patched" not in said, name
    assert "created" not in platform.kubectl("create", "configmap", "another", *flink, check=False)
