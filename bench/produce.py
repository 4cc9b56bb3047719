"""How many records/s Kafka acknowledges to one producer in a pod beside the brokers."""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import dataclass
from typing import Any

from kafkalogs.config import naming

from tests.support.sandbox import Sandbox

NAMESPACE = "kafkalogs"
BOOTSTRAP = f"{naming.bootstrap_service('logs')}.{NAMESPACE}.svc"
RECORDS, SIZE, RUNS = 600_000, 200, 3
_PLAINTEXT_PORT = 9099
# Settings of a log producer that batches. Without compression a record has 200 B on the wire and on disk.
CLIENT = "acks=all\nenable.idempotence=true\nlinger.ms=10\nbatch.size=131072\nbuffer.memory=67108864\n"


def _topic(name: str, replicas: int, min_isr: int) -> dict[str, Any]:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"strimzi.io/cluster": "logs"}},
        "spec": {"partitions": 3, "replicas": replicas, "config": {"min.insync.replicas": min_isr}},
    }


def _user(name: str, authentication: str) -> dict[str, Any]:
    acl = {
        "resource": {"type": "topic", "name": "bench.", "patternType": "prefix"},
        "operations": ["Write", "Describe"],
    }
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"strimzi.io/cluster": "logs"}},
        "spec": {
            "authentication": {"type": authentication},
            "authorization": {"type": "simple", "acls": [acl]},
        },
    }


TLS = """
{ printf 'security.protocol=SSL\\nssl.truststore.type=PEM\\nssl.truststore.location=/ca/ca.crt\\n'
  printf 'ssl.keystore.type=PKCS12\\nssl.keystore.location=/user/user.p12\\n'
  printf 'ssl.keystore.password=%s\\n' "$(cat /user/user.password)"; } >> /tmp/client.properties
"""
PLAINTEXT = """
{ printf 'security.protocol=SASL_PLAINTEXT\\nsasl.mechanism=SCRAM-SHA-512\\n'
  printf 'sasl.jaas.config=%s\\n' "$(cat /user/sasl.jaas.config)"; } >> /tmp/client.properties
"""


@dataclass(frozen=True)
class Load:
    """One producer. prepare: shell code that adds the credentials to the client's properties; size: of a record, in
    bytes."""

    name: str
    user: str
    prepare: str
    port: int
    topic: str
    records: int = RECORDS
    size: int = SIZE


def _pod(image: str, load: Load) -> dict[str, Any]:
    script = f"""set -eu
cat > /tmp/client.properties <<'EOF'
{CLIENT}EOF
{load.prepare}
for run in $(seq {RUNS}); do
  /opt/kafka/bin/kafka-producer-perf-test.sh --topic {load.topic} \\
    --num-records {load.records} --record-size {load.size} --throughput -1 \\
    --bootstrap-server {BOOTSTRAP}:{load.port} --command-config /tmp/client.properties | tail -n 1
done
"""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": load.name, "namespace": NAMESPACE, "labels": {"kafkalogs/kafka-client": "true"}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "producer",
                    "image": image,
                    "command": ["bash", "-c", script],
                    "env": [{"name": "KAFKA_HEAP_OPTS", "value": "-Xms256m -Xmx256m"}],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [
                        {"name": "ca", "mountPath": "/ca"},
                        {"name": "user", "mountPath": "/user"},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [
                {"name": "ca", "secret": {"secretName": naming.cluster_ca_secret("logs")}},
                {"name": "user", "secret": {"secretName": load.user}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }


def apply(sandbox: Sandbox, *manifests: dict[str, Any]) -> None:
    """Apply manifests to the sandbox's cluster."""
    sandbox.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))


def _measure(sandbox: Sandbox, pod: dict[str, Any]) -> float:
    """The median of the runs, in records/s."""
    name = pod["metadata"]["name"]
    apply(sandbox, pod)

    def ended() -> str:
        phase = sandbox.get("pod", name)["status"]["phase"]
        return phase if phase in {"Succeeded", "Failed"} else ""

    phase = sandbox.wait(f"{name} ends", ended, 400)
    log = sandbox.kubectl("-n", NAMESPACE, "logs", name)
    sandbox.kubectl("-n", NAMESPACE, "delete", "pod", name, "--wait=false")
    rates = [float(rate) for rate in re.findall(r"([\d.]+) records/sec", log)]
    assert phase == "Succeeded", log[-2000:]
    assert len(rates) == RUNS, log[-2000:]
    return statistics.median(rates)


def ready(sandbox: Sandbox, kind: str, name: str) -> bool:
    """Whether the operator has reconciled the newest version of a resource."""
    found = sandbox.get(kind, name)
    status = found.get("status", {})
    return status.get("observedGeneration") == found["metadata"]["generation"] and any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])
    )


def image(sandbox: Sandbox) -> str:
    """Kafka's image, which has the producer."""
    return json.loads((sandbox.state / "machine.json").read_text())["images"]["kafka"]


def secure_rate(sandbox: Sandbox, records: int = RECORDS, size: int = SIZE) -> float:
    """Records/s with RF 3 over mTLS, through the platform's listener. size: bytes of a record."""
    made = (("kafkatopic", "bench.replicated"), ("kafkauser", "bench-tls"))
    apply(sandbox, _topic("bench.replicated", 3, 2), _user("bench-tls", "tls"))
    try:
        for kind, name in made:
            sandbox.wait(f"{name} is ready", lambda kind=kind, name=name: ready(sandbox, kind, name))
        load = Load(f"bench-tls-{size}", "bench-tls", TLS, naming.TLS_PORT, "bench.replicated", records, size)
        return _measure(sandbox, _pod(image(sandbox), load))
    finally:
        for kind, name in made:
            sandbox.kubectl("-n", NAMESPACE, "delete", kind, name, "--ignore-not-found")


def plaintext_rate(sandbox: Sandbox) -> float:
    """Records/s of the same client with RF 1 in plaintext on the same cluster.

    The platform has no plaintext listener; one is added to the sandbox's cluster for the comparison.
    """
    plain = {
        "name": "plain",
        "port": _PLAINTEXT_PORT,
        "type": "internal",
        "tls": False,
        "authentication": {"type": "scram-sha-512"},
    }
    patch = [{"op": "add", "path": "/spec/kafka/listeners/-", "value": plain}]
    sandbox.kubectl("-n", NAMESPACE, "patch", "kafka", "logs", "--type=json", "-p", json.dumps(patch))
    apply(sandbox, _topic("bench.single", 1, 1), _user("bench-plain", "scram-sha-512"))
    sandbox.wait("the plaintext listener", lambda: ready(sandbox, "kafka", "logs"), 400)
    for kind, name in (("kafkatopic", "bench.single"), ("kafkauser", "bench-plain")):
        sandbox.wait(f"{name} is ready", lambda kind=kind, name=name: ready(sandbox, kind, name))
    load = Load("bench-plain", "bench-plain", PLAINTEXT, _PLAINTEXT_PORT, "bench.single")
    return _measure(sandbox, _pod(image(sandbox), load))
