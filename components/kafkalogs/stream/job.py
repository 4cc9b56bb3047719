"""`FlinkJob`: what is worked out from all logs while they are written.

Errors go to `logs.error`, critical ones to `errors.critical`; beside them error rates with an anomaly flag, latency
percentiles, traces that fail in several services, and a sample with less debug logs. What is no log event goes to
`dlq.stream`. The job is SQL: the templates in `jobs/`.

Outputs are exactly once for consumers that read committed records only (`isolation.level=read_committed`).
"""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from ..catalog.part import DEAD_LETTER_RETENTION
from ..kafka.identity import user_manifest, user_resource
from ..kafka.topic import LogTopic, LogTopicArgs, topic_manifest, topic_resource
from ..kube.resources import Manifest, known, manifest_from_values, manifest_of, metadata, part, typed, untyped
from ..kube.unknowns import name_of
from . import record
from .manifests import (
    FLINK_API,
    flink_manifest,
    policy_manifest,
    role_rules,
    script_manifest,
)
from .record import DEAD_LETTER_BYTES, OUTPUTS, STREAM
from .services import catalog_manifests


@dataclass(frozen=True)
class FlinkJobArgs:
    """What a `FlinkJob` is made of. There is one in a namespace."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """Flink with the Kafka connector, the runner of SQL scripts and the S3 plugin."""

    catalog_image: pulumi.Input[str]
    """What writes the service catalog into its topic."""

    template: str
    """The script's templates, one after the other: jobs/macros.sql, jobs/tables.sql, jobs/logs.sql."""

    services: pulumi.Input[dict[str, dict[str, Any]]]
    """What `catalog.services` says of each service: its team and tier. It changes without a restart of the job."""

    state: pulumi.Input[str] = "s3://stream-state"
    """Where checkpoints, savepoints and the recovery data are; a URI of a file system that Flink knows."""

    s3_endpoint: pulumi.Input[str] | None = None
    """The S3 server's URL; Amazon's when absent."""

    s3_credentials_secret: pulumi.Input[str] | None = None
    """The Secret with `username`, the access key, and `password`, the secret key; the pod's identity when absent."""

    s3_ca_secret: pulumi.Input[str] | None = None
    """A Secret whose `ca.crt` signed the S3 server's certificate; the public authorities are trusted when absent."""

    parallelism: pulumi.Input[int] = 1
    """How many of each operator work side by side, all in one TaskManager."""

    checkpoint_seconds: pulumi.Input[int] = 5
    """Seconds between checkpoints: the longest that an error waits before consumers see it."""

    watermark_delay_seconds: pulumi.Input[int] = 10
    """How long after its time an event may come and still be counted in its minute; later ones are counted apart."""

    discovery_seconds: pulumi.Input[int] = 10
    """How often the job looks for new topics, partitions and catalogs; seconds."""

    debug_share: pulumi.Input[float] = 0.1
    """The share of traces whose debug logs are in `logs.sampled`; 0 to 1."""

    upgrade_mode: pulumi.Input[str] = "savepoint"
    """How a change of the job goes on from the last one: `savepoint`, `last-state` or `stateless`."""

    partitions: pulumi.Input[int] = record.PARTITIONS
    """Partitions of each topic that it writes."""

    retention_ms: pulumi.Input[int] = record.RETENTION
    """How long the topics that it writes keep their records; milliseconds."""

    dead_letter_retention_ms: pulumi.Input[int] = DEAD_LETTER_RETENTION
    """How long dead letters are kept; milliseconds."""

    replication_factor: pulumi.Input[int] = 3
    """Copies of every record that it writes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record before a write is answered."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """What it may write to each broker at most; bytes per second; not limited when absent."""

    job_manager_memory: pulumi.Input[str] = "832m"
    """Of the JobManager's pod; it compiles the script. As Flink writes it."""

    task_manager_memory: pulumi.Input[str] = "1024m"
    """Of the TaskManager's pod, as Flink writes it."""

    aws_region: pulumi.Input[str] | None = None
    """The region of Amazon's S3, where the pods have an identity of AWS; absent elsewhere."""

    account_annotations: pulumi.Input[dict[str, str]] | None = None
    """Annotations of the job's service account, by which a cloud gives it an identity."""


def user_manifest_of_job(args: FlinkJobArgs) -> Manifest:
    """The KafkaUser of the job."""
    user = record.stream_user(known(args.producer_byte_rate))
    return user_manifest(known(args.namespace), known(args.cluster), user)


def catalog_topic_of_job(args: FlinkJobArgs) -> Manifest:
    """The KafkaTopic of the service catalog."""
    topic = record.service_catalog(known(args.replication_factor), known(args.min_in_sync_replicas))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


