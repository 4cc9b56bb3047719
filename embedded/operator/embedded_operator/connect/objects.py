"""The Kubernetes objects of a Connect cluster: workers, Services, configuration, NetworkPolicy. Pure."""

from __future__ import annotations

from embedded_operator.common import names
from embedded_operator.common.names import Obj
from embedded_operator.connect import spec as connect_spec
from embedded_operator.connect.spec import ConnectSpec, Trust
from embedded_operator.kafka import broker_config, metrics, pods

HEAP_PERCENTAGE = 75
"""Of the memory limit, as in Strimzi, when jvmOptions say nothing."""
START = """\
#!/bin/sh
# Starts one worker.
set -eu
{agent}exec /opt/kafka/bin/connect-distributed.sh {config}/kafka-connect.properties
"""
TMP_SIZE = "64Mi"
"""Native libraries of compression codecs are unpacked there."""


def metadata(connect: ConnectSpec, name: str, extra: Obj | None = None) -> Obj:
    """`extra` is a template's metadata."""
    own = (extra or {}).get("metadata") or {}
    made: Obj = {
        "name": name,
        "namespace": connect.namespace,
        "labels": {**(own.get("labels") or {}), **names.connect_labels(connect.name)},
        "ownerReferences": names.owner(connect.resource),
    }
    if own.get("annotations"):
        made["annotations"] = own["annotations"]
    return made


def config_map(connect: ConnectSpec, trusted: Trust, exporter: str) -> Obj:
    """The files of every worker; `exporter` is what `metrics.configuration` gave."""
    script = START.format(
        agent=metrics.start(connect_spec.CONFIG_DIR) if exporter else "", config=connect_spec.CONFIG_DIR
    )
    logging = (connect.spec.get("logging") or {}).get("loggers") or {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(connect, f"{names.connect_component(connect.name)}-config"),
        "data": {
            "kafka-connect.properties": broker_config.properties(connect_spec.build(connect, trusted)),
            "log4j2.properties": broker_config.logging(logging),
            "java.security": pods.SECURITY,
            "start.sh": script,
            **({metrics.FILE: exporter} if exporter else {}),
        },
    }


def services(connect: ConnectSpec) -> list[Obj]:
    """The REST API, and one for the workers' own names."""
    port = {"name": "rest-api", "port": names.REST_PORT, "targetPort": names.REST_PORT, "protocol": "TCP"}
    selector = names.connect_selector(connect.name)
    headless = {"clusterIP": "None", "publishNotReadyAddresses": True}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(connect, name, connect.template(part)),
            "spec": {"type": "ClusterIP", "selector": selector, "ports": [port], **extra},
        }
        for name, part, extra in (
            (names.connect_api_service(connect.name), "apiService", {}),
            (names.connect_component(connect.name), "headlessService", headless),
        )
    ]


