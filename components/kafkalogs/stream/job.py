"""`FlinkJob`: the stream job, which processes all logs as services write them.

Errors go to `logs.error`, critical ones to `errors.critical`; beside them error rates with an anomaly flag, latency
percentiles, traces that fail in several services, and a sample with less debug logs. A record that is no
log event goes to `dlq.stream`. The job is SQL: the templates in `jobs/`.

Outputs are exactly once for consumers that read committed records only (`isolation.level=read_committed`).
"""

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from ..kafka.identity import user_manifest, user_resource
from ..kafka.topic import LogTopic, LogTopicArgs, topic_manifest, topic_resource
from ..kube.resources import Manifest, after, known, manifest_of, metadata, part, typed, untyped
from ..kube.run_once import run_once
from . import record
from .args import FlinkJobArgs
from .manifests import FLINK_API, flink_manifest, policy_manifest, script_manifest
from .record import DEAD_LETTER_BYTES, OUTPUTS, STREAM
from .rights import guard_binding_manifest, guard_manifest, role_rules
from .services import catalog_manifests


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
        before: list[pulumi.Resource] = self._topics(name, args)
        before.append(user_resource(f"{name}-user", manifest_of(user_manifest_of_job, args), child))
        script = manifest_of(script_manifest, args)
        before.append(
            ConfigMap(f"{name}-script", metadata=part(script, "metadata"), data=part(script, "data"), opts=child)
        )
        # The stream job need not wait for the catalog in its topic.
        run_once(f"{name}-catalog", manifest_of(catalog_manifests, args), self, before)
        before += self._rights(name, args)
        policy = manifest_of(policy_manifest, args)
        before.append(
            NetworkPolicy(f"{name}-ingress", metadata=part(policy, "metadata"), spec=part(policy, "spec"), opts=child)
        )
        manifest = manifest_of(flink_manifest, args)
        job = CustomResource(
            name,
            api_version=FLINK_API,
            kind="FlinkDeployment",
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # On destroy it goes before its topics and its identity.
            opts=after(self, before, minutes=8),
        )
        self.deployment = job.urn.apply(lambda _: STREAM)
        self.topics = pulumi.Output.from_input(dict(OUTPUTS))
        self.register_outputs({"deployment": self.deployment, "topics": self.topics})

    def _rights(self, name: str, args: FlinkJobArgs) -> list[pulumi.Resource]:
        """The job's service account, what it may do, and the admission policy that limits this to its own names."""
        child = pulumi.ResourceOptions(parent=self)
        guard, binding = manifest_of(guard_manifest, args), manifest_of(guard_binding_manifest, args)
        # The account may write nothing before the policy is in force, and nothing longer than it is.
        guarded = [
            ValidatingAdmissionPolicy(
                f"{name}-guard", metadata=part(guard, "metadata"), spec=part(guard, "spec"), opts=child
            ),
            ValidatingAdmissionPolicyBinding(
                f"{name}-guard", metadata=part(binding, "metadata"), spec=part(binding, "spec"), opts=child
            ),
        ]
        plain = metadata(STREAM, args.namespace)
        about = untyped(plain)
        account = untyped({**plain, **({"annotations": args.account_annotations} if args.account_annotations else {})})
        return [
            *guarded,
            ServiceAccount(name, metadata=account, opts=child),
            Role(name, metadata=about, rules=untyped(role_rules()), opts=child),
            RoleBinding(
                name,
                metadata=about,
                role_ref=untyped({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": STREAM}),
                subjects=untyped([{"kind": "ServiceAccount", "name": STREAM, "namespace": args.namespace}]),
                opts=pulumi.ResourceOptions(parent=self, depends_on=guarded),
            ),
        ]

    def _topics(self, name: str, args: FlinkJobArgs) -> list[pulumi.Resource]:
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
