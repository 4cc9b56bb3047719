"""`SchemaRegistry`: Apicurio Registry, which keeps its data in the platform's own Kafka.

Everybody may read; who writes needs a password.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Service
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from ..config import naming
from ..kafka.identity import ServiceIdentity, ServiceIdentityArgs
from ..kafka.topic import topic_manifest, topic_resource
from ..kube.pods import digest
from ..kube.resources import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    Manifest,
    known,
    manifest_from_values,
    manifest_of,
    metadata,
    part,
    typed,
)
from .record import GROUP_PREFIX, HTTPS_PORT, METRICS_PORT, REGISTRY, TOPICS, WRITER, registry_topic

_JAVA_OPTIONS: Final = (
    # It is asked little, and is ready sooner without the compiler for hot code.
    "-Xms128m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError"
)

_CONFIG: Final = "/etc/registry"
_KAFKA_CA: Final = "/etc/kafka/ca"
_KAFKA_USER: Final = "/etc/kafka/user"
_TLS: Final = "/etc/tls"
# The group that may read the mounted keys.
_GROUP: Final = 1001


@dataclass(frozen=True)
class SchemaRegistryArgs:
    """What a `SchemaRegistry` is made of.

    It needs the Secrets `registry-tls` (tls.crt, tls.key) and `registry-writer-credentials` (password).
    """

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The image of Apicurio Registry 3."""

    replicas: pulumi.Input[int] = 1
    """How many; each has all data in memory and reads the changes of the others from Kafka."""

    replication_factor: pulumi.Input[int] = 3
    """Copies of every record of its topics."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record before `acks=all` is answered."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """What it may write to each broker at most; bytes per second; not limited when absent."""


def _topic_manifest(name: str, args: SchemaRegistryArgs) -> Manifest:
    """The KafkaTopic of one of the registry's topics."""
    topic = registry_topic(name, known(args.replication_factor), known(args.min_in_sync_replicas))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def registry_properties(namespace: str, cluster: str) -> dict[str, str]:
    """The registry's settings; ${...} is its environment, where the passwords are."""
    return {
        # Above the settings that the registry's own jar holds.
        "config_ordinal": "275",
        # storage
        "apicurio.storage.kind": "kafkasql",
        "apicurio.kafkasql.bootstrap.servers": naming.bootstrap(cluster, namespace),
        "apicurio.kafkasql.topic.auto-create": "false",
        "apicurio.kafka.common.security.protocol": "SSL",
        # It is off by default in the registry.
        "apicurio.kafka.common.ssl.endpoint.identification.algorithm": "https",
        "apicurio.kafka.common.ssl.truststore.type": "PEM",
        "apicurio.kafka.common.ssl.truststore.location": f"{_KAFKA_CA}/ca.crt",
        "apicurio.kafka.common.ssl.keystore.type": "PKCS12",
        "apicurio.kafka.common.ssl.keystore.location": f"{_KAFKA_USER}/user.p12",
        "apicurio.kafka.common.ssl.keystore.password": "${KAFKA_USER_PASSWORD}",
        # HTTPS only; probes and metrics are on a port of their own
        "quarkus.http.insecure-requests": "disabled",
        "quarkus.http.ssl-port": str(HTTPS_PORT),
        "quarkus.http.ssl.certificate.files": f"{_TLS}/tls.crt",
        "quarkus.http.ssl.certificate.key-files": f"{_TLS}/tls.key",
        "quarkus.management.port": str(METRICS_PORT),
        # who may do what; without quarkus.http.auth.basic the registry asks nobody for a password
        "quarkus.oidc.tenant-enabled": "false",
        "quarkus.http.auth.basic": "true",
        "apicurio.auth.role-based-authorization": "true",
        "apicurio.auth.anonymous-read-access.enabled": "true",
        "quarkus.security.users.embedded.enabled": "true",
        "quarkus.security.users.embedded.plain-text": "true",
        f"quarkus.security.users.embedded.users.{WRITER}": "${REGISTRY_WRITER_PASSWORD}",
        f"quarkus.security.users.embedded.roles.{WRITER}": "sr-developer",
    }


def registry_config_manifest(namespace: str, cluster: str) -> Manifest:
    """The ConfigMap of the registry's settings."""
    lines = [f"{key}={value}\n" for key, value in registry_properties(namespace, cluster).items()]
    return {"metadata": metadata(REGISTRY, namespace), "data": {"application.properties": "".join(lines)}}


def _labels(name: str) -> Manifest:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "kafkalogs"}


def _secret_env(name: str, secret: str, key: str) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _secret_volume(name: str, secret: str, *keys: str) -> Manifest:
    """Only the keys that are read."""
    items = [{"key": key, "path": key} for key in keys]
    return {"name": name, "secret": {"secretName": secret, "defaultMode": 0o440, "items": items}}


def _mount(name: str, path: str) -> Manifest:
    return {"name": name, "mountPath": path, "readOnly": True}


