"""A stack of another program: Strimzi and AWS, as production wants them. All rules pass it."""

from __future__ import annotations

import json
from typing import Any

from kafkalogs_policy.model import Member

DAY = 86_400_000
DIGEST = "sha256:" + "ab" * 32
BUCKET_URN = "urn:pulumi:prod::other::aws:s3/bucket:Bucket::archive"

_RESTRICTED = {"runAsNonRoot": True, "allowPrivilegeEscalation": False}
_RESOURCES = {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
_ARN = "arn:aws:s3:::logs"


def strimzi(kind: str, name: str, spec: dict[str, Any], protect: bool = False, version: str = "v1") -> Member:
    about = {"name": name, "namespace": "logs", "labels": {"strimzi.io/cluster": "logs"}}
    properties = {"apiVersion": f"kafka.strimzi.io/{version}", "kind": kind, "metadata": about, "spec": spec}
    return Member(f"kubernetes:kafka.strimzi.io/{version}:{kind}", name, properties, protect, f"urn:{kind}:{name}")


def kubernetes(type_: str, name: str, properties: dict[str, Any], protect: bool = False) -> Member:
    about = {"metadata": {"name": name, "namespace": "logs"}}
    return Member(f"kubernetes:{type_}", name, {**about, **properties}, protect, f"urn:{type_}:{name}")


def aws(type_: str, name: str, properties: dict[str, Any], protect: bool = False) -> Member:
    uses = {"bucket": [BUCKET_URN]} if "bucket" in properties and not type_.endswith(":Bucket") else {}
    urn = BUCKET_URN if type_.endswith(":Bucket") else f"urn:{type_}:{name}"
    return Member(f"aws:{type_}", name, properties, protect, urn, uses)


def topic(name: str, retention: int, protect: bool = True, **labels: str) -> Member:
    """labels: `kind` and `retention_class`, of the labels kafkalogs.io/kind and kafkalogs.io/retention-class."""
    config = {"retention.ms": retention, "min.insync.replicas": 2, "cleanup.policy": "delete"}
    made = strimzi("KafkaTopic", name, {"partitions": 3, "replicas": 3, "config": config}, protect)
    made.properties["metadata"]["labels"] |= {
        f"kafkalogs.io/{key.replace('_', '-')}": said for key, said in labels.items()
    }
    return made


def user(name: str, *acls: tuple[str, str, str]) -> Member:
    """acls: (type, name, operation) of each."""
    listed = [
        {"resource": {"type": kind, "name": on, "patternType": "literal"}, "operations": [operation], "host": "*"}
        for kind, on, operation in acls
    ]
    spec = {
        "authentication": {"type": "tls"},
        "authorization": {"type": "simple", "acls": listed},
        "quotas": {"producerByteRate": 1_000_000, "requestPercentage": 200, "controllerMutationRate": 10},
    }
    return strimzi("KafkaUser", name, spec)


def listener(name: str, port: int) -> dict[str, Any]:
    limits = {"maxConnections": 2000, "maxConnectionCreationRate": 100}
    known = {"type": "internal", "tls": True, "authentication": {"type": "tls"}, "configuration": limits}
    return {"name": name, "port": port, **known}


def pod(image: str = f"registry.example.org/app@{DIGEST}", **env: str) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": image,
        "resources": _RESOURCES,
        "securityContext": _RESTRICTED,
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "args": ["--registry=https://registry.logs.svc"],
    }
    return {"securityContext": {"runAsNonRoot": True}, "initContainers": [container], "containers": [container]}