def network_policy(connect: ConnectSpec) -> Obj:
    """The REST API takes connectors from anybody who reaches it: only workers and the operator do."""
    workers = {"podSelector": {"matchLabels": names.connect_selector(connect.name)}}
    operator = {"podSelector": {"matchLabels": {names.KIND: "cluster-operator"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(connect, names.connect_component(connect.name)),
        "spec": {
            "podSelector": {"matchLabels": names.connect_selector(connect.name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": names.REST_PORT, "protocol": "TCP"}], "from": [workers, operator]},
                *([metrics.ingress()] if metrics.wanted(connect.spec) else []),
            ],
        },
    }


def disruption_budget(connect: ConnectSpec) -> Obj:
    """Evictions take at most `maxUnavailable` workers (1 unless the template says otherwise)."""
    shape = connect.template("podDisruptionBudget")
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(connect, names.connect_component(connect.name), shape),
        "spec": {
            "minAvailable": max(0, connect.replicas - shape.get("maxUnavailable", 1)),
            "selector": {"matchLabels": names.connect_selector(connect.name)},
        },
    }


def _environment(connect: ConnectSpec, pod: str) -> list[Obj]:
    """The variables of Kafka's start script, and those that the configuration refers to."""
    jvm = connect.spec.get("jvmOptions") or {}
    limited = "memory" in ((connect.spec.get("resources") or {}).get("limits") or {})
    own = [f"-D{item['name']}={item['value']}" for item in jvm.get("javaSystemProperties") or []]
    settings = connect_spec.CONFIG_DIR
    variables = {
        "KAFKA_HEAP_OPTS": pods.heap(jvm, limited, HEAP_PERCENTAGE),
        "KAFKA_JVM_PERFORMANCE_OPTS": pods.performance(jvm),
        "KAFKA_LOG4J_OPTS": f"-Dlog4j2.configurationFile={settings}/log4j2.properties",
        "KAFKA_OPTS": " ".join([f"-Djava.security.properties={settings}/java.security", *own]),
        "LOG_DIR": "/tmp/logs",  # noqa: S108
        connect_spec.HOSTNAME: f"{pod}.{names.connect_component(connect.name)}.{connect.namespace}.svc",
    }
    if connect.authentication.get("type") in connect_spec.SASL:
        variables[connect_spec.USERNAME] = connect.authentication["username"]
    return [{"name": name, "value": value} for name, value in variables.items()] + (
        connect.template("connectContainer").get("env") or []
    )


def _probe(path: str, defaults: Obj, own: Obj | None) -> Obj:
    return {**defaults, **(own or {}), "httpGet": {"path": path, "port": "rest-api"}}


def pod(connect: ConnectSpec, name: str, config: Obj, trusted: Trust) -> Obj:
    """The pod of one worker; its annotation strimzi.io/revision is the hash of all that it is made from."""
    shape, container = connect.template("pod"), connect.template("connectContainer")
    mounts = [
        ("config", connect_spec.CONFIG_DIR, {"configMap": {"name": config["metadata"]["name"], "defaultMode": 0o444}}),
        ("tmp", "/tmp", {"emptyDir": {"medium": "Memory", "sizeLimit": shape.get("tmpDirSizeLimit", TMP_SIZE)}}),  # noqa: S108
    ]
    for index, secret in enumerate(trusted.secrets):
        mounts.append((f"trust-{index}", f"{connect_spec.CERTS_DIR}/{secret}", _secret(secret, trusted)))
    made: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(connect, name),
        "spec": {
            "hostname": name,
            "subdomain": names.connect_component(connect.name),
            "restartPolicy": "Always",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": shape.get("securityContext") or pods.pod_security(),
            **{key: shape[key] for key in pods.PASSED_ON if key in shape},
            "volumes": [{"name": volume, **source} for volume, _, source in mounts] + (shape.get("volumes") or []),
            "containers": [
                {
                    "name": names.connect_component(connect.name),
                    "image": connect.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["/bin/sh", f"{connect_spec.CONFIG_DIR}/start.sh"],
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "env": _environment(connect, name),
                    "ports": [
                        {"name": "rest-api", "containerPort": names.REST_PORT, "protocol": "TCP"},
                        *([metrics.container_port()] if metrics.wanted(connect.spec) else []),
                    ],
                    # Kafka's own word on whether the worker is a member of its group.
                    "readinessProbe": _probe(
                        "/health",
                        {"initialDelaySeconds": 5, "periodSeconds": 3, "timeoutSeconds": 5, "failureThreshold": 3},
                        connect.spec.get("readinessProbe"),
                    ),
                    # A worker that waits for its brokers is alive, and starts for long on a busy machine.
                    "livenessProbe": _probe(
                        "/",
                        {"initialDelaySeconds": 120, "periodSeconds": 20, "timeoutSeconds": 10, "failureThreshold": 6},
                        connect.spec.get("livenessProbe"),
                    ),
                    "resources": connect.spec.get("resources") or {},
                    "securityContext": container.get("securityContext") or pods.container_security(),
                    "volumeMounts": [{"name": volume, "mountPath": path} for volume, path, _ in mounts]
                    + (container.get("volumeMounts") or []),
                }
            ],
        },
    }
    extra = shape.get("metadata") or {}
    made["metadata"]["labels"] = {**(extra.get("labels") or {}), **made["metadata"]["labels"], names.POD: name}
    revision = pods.digest([made["spec"], made["metadata"]["labels"], extra, config["data"], trusted.digest])
    made["metadata"]["annotations"] = {**(extra.get("annotations") or {}), names.REVISION: revision}
    return made


def _secret(name: str, trusted: Trust) -> Obj:
    """Only what the worker reads of a Secret: not the same key again as a PKCS #12 store."""
    keys = sorted({key for secret, key in (*trusted.authorities, *trusted.own) if secret == name})
    return {"secret": {"secretName": name, "defaultMode": 0o440, "items": [{"key": key, "path": key} for key in keys]}}
