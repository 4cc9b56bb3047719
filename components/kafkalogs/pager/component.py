"""`Pager`: critical errors become incidents in PagerDuty.

It reads `errors.critical`. What it cannot read, and what PagerDuty rejects, is in `dlq.pager`; which incidents are open
it keeps in `pager.state`.
"""

from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from ..config import naming, units
from ..kafka.identity import ServiceIdentity, ServiceIdentityArgs
from ..kafka.topic import LogTopic, LogTopicArgs
from ..kube.resources import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    STRIMZI_API,
    Manifest,
    custom_resource,
    manifest_from_values,
    metadata,
    part,
    typed,
)

PAGER: Final = "pager"
"""The name of the Deployment and of the KafkaUser; what its consumer groups begin with."""

DEAD_LETTERS: Final = "dlq.pager"
STATE: Final = "pager.state"
ENDPOINT: Final = "https://events.pagerduty.com/v2/enqueue"
"""PagerDuty's Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview)."""

HEALTH_PORT: Final = 8080
METRICS_PORT: Final = 9404

DEAD_LETTER_BYTES: Final = units.MIB + 64 * units.KIB
"""A dead letter is a record of up to 1 MiB, and why it is there."""

_FOLDER: Final = "/etc/pager"
# The group that may read the mounted keys.
_GROUP: Final = 1001


@dataclass(frozen=True)
class PagerArgs:
    """What a `Pager` is made of."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The pager's image."""

    routing_key_secret: pulumi.Input[str]
    """The Secret with PagerDuty's routing key (the integration key of a service, 32 letters and digits). It is read
    for every event, so that a new key needs no restart."""

    routing_key_field: pulumi.Input[str] = "routing-key"
    """Under which key that Secret has it."""

    endpoint: pulumi.Input[str] = ENDPOINT
    """Where events are sent; accounts in the EU have an address of their own."""

    endpoint_ca_secret: pulumi.Input[str] | None = None
    """A Secret whose `ca.crt` signed the endpoint's certificate; the public authorities are trusted when absent."""

    topic: pulumi.Input[str] = "errors.critical"
    """What it reads."""

    quiet_seconds: pulumi.Input[int] = 600
    """Seconds without a record after which an incident is resolved."""

    update_seconds: pulumi.Input[int] = 300
    """Least seconds between two events about an open incident."""

    dead_letter_retention_ms: pulumi.Input[int] = 14 * units.DAY
    """How long dead letters are kept; milliseconds."""

    replication_factor: pulumi.Input[int] = 3
    """Copies of every record of its own topics."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record before a write is answered."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """What it may write to each broker at most; bytes per second; not limited when absent."""


def state_topic_manifest(namespace: str, cluster: str, replication_factor: int, min_in_sync_replicas: int) -> Manifest:
    """The KafkaTopic of the open incidents: the last state of each, until it is resolved."""
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaTopic",
        "metadata": metadata(STATE, namespace, cluster, wait=True, at_once=True),
        "spec": {
            "partitions": 1,
            "replicas": replication_factor,
            "config": {
                "cleanup.policy": "compact",
                # It is read whole at each start, so it is kept small: compacted soon, in small segments.
                "segment.bytes": 16 * units.MIB,
                "segment.ms": units.HOUR,
                "min.cleanable.dirty.ratio": "0.1",
                "delete.retention.ms": units.DAY,
                "min.insync.replicas": min_in_sync_replicas,
            },
        },
    }


def pager_manifest(
    namespace: str,
    cluster: str,
    image: str,
    routing_key_secret: str,
    routing_key_field: str,
    endpoint: str,
    endpoint_ca_secret: str | None,
    topic: str,
    quiet_seconds: int,
    update_seconds: int,
) -> Manifest:
    """The Deployment of the pager."""
    env = {
        "PAGER_BOOTSTRAP": naming.bootstrap(cluster, namespace),
        "PAGER_TOPIC": topic,
        "PAGER_GROUP": f"{PAGER}.incidents",
        "PAGER_DEAD_LETTERS": DEAD_LETTERS,
        "PAGER_STATE": STATE,
        "PAGER_CERTS": f"{_FOLDER}/user",
        "PAGER_CA": f"{_FOLDER}/ca/ca.crt",
        "PAGER_ENDPOINT": endpoint,
        "PAGER_ROUTING_KEY": f"{_FOLDER}/pagerduty/routing-key",
        "PAGER_QUIET": str(quiet_seconds),
        "PAGER_UPDATE": str(update_seconds),
        "PAGER_HEALTH_PORT": str(HEALTH_PORT),
        "PAGER_METRICS_PORT": str(METRICS_PORT),
    }
    volumes = [
        _secret("user", PAGER, {"user.crt": "user.crt", "user.key": "user.key"}),
        _secret("ca", f"{cluster}-cluster-ca-cert", {"ca.crt": "ca.crt"}),
        _secret("pagerduty", routing_key_secret, {routing_key_field: "routing-key"}),
    ]
    if endpoint_ca_secret:
        volumes.append(_secret("endpoint-ca", endpoint_ca_secret, {"ca.crt": "ca.crt"}))
        env["PAGER_ENDPOINT_CA"] = f"{_FOLDER}/endpoint-ca/ca.crt"
    container: dict[str, Any] = {
        "name": PAGER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            *({"name": name, "value": value} for name, value in env.items()),
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [
            {"name": "health", "containerPort": HEALTH_PORT},
            {"name": "metrics", "containerPort": METRICS_PORT},
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 5},
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "health"},
            "initialDelaySeconds": 30,
            "periodSeconds": 20,
            "timeoutSeconds": 5,
        },
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": volume["name"], "mountPath": f"{_FOLDER}/{volume['name']}", "readOnly": True} for volume in volumes
        ],
    }
    return {
        "metadata": metadata(PAGER, namespace),
        "spec": {
            "replicas": 1,
            # Its state has one writer.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _labels()},
            "template": {
                "metadata": {"labels": {**_labels(), "kafkalogs.io/metrics": "true"}},
                "spec": {
                    "automountServiceAccountToken": False,
                    # Above what it may wait for: PagerDuty's answer, then acknowledgements.
                    "terminationGracePeriodSeconds": 60,
                    "securityContext": {**RESTRICTED_POD, "runAsUser": _GROUP, "fsGroup": _GROUP},
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
    }


def pager_policy_manifest(namespace: str) -> Manifest:
    """Who reaches the pager: the platform's Prometheus, its metrics."""
    prometheus = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    return {
        "metadata": metadata(PAGER, namespace),
        "spec": {
            "podSelector": {"matchLabels": _labels()},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": METRICS_PORT}], "from": [prometheus]}],
        },
    }