def workload(**env: str) -> dict[str, Any]:
    return {"spec": {"replicas": 1, "template": {"spec": pod(**env)}}}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def bucket_policy() -> str:
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [_ARN, f"{_ARN}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return document(denied)


_CONFIG = {
    "default.replication.factor": 3,
    "min.insync.replicas": 2,
    "auto.create.topics.enable": False,
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3,
    "transaction.state.log.min.isr": 2,
}
_STRIMZI_PODS = {
    "pod": {"securityContext": {"runAsNonRoot": True}},
    **{
        f"{container}Container": {"securityContext": _RESTRICTED}
        for container in ("kafka", "connect", "topicOperator", "userOperator")
    },
}


def members() -> list[Member]:
    """All of it."""
    return [
        kubernetes("core/v1:Namespace", "logs", {}, protect=True),
        kubernetes(
            "storage.k8s.io/v1:StorageClass",
            "gp3-encrypted",
            {"provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3", "encrypted": "true"}},
        ),
        strimzi(
            "Kafka",
            "logs",
            {
                "kafka": {
                    "listeners": [listener("tls", 9093), listener("external", 9094)],
                    "authorization": {"type": "simple"},
                    "config": _CONFIG,
                },
                "entityOperator": {
                    "topicOperator": {"resources": _RESOURCES},
                    "userOperator": {"resources": _RESOURCES},
                    "template": _STRIMZI_PODS,
                },
            },
            protect=True,
            version="v1beta2",
        ),
        strimzi(
            "KafkaNodePool",
            "brokers",
            {
                "replicas": 3,
                "roles": ["broker"],
                "storage": {
                    "type": "jbod",
                    "volumes": [{"id": 0, "type": "persistent-claim", "size": "100Gi", "class": "gp3-encrypted"}],
                },
                "resources": _RESOURCES,
                "template": _STRIMZI_PODS,
            },
            protect=True,
        ),
        topic("logs.checkout", 3 * DAY),
        topic("logs.audit", 30 * DAY),
        topic("dlq.search", 14 * DAY, protect=False),
        user("checkout", ("topic", "logs.checkout", "Write")),
        strimzi(
            "KafkaConnect",
            "connect",
            {
                "tls": {"trustedCertificates": [{"secretName": "logs-cluster-ca-cert", "pattern": "*.crt"}]},
                "authentication": {"type": "tls"},
                "bootstrapServers": "logs-kafka-bootstrap:9093",
                "image": f"registry.example.org/connect@{DIGEST}",
                "config": {f"{name}.storage.replication.factor": 3 for name in ("config", "offset", "status")},
                "resources": _RESOURCES,
                "template": _STRIMZI_PODS,
            },
        ),
        strimzi(
            "KafkaConnector",
            "search",
            {
                "class": "io.aiven.kafka.connect.opensearch.OpensearchSinkConnector",
                "config": {
                    "topics": "logs.checkout",
                    "connection.url": "https://search.example.org",
                    "database": "jdbc:postgresql://db.example.org/logs?sslmode=verify-full",
                    "consumer.override.security.protocol": "SSL",
                    "errors.tolerance": "all",
                    "errors.deadletterqueue.topic.name": "dlq.search",
                    "errors.deadletterqueue.topic.replication.factor": 3,
                },
            },
        ),
        Member(
            "kubernetes:flink.apache.org/v1beta1:FlinkDeployment",
            "job",
            {
                "metadata": {"name": "job"},
                "spec": {
                    "image": f"registry.example.org/flink@{DIGEST}",
                    "flinkConfiguration": {
                        "high-availability.type": "kubernetes",
                        "high-availability.storageDir": "s3://state/ha",
                        "execution.checkpointing.dir": "s3://state/checkpoints",
                        "execution.checkpointing.savepoint-dir": "s3://state/savepoints",
                        "execution.checkpointing.interval": "10 s",
                        "s3.endpoint": "https://s3.eu-central-1.amazonaws.com",
                    },
                    "job": {"upgradeMode": "savepoint"},
                    "jobManager": {"resource": {"cpu": 1, "memory": "1024m"}},
                    "taskManager": {"resource": {"cpu": 1, "memory": "1024m"}},
                    "podTemplate": {"spec": {"securityContext": {"runAsNonRoot": True}, "containers": []}},
                },
            },
        ),
        kubernetes("apps/v1:Deployment", "app", workload(KAFKA_SECURITY_PROTOCOL="SSL", PGSSLMODE="verify-full")),
        kubernetes(
            "apps/v1:StatefulSet",
            "store",
            {
                "spec": {
                    "template": {"spec": pod()},
                    "volumeClaimTemplates": [{"spec": {"storageClassName": "gp3-encrypted"}}],
                    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"},
                }
            },
        ),
        kubernetes("batch/v1:CronJob", "nightly", {"spec": {"jobTemplate": {"spec": {"template": {"spec": pod()}}}}}),
        kubernetes("core/v1:ConfigMap", "client", {"data": {"client.properties": "security.protocol=SSL\n"}}),
        kubernetes("core/v1:Service", "registry", {"spec": {"ports": [{"name": "https", "port": 8443}]}}),
        kubernetes(
            "networking.k8s.io/v1:NetworkPolicy",
            "registry",
            {"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 8443}]}]}},
        ),
        kubernetes(
            "rbac.authorization.k8s.io/v1:Role",
            "reader",
            {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
        ),
        kubernetes(
            "rbac.authorization.k8s.io/v1:RoleBinding",
            "reader",
            {
                "roleRef": {"kind": "Role", "name": "reader"},
                "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": "logs"}],
            },
        ),
        kubernetes("networking.k8s.io/v1:Ingress", "way-in", {"spec": {"tls": [{"secretName": "tls"}]}}),
        kubernetes(
            "helm.sh/v3:Release",
            "operator",
            {"chart": "oci://quay.io/strimzi-helm/strimzi-kafka-operator", "version": "1.2.0", "values": {}},
        ),
        aws("s3/bucket:Bucket", "archive", {"bucket": "logs"}, protect=True),
        aws(
            "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "archive",
            {
                "bucket": "logs",
                "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "k"}}],
            },
        ),
        aws("s3/bucketPolicy:BucketPolicy", "archive", {"bucket": "logs", "policy": bucket_policy()}),
        aws(
            "s3/bucketVersioning:BucketVersioning",
            "archive",
            {"bucket": "logs", "versioningConfiguration": {"status": "Enabled"}},
        ),
        aws(
            "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "archive",
            {
                "bucket": "logs",
                "rules": [
                    {"filter": {"prefix": "audit/"}, "status": "Enabled", "expiration": {"days": 2600}},
                    {"filter": {"prefix": "access/"}, "status": "Enabled", "expiration": {"days": 365}},
                ],
            },
        ),
        aws("kms/key:Key", "archive", {"enableKeyRotation": True, "deletionWindowInDays": 30}, protect=True),
        aws(
            "opensearch/domain:Domain",
            "search",
            {
                "encryptAtRest": {"enabled": True},
                "nodeToNodeEncryption": {"enabled": True},
                "domainEndpointOptions": {
                    "enforceHttps": True,
                    "tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10",
                },
                "advancedSecurityOptions": {"enabled": True, "anonymousAuthEnabled": False},
                "accessPolicies": document(
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::123456789012:role/connect"},
                        "Action": "es:ESHttp*",
                        "Resource": "arn:aws:es:eu-central-1:123456789012:domain/logs/*",
                    }
                ),
            },
            protect=True,
        ),
        aws(
            "iam/rolePolicy:RolePolicy",
            "connect",
            {"policy": document({"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [f"{_ARN}/*"]})},
        ),
        aws("sqs/queue:Queue", "events", {"sqsManagedSseEnabled": True}),
        aws("sns/topic:Topic", "alarms", {"kmsMasterKeyId": "alias/logs"}),
        aws("rds/instance:Instance", "audit", {"storageEncrypted": True, "deletionProtection": True}, protect=True),
        aws("ebs/volume:Volume", "disk", {"encrypted": True}),
        aws("glue/catalogDatabase:CatalogDatabase", "logs", {"name": "logs"}, protect=True),
    ]
