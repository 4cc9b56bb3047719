"""`Pager`: critical errors become incidents in PagerDuty.

The pager reads `errors.critical` and keeps the open incidents in `pager.state`. Records that it cannot read, and events
that PagerDuty rejects, go to `dlq.pager`.
"""

from dataclasses import dataclass
from typing import Final, cast

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from ..catalog.part import DEAD_LETTER_RETENTION
from ..config import naming
from ..config.parts import ROUTING_KEY_FIELD
from ..kafka.identity import ServiceIdentity, ServiceIdentityArgs
from ..kafka.topic import LogTopic, LogTopicArgs, topic_manifest, topic_resource
from ..kube import policies
from ..kube.pods import container, environment, labels, mounts, pod, resources, secret_volume
from ..kube.resources import METRICS_LABEL, Manifest, after, known, manifest_of, metadata, part, typed
from . import record

ENDPOINT: Final = "https://events.pagerduty.com/v2/enqueue"
"""PagerDuty's Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview)."""

_FOLDER: Final = "/etc/pager"


@dataclass(frozen=True)
class PagerArgs:
    """The arguments of a `Pager`."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The pager's image."""

    routing_key_secret: pulumi.Input[str]
    """The Secret with PagerDuty's routing key (the integration key of a service, 32 letters and digits). The
    pager reads it for every event, so a new key needs no restart."""

    routing_key_field: pulumi.Input[str] = ROUTING_KEY_FIELD
    """The entry of that Secret with the routing key."""

    endpoint: pulumi.Input[str] = ENDPOINT
    """The URL that receives the events; accounts in the EU have another one."""

    endpoint_ca_secret: pulumi.Input[str] | None = None
    """The Secret whose `ca.crt` signed the endpoint's certificate; when absent, the public authorities."""

    topic: pulumi.Input[str] = record.TOPIC
    """The topic that the pager reads."""

    quiet_seconds: pulumi.Input[int] = 600
    """Seconds without a record after which an incident is resolved."""

    update_seconds: pulumi.Input[int] = 300
    """The minimum of seconds between two events about an open incident."""

    dead_letter_retention_ms: pulumi.Input[int] = DEAD_LETTER_RETENTION
    """How long dead letters are kept; milliseconds."""

    replication_factor: pulumi.Input[int] = 3
    """Copies of each record in the topics that the component makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """The most that the pager may write to each broker; bytes per second; not limited when absent."""


def state_manifest(args: PagerArgs) -> Manifest:
    """The KafkaTopic of the open incidents."""
    topic = record.state(known(args.replication_factor), known(args.min_in_sync_replicas))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def pager_manifest(args: PagerArgs) -> Manifest:
    """The Deployment of the pager."""
    namespace, cluster = known(args.namespace), known(args.cluster)
    env = {
        "PAGER_BOOTSTRAP": naming.bootstrap(cluster, namespace),
        "PAGER_TOPIC": known(args.topic),
        "PAGER_GROUP": record.GROUP,
        "PAGER_DEAD_LETTERS": record.DEAD_LETTERS,
        "PAGER_STATE": record.STATE,
        "PAGER_CERTS": f"{_FOLDER}/user",
        "PAGER_CA": f"{_FOLDER}/ca/ca.crt",
        "PAGER_ENDPOINT": known(args.endpoint),
        "PAGER_ROUTING_KEY": f"{_FOLDER}/pagerduty/routing-key",
        "PAGER_QUIET": str(args.quiet_seconds),
        "PAGER_UPDATE": str(args.update_seconds),
        "PAGER_HEALTH_PORT": str(record.HEALTH_PORT),
        "PAGER_METRICS_PORT": str(record.METRICS_PORT),
    }
    volumes = [
        secret_volume("user", record.NAME, "user.crt", "user.key"),
        secret_volume("ca", naming.cluster_ca_secret(cluster), "ca.crt"),
        secret_volume(
            "pagerduty", known(args.routing_key_secret), files={known(args.routing_key_field): "routing-key"}
        ),
    ]
    if args.endpoint_ca_secret:
        volumes.append(secret_volume("endpoint-ca", known(args.endpoint_ca_secret) or "", "ca.crt"))
        env["PAGER_ENDPOINT_CA"] = f"{_FOLDER}/endpoint-ca/ca.crt"
    runs = container(record.NAME, known(args.image)) | {
        "env": [
            *environment(env),
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [
            {"name": "health", "containerPort": record.HEALTH_PORT},
            {"name": "metrics", "containerPort": record.METRICS_PORT},
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 5},
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "health"},
            "initialDelaySeconds": 30,
            "periodSeconds": 20,
            "timeoutSeconds": 5,
        },
        "resources": resources("20m", "64Mi", "500m", "256Mi"),
        "volumeMounts": mounts(_FOLDER, (volume["name"] for volume in volumes)),
    }
    # Longer than the pager may wait for PagerDuty's answer and then for Kafka's acknowledgements.
    spec = {**pod([runs], volumes), "terminationGracePeriodSeconds": 60}
    template = {"metadata": {"labels": {**labels(record.NAME), METRICS_LABEL: "true"}}, "spec": spec}
    return {
        "metadata": metadata(record.NAME, namespace),
        "spec": {
            "replicas": 1,
            # Only one pod may write the state.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels(record.NAME)},
            "template": template,
        },
    }


def pager_policy_manifest(args: PagerArgs) -> Manifest:
    """The NetworkPolicy: only the platform's Prometheus may connect to the pager, for its metrics."""
    return {"metadata": metadata(record.NAME, known(args.namespace)), "spec": policies.ingress(record.PODS)}


class Pager(pulumi.ComponentResource):
    """Critical errors become incidents in PagerDuty: deduplicated, rate-limited, retried and resolved."""

    user: pulumi.Output[str]
    """The KafkaUser of the pager, known when the pager is ready."""

    dead_letters: pulumi.Output[str]
    """The topic of records that did not become incidents."""

    def __init__(self, name: str, args: PagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(PagerArgs, args)
        super().__init__("kafkalogs:index:Pager", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        dead_letters = LogTopic(
            f"{name}-dead-letters",
            LogTopicArgs(
                args.namespace,
                args.cluster,
                record.DEAD_LETTERS,
                1,
                args.replication_factor,
                args.min_in_sync_replicas,
                args.dead_letter_retention_ms,
                record.DEAD_LETTER_BYTES,
                kind="dead-letters",
                retention_class="dead-letters",
            ),
            child,
        )
        state = topic_resource(f"{name}-state", manifest_of(state_manifest, args), child)
        reads = cast("list[str]", [args.topic, record.STATE])  # known or not
        identity = ServiceIdentity(
            f"{name}-user",
            ServiceIdentityArgs(
                args.namespace,
                args.cluster,
                record.NAME,
                writes=[record.DEAD_LETTERS, record.STATE],
                reads=reads,
                group_prefix=record.GROUP_PREFIX,
                producer_byte_rate=args.producer_byte_rate,
            ),
            child,
        )
        policy = manifest_of(pager_policy_manifest, args)
        NetworkPolicy(f"{name}-ingress", metadata=part(policy, "metadata"), spec=part(policy, "spec"), opts=child)
        manifest = manifest_of(pager_manifest, args)
        deployment = Deployment(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # On destroy Pulumi deletes the Deployment before its topics and its identity.
            opts=after(self, [dead_letters, state, identity], minutes=5),
        )
        self.user = pulumi.Output.all(identity.user, deployment.id).apply(lambda known: str(known[0]))
        self.dead_letters = dead_letters.topic
        self.register_outputs({"user": self.user, "deadLetters": self.dead_letters})