class FlinkJob(pulumi.ComponentResource):
    """The stream job on Flink, with its identity and the topics that it writes."""

    deployment: pulumi.Output[str]
    """The name of the FlinkDeployment, known when the job runs."""

    topics: pulumi.Output[dict[str, str]]
    """The topics that it writes: error, critical, sampled, rate, latency, correlations, dead_letters, catalog."""

    def __init__(self, name: str, args: FlinkJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(FlinkJobArgs, args)
        super().__init__("kafkalogs:index:FlinkJob", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        here: dict[str, Any] = {"namespace": args.namespace, "cluster": args.cluster}
        before: list[pulumi.Resource] = self._topics(name, args, here)
        before.append(user_resource(f"{name}-user", manifest_of(user_manifest_of_job, args), child))

        script = manifest_from_values(
            script_manifest,
            **here,
            template=args.template,
            watermark_delay=args.watermark_delay_seconds,
            discovery_interval=args.discovery_seconds,
            debug_share=args.debug_share,
        )
        before.append(
            ConfigMap(f"{name}-script", metadata=part(script, "metadata"), data=part(script, "data"), opts=child)
        )
        self._catalog(name, args, here, before)

        plain = metadata(STREAM, args.namespace)
        about = untyped(plain)
        account = untyped({**plain, **({"annotations": args.account_annotations} if args.account_annotations else {})})
        before += [
            ServiceAccount(name, metadata=account, opts=child),
            Role(name, metadata=about, rules=untyped(role_rules()), opts=child),
            RoleBinding(
                name,
                metadata=about,
                role_ref=untyped({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": STREAM}),
                subjects=untyped([{"kind": "ServiceAccount", "name": STREAM, "namespace": args.namespace}]),
                opts=child,
            ),
        ]
        policy = manifest_from_values(policy_manifest, namespace=args.namespace)
        before.append(
            NetworkPolicy(f"{name}-ingress", metadata=part(policy, "metadata"), spec=part(policy, "spec"), opts=child)
        )
        manifest = manifest_from_values(
            flink_manifest,
            **here,
            image=args.image,
            script=name_of(script),
            state=args.state,
            s3_endpoint=args.s3_endpoint,
            s3_credentials_secret=args.s3_credentials_secret,
            s3_ca_secret=args.s3_ca_secret,
            parallelism=args.parallelism,
            checkpoint_seconds=args.checkpoint_seconds,
            upgrade_mode=args.upgrade_mode,
            job_manager_memory=args.job_manager_memory,
            task_manager_memory=args.task_manager_memory,
            aws_region=args.aws_region,
        )
        job = CustomResource(
            name,
            api_version=FLINK_API,
            kind="FlinkDeployment",
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # On destroy it goes before its topics and its identity.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=before,
                custom_timeouts=pulumi.CustomTimeouts(create="8m", update="8m", delete="2m"),
            ),
        )
        self.deployment = job.urn.apply(lambda _: STREAM)
        self.topics = pulumi.Output.from_input(dict(OUTPUTS))
        self.register_outputs({"deployment": self.deployment, "topics": self.topics})

    def _catalog(self, name: str, args: FlinkJobArgs, here: dict[str, Any], before: list[pulumi.Resource]) -> None:
        """The Job that writes the catalog into its topic. The stream job need not wait for it."""
        manifests = manifest_from_values(
            catalog_manifests, **here, image=args.catalog_image, user=STREAM, services=args.services
        )
        config: Any = part(manifests, "ConfigMap")
        job: Any = part(manifests, "Job")
        # The old ones go first: with their names they would be in the way when a change is taken back.
        lines = ConfigMap(
            f"{name}-catalog",
            metadata=part(config, "metadata"),
            data=part(config, "data"),
            immutable=True,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        Job(
            f"{name}-catalog",
            metadata=part(job, "metadata"),
            spec=part(job, "spec"),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[lines, *before],
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create="10m", update="10m", delete="2m"),
            ),
        )

    def _topics(self, name: str, args: FlinkJobArgs, here: dict[str, Any]) -> list[pulumi.Resource]:
        child = pulumi.ResourceOptions(parent=self)
        made: list[pulumi.Resource] = []
        for key, topic in OUTPUTS.items():
            if key == "catalog":
                continue
            dead = key == "dead_letters"
            settings = LogTopicArgs(
                args.namespace,
                args.cluster,
                topic,
                1 if dead else args.partitions,
                args.replication_factor,
                args.min_in_sync_replicas,
                args.dead_letter_retention_ms if dead else args.retention_ms,
                DEAD_LETTER_BYTES if dead else None,
                kind="dead-letters" if dead else "derived",
                retention_class="dead-letters" if dead else record.retention_class(key),
            )
            made.append(LogTopic(f"{name}-{topic}", settings, child))
        made.append(topic_resource(f"{name}-{OUTPUTS['catalog']}", manifest_of(catalog_topic_of_job, args), child))
        return made
