"""`SchemaRegistry`: Apicurio Registry, which keeps its data in the platform's Kafka cluster.

Everybody may read; a writer needs a password.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Service
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from ..config import naming
from ..kafka.identity import ServiceIdentity, ServiceIdentityArgs
from ..kafka.topic import topic_manifest, topic_resource
from ..kube import policies
from ..kube.pods import answers_ok, container, digest, labels, pod, resources, restarted_with_new, secret_volume
from ..kube.resources import METRICS_LABEL, Manifest, after, known, manifest_of, metadata, part, typed
from .record import GROUP_PREFIX, HTTPS_PORT, METRICS_PORT, PODS, REGISTRY, TOPICS, WRITER, registry_topic

_JAVA_OPTIONS: Final = (
    # The registry has few requests, and starts faster without the compiler for hot code.
    "-Xms128m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError"
)

_CONFIG: Final = "/etc/registry"
_KAFKA_CA: Final = "/etc/kafka/ca"
_KAFKA_USER: Final = "/etc/kafka/user"
_TLS: Final = "/etc/tls"
_FILES: Final = (f"{_KAFKA_CA}/ca.crt", f"{_KAFKA_USER}/user.p12", f"{_TLS}/tls.crt", f"{_TLS}/tls.key")


@dataclass(frozen=True)
class SchemaRegistryArgs:
    """The arguments of a `SchemaRegistry`.

    The registry needs the Secrets `registry-tls` (tls.crt, tls.key) and `registry-writer-credentials` (password).
    """

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The image of Apicurio Registry 3."""

    replicas: pulumi.Input[int] = 1
    """How many pods; each has all data in memory and reads the changes of the others from Kafka."""

    replication_factor: pulumi.Input[int] = 3
    """Copies of each record in the topics that the component makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """The most that the registry may write to each broker; bytes per second; not limited when absent."""


def _topic_manifest(name: str, args: SchemaRegistryArgs) -> Manifest:
    """The KafkaTopic of one of the registry's topics."""
    topic = registry_topic(name, known(args.replication_factor), known(args.min_in_sync_replicas))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def registry_properties(namespace: str, cluster: str) -> dict[str, str]:
    """The registry's settings; ${...} refers to environment variables, which hold the passwords."""
    return {
        # A higher number than that of the settings in the registry's jar, so these settings override them.
        "config_ordinal": "275",
        # storage
        "apicurio.storage.kind": "kafkasql",
        "apicurio.kafkasql.bootstrap.servers": naming.bootstrap(cluster, namespace),
        "apicurio.kafkasql.topic.auto-create": "false",
        "apicurio.kafka.common.security.protocol": "SSL",
        # The default of the registry is off.
        "apicurio.kafka.common.ssl.endpoint.identification.algorithm": "https",
        "apicurio.kafka.common.ssl.truststore.type": "PEM",
        "apicurio.kafka.common.ssl.truststore.location": f"{_KAFKA_CA}/ca.crt",
        "apicurio.kafka.common.ssl.keystore.type": "PKCS12",
        "apicurio.kafka.common.ssl.keystore.location": f"{_KAFKA_USER}/user.p12",
        "apicurio.kafka.common.ssl.keystore.password": "${KAFKA_USER_PASSWORD}",
        # HTTPS only; probes and metrics have another port
        "quarkus.http.insecure-requests": "disabled",
        "quarkus.http.ssl-port": str(HTTPS_PORT),
        "quarkus.http.ssl.certificate.files": f"{_TLS}/tls.crt",
        "quarkus.http.ssl.certificate.key-files": f"{_TLS}/tls.key",
        "quarkus.management.port": str(METRICS_PORT),
        # rights; without quarkus.http.auth.basic the registry asks nobody for a password
        "quarkus.oidc.tenant-enabled": "false",
        "quarkus.http.auth.basic": "true",
        "apicurio.auth.role-based-authorization": "true",
        "apicurio.auth.anonymous-read-access.enabled": "true",
        "quarkus.security.users.embedded.enabled": "true",
        "quarkus.security.users.embedded.plain-text": "true",
        f"quarkus.security.users.embedded.users.{WRITER}": "${REGISTRY_WRITER_PASSWORD}",
        f"quarkus.security.users.embedded.roles.{WRITER}": "sr-developer",
    }


def registry_config_manifest(args: SchemaRegistryArgs) -> Manifest:
    """The ConfigMap of the registry's settings."""
    settings = registry_properties(known(args.namespace), known(args.cluster))
    lines = [f"{key}={value}\n" for key, value in settings.items()]
    return {"metadata": metadata(REGISTRY, known(args.namespace)), "data": {"application.properties": "".join(lines)}}


def _secret_env(name: str, secret: str, key: str) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _mount(name: str, path: str) -> Manifest:
    return {"name": name, "mountPath": path, "readOnly": True}


