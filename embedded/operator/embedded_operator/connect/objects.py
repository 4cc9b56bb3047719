"""The Kubernetes objects of a Connect cluster: workers, Services, configuration, NetworkPolicy. Pure."""

from __future__ import annotations

from embedded_operator.common import metrics, names, objects, pods, settings
from embedded_operator.common.names import Obj
from embedded_operator.connect import spec as connect_spec
from embedded_operator.connect.spec import ConnectSpec, Trust

HEAP_PERCENTAGE = 75
"""The heap's part of the memory limit when jvmOptions do not say it, as with Strimzi."""
START = """\
#!/bin/sh
# Starts one worker.
set -eu
{agent}exec /opt/kafka/bin/connect-distributed.sh {config}/kafka-connect.properties
"""
TMP_SIZE = "64Mi"
"""Compression codecs unpack their native libraries into /tmp."""
READINESS = {"initialDelaySeconds": 5, "periodSeconds": 3, "timeoutSeconds": 5, "failureThreshold": 3}
LIVENESS = {"initialDelaySeconds": 120, "periodSeconds": 20, "timeoutSeconds": 10, "failureThreshold": 6}
"""A worker that waits for its brokers is alive, and it starts slowly on a busy machine."""


def metadata(connect: ConnectSpec, name: str, template: Obj | None = None) -> Obj:
    """Metadata of an object of the cluster."""
    return objects.metadata(connect.resource, name, names.connect_labels(connect.name), template)


def config_map(connect: ConnectSpec, trusted: Trust, exporter: str) -> Obj:
    """The files of every worker; `exporter` is what `metrics.configuration` returned."""
    folder = connect_spec.CONFIG_DIR
    script = START.format(agent=metrics.start(folder, exporter), config=folder)
    options = settings.properties(connect_spec.build(connect, trusted))
    return objects.config_map(
        metadata(connect, f"{names.connect_component(connect.name)}-config"),
        {"kafka-connect.properties": options, **pods.files(connect.spec, script, exporter)},
    )


def services(connect: ConnectSpec) -> list[Obj]:
    """The Service of the REST API, and the headless one that gives each worker its DNS name."""
    ports = [objects.service_port("rest-api", names.REST_PORT)]
    headless = {"clusterIP": "None", "publishNotReadyAddresses": True}
    return [
        objects.service(
            metadata(connect, name, connect.template(part)),
            {"type": "ClusterIP", "selector": names.connect_selector(connect.name), "ports": ports, **extra},
        )
        for name, part, extra in (
            (names.connect_api_service(connect.name), "apiService", {}),
            (names.connect_component(connect.name), "headlessService", headless),
        )
    ]


def network_policy(connect: ConnectSpec) -> Obj:
    """Only workers and the operator reach the REST API: everybody who reaches the API may create connectors."""
    selector = names.connect_selector(connect.name)
    api = objects.rule(names.REST_PORT, [objects.peer(selector), objects.OPERATOR_PEER])
    meta = metadata(connect, names.connect_component(connect.name))
    return objects.network_policy(meta, selector, [api, *metrics.rules(connect.spec)])


def disruption_budget(connect: ConnectSpec) -> Obj:
    """The PodDisruptionBudget of the workers."""
    template = connect.template("podDisruptionBudget")
    meta = metadata(connect, names.connect_component(connect.name), template)
    return objects.disruption_budget(meta, names.connect_selector(connect.name), connect.replicas, template)


def _environment(connect: ConnectSpec, pod: str) -> list[Obj]:
    """The variables of Kafka's start script, and those that the configuration refers to."""
    jvm, resources = connect.spec.get("jvmOptions") or {}, connect.spec.get("resources") or {}
    service = names.connect_component(connect.name)
    values = pods.environment(jvm, resources, connect_spec.CONFIG_DIR, HEAP_PERCENTAGE)
    values[connect_spec.HOSTNAME] = f"{pod}.{service}.{connect.namespace}.svc"
    if connect.authentication.get("type") in connect_spec.SASL:
        values[connect_spec.USERNAME] = connect.authentication["username"]
    return pods.variables(values)


def _probe(connect: ConnectSpec, probe: str, path: str, defaults: Obj) -> Obj:
    return {**defaults, **(connect.spec.get(probe) or {}), "httpGet": {"path": path, "port": "rest-api"}}


def pod(connect: ConnectSpec, name: str, config: Obj, trusted: Trust) -> Obj:
    """The pod of one worker; `config` is its ConfigMap."""
    shape = connect.template("pod")
    files = {"configMap": {"name": config["metadata"]["name"], "defaultMode": 0o444}}
    mounts = [("config", connect_spec.CONFIG_DIR, files), pods.tmp(shape, TMP_SIZE)]
    for index, secret in enumerate(trusted.secrets):
        mounts.append((f"trust-{index}", f"{connect_spec.CERTS_DIR}/{secret}", _secret(secret, trusted)))
    service = names.connect_component(connect.name)
    container = {
        "name": service,
        "image": connect.image,
        "env": _environment(connect, name),
        "ports": pods.ports({"rest-api": names.REST_PORT}, connect.spec),
        # Kafka Connect answers on /health whether the worker is a member of its group.
        "readinessProbe": _probe(connect, "readinessProbe", "/health", READINESS),
        "livenessProbe": _probe(connect, "livenessProbe", "/", LIVENESS),
        "resources": connect.spec.get("resources") or {},
    }
    meta = metadata(connect, name, shape)
    meta["labels"][names.POD] = name
    process = pods.Process(service, connect_spec.CONFIG_DIR, mounts, container)
    made_from = [config["data"], trusted.digest]
    return pods.pod(meta, process, shape, connect.template("connectContainer"), made_from)


def _secret(name: str, trusted: Trust) -> Obj:
    """The entries of a Secret that the worker reads, without the PKCS #12 store of the same key."""
    keys = sorted({key for secret, key in (*trusted.authorities, *trusted.own) if secret == name})
    return {"secret": {"secretName": name, "defaultMode": 0o440, "items": [{"key": key, "path": key} for key in keys]}}
