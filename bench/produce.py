"""How many records/s one producer gets acknowledged, from a pod beside the brokers."""

from __future__ import annotations

import json
import re
import statistics
from typing import Any

from tests.support.sandbox import Sandbox

NAMESPACE = "kafkalogs"
RECORDS, SIZE, RUNS = 600_000, 200, 3
# Settings of a log producer that batches; without compression, so that the figure is of 200 B on the wire and on disk.
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


def _pod(name: str, image: str, user: str, prepare: str, bootstrap: str, topic: str) -> dict[str, Any]:
    script = f"""set -eu
cat > /tmp/client.properties <<'EOF'
{CLIENT}EOF
{prepare}
for run in $(seq {RUNS}); do
  /opt/kafka/bin/kafka-producer-perf-test.sh --topic {topic} --num-records {RECORDS} --record-size {SIZE} \\
    --throughput -1 --bootstrap-server {bootstrap} --command-config /tmp/client.properties | tail -n 1
done
"""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"kafkalogs/kafka-client": "true"}},
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
                {"name": "ca", "secret": {"secretName": "logs-cluster-ca-cert"}},
                {"name": "user", "secret": {"secretName": user}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }


def _apply(sandbox: Sandbox, *manifests: dict[str, Any]) -> None:
    sandbox.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))


def _measure(sandbox: Sandbox, pod: dict[str, Any]) -> float:
    """The median of the runs, in records/s."""
    name = pod["metadata"]["name"]
    _apply(sandbox, pod)

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


def _ready(sandbox: Sandbox, kind: str, name: str) -> bool:
    found = sandbox.get(kind, name)
    status = found.get("status", {})
    return status.get("observedGeneration") == found["metadata"]["generation"] and any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])
    )


def produce_rates(sandbox: Sandbox) -> tuple[float, float]:
    """Records/s with RF 3 over mTLS, and of the same client with RF 1 in plaintext on the same cluster.

    The platform has no plaintext listener; one is added to the sandbox's cluster for the comparison.
    """
    image = json.loads((sandbox.state / "machine.json").read_text())["images"]["kafka"]
    _apply(sandbox, _topic("bench.replicated", 3, 2), _user("bench-tls", "tls"))
    for kind, name in (("kafkatopic", "bench.replicated"), ("kafkauser", "bench-tls")):
        sandbox.wait(f"{name} is ready", lambda kind=kind, name=name: _ready(sandbox, kind, name))
    bootstrap = "logs-kafka-bootstrap.kafkalogs.svc"
    secure = _measure(sandbox, _pod("bench-tls", image, "bench-tls", TLS, f"{bootstrap}:9093", "bench.replicated"))
    plain = {
        "name": "plain",
        "port": 9099,
        "type": "internal",
        "tls": False,
        "authentication": {"type": "scram-sha-512"},
    }
    patch = [{"op": "add", "path": "/spec/kafka/listeners/-", "value": plain}]
    sandbox.kubectl("-n", NAMESPACE, "patch", "kafka", "logs", "--type=json", "-p", json.dumps(patch))
    _apply(sandbox, _topic("bench.single", 1, 1), _user("bench-plain", "scram-sha-512"))
    sandbox.wait("the plaintext listener", lambda: _ready(sandbox, "kafka", "logs"), 400)
    for kind, name in (("kafkatopic", "bench.single"), ("kafkauser", "bench-plain")):
        sandbox.wait(f"{name} is ready", lambda kind=kind, name=name: _ready(sandbox, kind, name))
    plaintext = _measure(
        sandbox, _pod("bench-plain", image, "bench-plain", PLAINTEXT, f"{bootstrap}:9099", "bench.single")
    )
    return secure, plaintext