def registry_manifest(namespace: str, cluster: str, image: str, replicas: int) -> Manifest:
    """The Deployment of the registry."""
    config = registry_config_manifest(namespace, cluster)["data"]["application.properties"]
    health: Manifest = {"periodSeconds": 10, "timeoutSeconds": 5}
    container: dict[str, Any] = {
        "name": "registry",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "SMALLRYE_CONFIG_LOCATIONS", "value": f"{_CONFIG}/application.properties"},
            # Little heap for little data; the JVM needs as much again beside it.
            {"name": "JDK_JAVA_OPTIONS", "value": _JAVA_OPTIONS},
            _secret_env("KAFKA_USER_PASSWORD", REGISTRY, "user.password"),
            _secret_env("REGISTRY_WRITER_PASSWORD", f"{WRITER}-credentials", "password"),
        ],
        "ports": [
            {"name": "https", "containerPort": HTTPS_PORT},
            {"name": "metrics", "containerPort": METRICS_PORT},
        ],
        # Loading its classes on a busy machine takes a while; the other probes begin after this one.
        "startupProbe": {
            "httpGet": {"path": "/health/started", "port": "metrics"},
            "periodSeconds": 2,
            "timeoutSeconds": 5,
            "failureThreshold": 90,
        },
        "readinessProbe": {"httpGet": {"path": "/health/ready", "port": "metrics"}, **health},
        "livenessProbe": {"httpGet": {"path": "/health/live", "port": "metrics"}, **health, "failureThreshold": 6},
        "resources": {"requests": {"cpu": "130m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "640Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            _mount("config", _CONFIG),
            _mount("kafka-ca", _KAFKA_CA),
            _mount("kafka-user", _KAFKA_USER),
            _mount("tls", _TLS),
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }
    return {
        "metadata": metadata(REGISTRY, namespace),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": _labels(REGISTRY)},
            "template": {
                "metadata": {
                    "labels": {**_labels(REGISTRY), "kafkalogs.io/metrics": "true"},
                    # Other settings restart it.
                    "annotations": {"kafkalogs.io/config": digest(config)},
                },
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {**RESTRICTED_POD, "runAsUser": _GROUP, "fsGroup": _GROUP},
                    "containers": [container],
                    "volumes": [
                        {"name": "config", "configMap": {"name": REGISTRY}},
                        _secret_volume("kafka-ca", f"{cluster}-cluster-ca-cert", "ca.crt"),
                        _secret_volume("kafka-user", REGISTRY, "user.p12"),
                        _secret_volume("tls", f"{REGISTRY}-tls", "tls.crt", "tls.key"),
                        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
                    ],
                },
            },
        },
    }


def registry_service_manifest(namespace: str) -> Manifest:
    """The Service of the registry."""
    ports = [{"name": "https", "port": HTTPS_PORT, "targetPort": "https"}]
    # Waited for, unlike others: the schemas are registered at once, when the nodes must know the way to it.
    return {"metadata": metadata(REGISTRY, namespace), "spec": {"selector": _labels(REGISTRY), "ports": ports}}


def registry_policy_manifest(namespace: str) -> Manifest:
    """Everybody in the cluster may reach the registry's API. Its metrics are the monitoring's to open."""
    return {
        "metadata": metadata(REGISTRY, namespace),
        "spec": {
            "podSelector": {"matchLabels": _labels(REGISTRY)},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": HTTPS_PORT}]}],
        },
    }


def registry_url(namespace: str) -> str:
    """Where the registry answers the API that Confluent's Schema Registry has."""
    return f"https://{REGISTRY}.{namespace}.svc:{HTTPS_PORT}/apis/ccompat/v7"


class SchemaRegistry(pulumi.ComponentResource):
    """Apicurio Registry: the schemas of all topics, over HTTPS, kept in Kafka."""

    url: pulumi.Output[str]
    """Where clients reach it, by the API of Confluent's Schema Registry; who uses it waits until it is ready."""

    def __init__(self, name: str, args: SchemaRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SchemaRegistryArgs, args)
        super().__init__("kafkalogs:index:SchemaRegistry", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        here: dict[str, Any] = {"namespace": args.namespace, "cluster": args.cluster}
        needed: list[pulumi.Resource] = [
            topic_resource(f"{name}-{topic}", manifest_of(partial(_topic_manifest, topic), args), child)
            for topic in TOPICS
        ]
        identity = ServiceIdentityArgs(
            **here,
            user=REGISTRY,
            writes=list(TOPICS),
            reads=list(TOPICS),
            group_prefix=GROUP_PREFIX,
            producer_byte_rate=args.producer_byte_rate,
        )
        needed.append(ServiceIdentity(f"{name}-user", identity, child))
        config = manifest_from_values(registry_config_manifest, **here)
        needed.append(
            ConfigMap(f"{name}-config", metadata=part(config, "metadata"), data=part(config, "data"), opts=child)
        )
        policy = manifest_from_values(registry_policy_manifest, namespace=args.namespace)
        needed.append(
            NetworkPolicy(f"{name}-ingress", metadata=part(policy, "metadata"), spec=part(policy, "spec"), opts=child)
        )
        manifest = manifest_from_values(registry_manifest, **here, image=args.image, replicas=args.replicas)
        deployment = Deployment(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # On destroy it goes before its topics and its identity.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=needed,
                custom_timeouts=pulumi.CustomTimeouts(create="10m", update="10m", delete="2m"),
            ),
        )
        manifest = manifest_from_values(registry_service_manifest, namespace=args.namespace)
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
