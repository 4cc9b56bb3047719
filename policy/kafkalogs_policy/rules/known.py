"""known-types: a stack has only resources that these rules know, and others that its settings name."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from ..kinds import WORKLOADS, kind
from ..model import Context, Rule, Violation
from ..values import View
from .access import ATTACHMENTS, DOCUMENTS

_KUBERNETES: Final = WORKLOADS | {
    *("ConfigMap", "Secret", "Namespace", "Service", "ServiceAccount", "Ingress", "NetworkPolicy"),
    *("PersistentVolumeClaim", "StorageClass", "PodDisruptionBudget", "PriorityClass", "HorizontalPodAutoscaler"),
    *("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "CustomResourceDefinition", "Release", "Chart"),
    *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),  # they can only refuse
    *("ConfigFile", "ConfigGroup"),  # components: each of their resources is judged
    *("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "KafkaConnect", "KafkaConnector", "KafkaBridge"),
    *("KafkaMirrorMaker2", "KafkaRebalance", "FlinkDeployment", "FlinkSessionJob"),
    *("PodMonitor", "ServiceMonitor", "PrometheusRule", "ExternalSecret", "SecretStore"),
}
_OTHERS: Final = (
    "kafkalogs:index:*",
    "pulumi:pulumi:Stack",
    "pulumi:pulumi:StackReference",
    *(f"pulumi:providers:{name}" for name in ("kubernetes", "aws", "kafkalogs", "pulumi")),
    *DOCUMENTS,
    *ATTACHMENTS,
    *(f"aws:s3/bucket{name}:*" for name in ("", "V2", "Policy", "Versioning*", "Logging*", "LifecycleConfiguration*")),
    *(f"aws:s3/bucket{name}:*" for name in ("ServerSideEncryptionConfiguration*", "ObjectLockConfiguration*")),
    *("aws:s3/bucketOwnershipControls:*", "aws:s3/bucketPublicAccessBlock:*"),
    *("aws:kms/alias:Alias", "aws:glue/catalogDatabase:CatalogDatabase", "aws:cloudwatch/logGroup:LogGroup"),
    *("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "aws:ebs/volume:Volume", "aws:rds/*"),
    *("aws:sqs/queue:Queue", "aws:sns/topic:Topic"),
)


def _unknown(type_: str) -> bool:
    if type_.startswith("kubernetes:"):
        return kind(type_) not in _KUBERNETES
    return not any(fnmatchcase(type_, known) for known in _OTHERS)


_NEVER: Final = ("command:*", "pulumi-*:dynamic*", "kubernetes:core.strimzi.io/*", "kubernetes:*:StrimziPodSet*")
"""What no setting can name: programs that the update runs, and what only Strimzi's operator may write."""


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    if any(fnmatchcase(type_, never) for never in _NEVER):
        yield Violation("", f"{type_}: it does what no rule sees", "declare the resources that it would make")
    elif not any(fnmatchcase(type_, named) for named in context.demands.types):
        told = f"no rule knows resources of the type {type_}"
        yield Violation("", told, "name the type in kafkalogs-policy:settings.types once somebody has judged it")


RULE: Final = Rule(
    name="known-types",
    title="Every resource is of a type that the rules know or the settings name",
    applies=_unknown,
    examine=_examine,
)