def _labels() -> Manifest:
    return {"app.kubernetes.io/name": PAGER, "app.kubernetes.io/part-of": "kafkalogs"}


def _secret(volume: str, secret: str, files: dict[str, str]) -> Manifest:
    """A volume with only those keys of a Secret that are read; `files`: key to file name."""
    items = [{"key": key, "path": path} for key, path in files.items()]
    return {"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440, "items": items}}


class Pager(pulumi.ComponentResource):
    """Critical errors become incidents in PagerDuty: deduplicated, rate-limited, retried and resolved."""

    user: pulumi.Output[str]
    """The KafkaUser that it is; who uses it waits until the pager is ready."""

    dead_letters: pulumi.Output[str]
    """The topic of what could not be paged."""

    def __init__(self, name: str, args: PagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(PagerArgs, args)
        super().__init__("kafkalogs:index:Pager", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        here: dict[str, Any] = {"namespace": args.namespace, "cluster": args.cluster}
        read: Any = [args.topic, STATE]  # known or not
        dead_letters = LogTopic(
            f"{name}-dead-letters",
            LogTopicArgs(
                **here,
                topic=DEAD_LETTERS,
                partitions=1,
                replicas=args.replication_factor,
                min_in_sync_replicas=args.min_in_sync_replicas,
                retention_ms=args.dead_letter_retention_ms,
                max_message_bytes=DEAD_LETTER_BYTES,
            ),
            child,
        )
        manifest = manifest_from_values(
            state_topic_manifest,
            **here,
            replication_factor=args.replication_factor,
            min_in_sync_replicas=args.min_in_sync_replicas,
        )
        state = custom_resource(f"{name}-state", "KafkaTopic", manifest, minutes=5, opts=child)
        identity = ServiceIdentity(
            f"{name}-user",
            ServiceIdentityArgs(
                **here,
                user=PAGER,
                writes=[DEAD_LETTERS, STATE],
                reads=read,
                group_prefix=f"{PAGER}.",
                producer_byte_rate=args.producer_byte_rate,
            ),
            child,
        )
        policy = manifest_from_values(pager_policy_manifest, namespace=args.namespace)
        NetworkPolicy(f"{name}-ingress", metadata=part(policy, "metadata"), spec=part(policy, "spec"), opts=child)
        manifest = manifest_from_values(
            pager_manifest,
            **here,
            image=args.image,
            routing_key_secret=args.routing_key_secret,
            routing_key_field=args.routing_key_field,
            endpoint=args.endpoint,
            endpoint_ca_secret=args.endpoint_ca_secret,
            topic=args.topic,
            quiet_seconds=args.quiet_seconds,
            update_seconds=args.update_seconds,
        )
        deployment = Deployment(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # On destroy it goes before its topics and its identity.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[dead_letters, state, identity],
                custom_timeouts=pulumi.CustomTimeouts(create="5m", update="5m", delete="2m"),
            ),
        )
        self.user = pulumi.Output.all(identity.user, deployment.id).apply(lambda known: str(known[0]))
        self.dead_letters = dead_letters.topic
        self.register_outputs({"user": self.user, "deadLetters": self.dead_letters})