def _container(image: str) -> Manifest:
    health: Manifest = {"periodSeconds": 10, "timeoutSeconds": 5}
    return container("registry", image) | {
        "env": [
            {"name": "SMALLRYE_CONFIG_LOCATIONS", "value": f"{_CONFIG}/application.properties"},
            # The data is small, so the heap is small; outside the heap the JVM needs the same amount again.
            {"name": "JDK_JAVA_OPTIONS", "value": _JAVA_OPTIONS},
            _secret_env("KAFKA_USER_PASSWORD", REGISTRY, "user.password"),
            _secret_env("REGISTRY_WRITER_PASSWORD", f"{WRITER}-credentials", "password"),
        ],
        "ports": [
            {"name": "https", "containerPort": HTTPS_PORT},
            {"name": "metrics", "containerPort": METRICS_PORT},
        ],
        # Loading the classes takes long on a busy machine; the other probes begin after this one.
        "startupProbe": {
            "httpGet": {"path": "/health/started", "port": "metrics"},
            "periodSeconds": 2,
            "timeoutSeconds": 5,
            "failureThreshold": 90,
        },
        "readinessProbe": {"httpGet": {"path": "/health/ready", "port": "metrics"}, **health},
        # Quarkus and Kafka's clients read certificates only when they start.
        **restarted_with_new(_FILES, answers_ok(METRICS_PORT, "/health/live"), {**health, "failureThreshold": 6}),
        "resources": resources("80m", "512Mi", "2", "640Mi"),
        "volumeMounts": [
            _mount("config", _CONFIG),
            _mount("kafka-ca", _KAFKA_CA),
            _mount("kafka-user", _KAFKA_USER),
            _mount("tls", _TLS),
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }


def registry_manifest(args: SchemaRegistryArgs) -> Manifest:
    """The Deployment of the registry."""
    config = registry_config_manifest(args)["data"]["application.properties"]
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": REGISTRY}},
        secret_volume("kafka-ca", naming.cluster_ca_secret(known(args.cluster)), "ca.crt"),
        secret_volume("kafka-user", REGISTRY, "user.p12"),
        secret_volume("tls", f"{REGISTRY}-tls", "tls.crt", "tls.key"),
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
    ]
    about = {
        "labels": {**labels(REGISTRY), METRICS_LABEL: "true"},
        # A change of the settings restarts the registry.
        "annotations": {"kafkalogs.io/config": digest(config)},
    }
    return {
        "metadata": metadata(REGISTRY, known(args.namespace)),
        "spec": {
            "replicas": known(args.replicas),
            "selector": {"matchLabels": labels(REGISTRY)},
            "template": {"metadata": about, "spec": pod([_container(known(args.image))], volumes)},
        },
    }


def registry_service_manifest(args: SchemaRegistryArgs) -> Manifest:
    """The Service of the registry."""
    ports = [{"name": "https", "port": HTTPS_PORT, "targetPort": "https"}]
    # Pulumi waits for this Service: the schemas are registered at once, and the nodes must route to it by then.
    return {
        "metadata": metadata(REGISTRY, known(args.namespace)),
        "spec": {"selector": labels(REGISTRY), "ports": ports},
    }


def registry_policy_manifest(args: SchemaRegistryArgs) -> Manifest:
    """Every pod in the cluster may reach the registry's API, and Prometheus its metrics."""
    return {"metadata": metadata(REGISTRY, known(args.namespace)), "spec": policies.ingress(PODS)}


def registry_url(namespace: str) -> str:
    """The URL of the registry's API, which is compatible with Confluent's Schema Registry."""
    return f"https://{REGISTRY}.{namespace}.svc:{HTTPS_PORT}/apis/ccompat/v7"


class SchemaRegistry(pulumi.ComponentResource):
    """Apicurio Registry: the schemas of all topics, over HTTPS, kept in Kafka."""

    url: pulumi.Output[str]
    """The URL of the API, compatible with Confluent's Schema Registry; known when the registry is ready."""

    def __init__(self, name: str, args: SchemaRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SchemaRegistryArgs, args)
        super().__init__("kafkalogs:index:SchemaRegistry", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        needed: list[pulumi.Resource] = [
            topic_resource(f"{name}-{topic}", manifest_of(partial(_topic_manifest, topic), args), child)
            for topic in TOPICS
        ]
        identity = ServiceIdentityArgs(
            args.namespace,
            args.cluster,
            REGISTRY,
            writes=list(TOPICS),
            reads=list(TOPICS),
            group_prefix=GROUP_PREFIX,
            producer_byte_rate=args.producer_byte_rate,
        )
        needed.append(ServiceIdentity(f"{name}-user", identity, child))
        config = manifest_of(registry_config_manifest, args)
        needed.append(
            ConfigMap(f"{name}-config", metadata=part(config, "metadata"), data=part(config, "data"), opts=child)
        )
        policy = manifest_of(registry_policy_manifest, args)
        needed.append(
            NetworkPolicy(f"{name}-ingress", metadata=part(policy, "metadata"), spec=part(policy, "spec"), opts=child)
        )
        manifest = manifest_of(registry_manifest, args)
        deployment = Deployment(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # On destroy Pulumi deletes the Deployment before its topics and its identity.
            opts=after(self, needed, minutes=10),
        )
        manifest = manifest_of(registry_service_manifest, args)
        service = Service(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[deployment]),
        )
        self.url = pulumi.Output.all(namespace=args.namespace, ready=service.id).apply(
            lambda known: registry_url(known["namespace"])
        )
        self.register_outputs({"url": self.url})
