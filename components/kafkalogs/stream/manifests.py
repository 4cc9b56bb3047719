"""What a `FlinkJob` is made of, as pure values."""

import hashlib
from typing import Final

from ..config import naming
from ..kube.resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, metadata
from ..kube.service_secrets import CA_SECRET
from .record import STREAM, TOPICS
from .script import render, sampled_below

FLINK_API: Final = "flink.apache.org/v1beta1"
FLINK_VERSION: Final = "v2_3"
DRIVER: Final = "org.apache.flink.table.runtime.application.SqlDriver"
"""Flink's own program that runs a SQL script."""

METRICS_PORT: Final = 9249
REST_PORT: Final = 8081
_TASK_PORT: Final = 6122
_FOLDER: Final = "/opt/kafkalogs"
_TRUST: Final = "/opt/trust"
_TRUST_PASSWORD: Final = "changeit"  # noqa: S105 - Java wants one; a truststore has nothing to hide
_WEB_IDENTITY: Final = "com.amazonaws.auth.WebIdentityTokenCredentialsProvider"
# The user of Flink's official images.
_USER: Final = 9999
# Pods that ask the JobManager: the embedded operator and Flink's own.
_OPERATORS: Final = ({"strimzi.io/kind": "cluster-operator"}, {"app.kubernetes.io/name": "flink-kubernetes-operator"})


def script_manifest(
    namespace: str, cluster: str, template: str, watermark_delay: int, discovery_interval: int, debug_share: float
) -> Manifest:
    """The ConfigMap of the script. Its name follows from what is in it: another script is another job."""
    text = render(
        template,
        user=STREAM,
        bootstrap=naming.bootstrap(cluster, namespace),
        topics=TOPICS,
        ca_file=f"{_FOLDER}/ca/ca.crt",
        user_folder=f"{_FOLDER}/user",
        watermark_delay=watermark_delay,
        discovery_interval=discovery_interval,
        sampled_below=sampled_below(debug_share),
    )
    return {"metadata": metadata(f"{STREAM}-{_digest(text)}", namespace), "data": {"job.sql": text}}


def role_rules() -> list[Manifest]:
    """What Flink may do: keep in ConfigMaps who leads and which checkpoint is the last."""
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
    return [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]


def policy_manifest(namespace: str) -> Manifest:
    """Who reaches the job: its own pods each other, the operator the JobManager, Prometheus the metrics."""
    own = {"app": STREAM, "type": "flink-standalone-kubernetes"}
    prometheus = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    return {
        "metadata": metadata(STREAM, namespace),
        "spec": {
            "podSelector": {"matchLabels": own},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": own}}]},
                {
                    "ports": [{"port": REST_PORT}],
                    "from": [{"podSelector": {"matchLabels": labels}} for labels in _OPERATORS],
                },
                {"ports": [{"port": METRICS_PORT}], "from": [prometheus]},
            ],
        },
    }


def flink_manifest(
    namespace: str,
    cluster: str,
    image: str,
    script: str,
    state: str,
    s3_endpoint: str | None,
    s3_credentials_secret: str | None,
    s3_ca_secret: str | None,
    parallelism: int,
    checkpoint_seconds: int,
    upgrade_mode: str,
    job_manager_memory: str,
    task_manager_memory: str,
    aws_region: str | None = None,
) -> Manifest:
    """The FlinkDeployment. script: the name of its ConfigMap."""
    # One TaskManager holds the whole job, so one more is needed only where one core is not enough for all of it.
    jvm = (
        {"-Djavax.net.ssl.trustStore": f"{_TRUST}/trust.p12", "-Djavax.net.ssl.trustStorePassword": _TRUST_PASSWORD}
        if s3_ca_secret
        else {}
    )
    options = " ".join(f"{key}={value}" for key, value in jvm.items())
    probes = {
        "jobManager": {
            "readinessProbe": {"httpGet": {"path": "/overview", "port": REST_PORT}, "periodSeconds": 3},
            "livenessProbe": {"tcpSocket": {"port": REST_PORT}, "initialDelaySeconds": 120, "periodSeconds": 20},
        },
        "taskManager": {
            "readinessProbe": {"tcpSocket": {"port": _TASK_PORT}, "periodSeconds": 3},
            "livenessProbe": {"tcpSocket": {"port": _TASK_PORT}, "initialDelaySeconds": 120, "periodSeconds": 20},
        },
    }
    main = {"name": "flink-main-container"}
    return {
        "apiVersion": FLINK_API,
        "kind": "FlinkDeployment",
        "metadata": _waited_for(metadata(STREAM, namespace)),
        "spec": {
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "flinkVersion": FLINK_VERSION,
            "mode": "standalone",
            "serviceAccount": STREAM,
            "flinkConfiguration": flink_configuration(
                state, s3_endpoint, options, parallelism, checkpoint_seconds, aws_region
            ),
            "podTemplate": _pod_template(cluster, image, script, s3_credentials_secret, s3_ca_secret),
            "jobManager": {
                "replicas": 1,
                "resource": {"cpu": 0.15, "memory": job_manager_memory},
                "podTemplate": {"spec": {"containers": [{**main, **probes["jobManager"]}]}},
            },
            "taskManager": {
                "replicas": 1,
                "resource": {"cpu": 0.1, "memory": task_manager_memory},
                "podTemplate": {"spec": {"containers": [{**main, **probes["taskManager"]}]}},
            },
            "job": {
                "entryClass": DRIVER,
                "args": ["--scriptUri", f"file://{_FOLDER}/script/job.sql"],
                "parallelism": parallelism,
                "upgradeMode": upgrade_mode,
                "state": "running",
                # A new script may have other operators. Its sources go on where the last one's stopped all the same,
                # for a savepoint commits their offsets too; only windows that were open begin anew.
                "allowNonRestoredState": True,
            },
        },
    }


def flink_configuration(
    state: str,
    s3_endpoint: str | None,
    options: str,
    parallelism: int,
    checkpoint_seconds: int,
    aws_region: str | None = None,
) -> dict[str, str]:
    """Flink's settings (https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/deployment/config/)."""
    made = {
        "pipeline.name": STREAM,
        "table.local-time-zone": "UTC",
        # Read each topic once, not once for each sink.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        "taskmanager.numberOfTaskSlots": str(parallelism),
        "taskmanager.rpc.port": str(_TASK_PORT),
        # With each checkpoint, what was written since the last one becomes visible.
        "execution.checkpointing.interval": f"{checkpoint_seconds} s",
        "execution.checkpointing.timeout": "2 min",
        # While S3 is away the job goes on; it is the transactions that must not get too old.
        "execution.checkpointing.tolerable-failed-checkpoints": "100",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.dir": f"{state}/checkpoints",
        "execution.checkpointing.savepoint-dir": f"{state}/savepoints",
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": f"{state}/ha",
        "state.backend.type": "hashmap",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "30 s",
        "restart-strategy.exponential-delay.reset-backoff-threshold": "5 min",
        # A lost TaskManager is noticed in 20 s, not in 50.
        "heartbeat.interval": "5 s",
        "heartbeat.timeout": "20 s",
        "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
        "metrics.reporter.prom.port": str(METRICS_PORT),
        "web.submit.enable": "false",
        "web.cancel.enable": "false",
        # Small state, few and narrow exchanges: most of the memory is heap.
        "jobmanager.memory.jvm-metaspace.size": "192m",
        "jobmanager.memory.off-heap.size": "64m",
        "jobmanager.memory.jvm-overhead.min": "96m",
        "jobmanager.memory.jvm-overhead.max": "96m",
        "taskmanager.memory.managed.size": "64m",
        "taskmanager.memory.network.min": "64m",
        "taskmanager.memory.network.max": "64m",
        "taskmanager.memory.jvm-metaspace.size": "192m",
        "taskmanager.memory.jvm-overhead.min": "128m",
        "taskmanager.memory.jvm-overhead.max": "128m",
        # Requests are what it takes when nothing happens; catching up may take more.
        "kubernetes.jobmanager.cpu.limit-factor": "14",
        "kubernetes.taskmanager.cpu.limit-factor": "20",
    }
    if state.startswith("s3"):
        # Else each file that is written has all folders above it looked for and deleted.
        made["s3.directory.marker.retention"] = "keep"
    # The JobManager compiles the job once and then waits: it is ready sooner without the compiler for hot code.
    made["env.java.opts.jobmanager"] = " ".join(filter(None, ("-XX:TieredStopAtLevel=1", options)))
    if options:
        made["env.java.opts.taskmanager"] = options
    if s3_endpoint:
        made |= {"s3.endpoint": s3_endpoint, "s3.path.style.access": "true", "s3.endpoint.region": "us-east-1"}
    if aws_region:
        # The client's own list of where credentials come from leaves out the token of a service account.
        made |= {"s3.endpoint.region": aws_region, "s3.aws.credentials.provider": _WEB_IDENTITY}
    return made


def _pod_template(
    cluster: str, image: str, script: str, s3_credentials_secret: str | None, s3_ca_secret: str | None
) -> Manifest:
    volumes: list[Manifest] = [
        {"name": "script", "configMap": {"name": script}},
        _secret("user", STREAM, "user.p12", "user.password"),
        _secret("ca", f"{cluster}-cluster-ca-cert", "ca.crt"),
    ]
    mounts = [{"name": v["name"], "mountPath": f"{_FOLDER}/{v['name']}", "readOnly": True} for v in volumes]
    tmp = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the container's own
    mounts.append(tmp)
    volumes.append({"name": "tmp", "emptyDir": {}})
    container: Manifest = {
        "name": "flink-main-container",
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT}],
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": mounts,
    }
    spec: Manifest = {
        "securityContext": {**RESTRICTED_POD, "runAsUser": _USER, "fsGroup": _USER},
        "containers": [container],
        "volumes": volumes,
    }
    if s3_credentials_secret:
        keys = {"AWS_ACCESS_KEY_ID": "username", "AWS_SECRET_ACCESS_KEY": "password"}
        container["env"] = [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": s3_credentials_secret, "key": key}}}
            for name, key in keys.items()
        ]
    if s3_ca_secret:
        trust = {"name": "trust", "mountPath": _TRUST}
        authority = {"name": "s3-ca", "mountPath": f"{_FOLDER}/s3-ca", "readOnly": True}
        volumes += [{"name": "trust", "emptyDir": {}}, _secret("s3-ca", s3_ca_secret, "ca.crt")]
        mounts.append({**trust, "readOnly": True})
        command = trust_command(f"{_FOLDER}/s3-ca/ca.crt", f"{_TRUST}/trust.p12", one=s3_ca_secret == CA_SECRET)
        spec["initContainers"] = [
            {
                "name": "trust",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
                "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
                "volumeMounts": [trust, authority, tmp],
            }
        ]
    labels = {
        "app.kubernetes.io/name": STREAM,
        "app.kubernetes.io/part-of": "kafkalogs",
        "kafkalogs.io/metrics": "true",
    }
    return {"metadata": {"labels": labels}, "spec": spec}


_IMPORT_EACH: Final = """\
set -eu
count=0
part=/dev/null
rm -f "$2" "$3"/ca-*.crt
while IFS= read -r line || [ -n "$line" ]; do
  case "$line" in *"BEGIN CERTIFICATE"*) count=$((count + 1)); part="$3/ca-$count.crt" ;; esac
  printf '%s\\n' "$line" >> "$part"
done < "$1"
[ "$count" -gt 0 ] || { echo "$1 has no certificate in PEM" >&2; exit 1; }
for part in "$3"/ca-*.crt; do
  keytool -importcert -noprompt -alias "${part##*/}" -file "$part" -keystore "$2" -storepass "$4"
done
"""
"""Of a file $1 with certificates, each into the trust store $2, by way of the folder $3; $4 is the store's password."""


def trust_command(file: str, store: str, one: bool, scratch: str = "/tmp") -> list[str]:  # noqa: S108 - the container's own
    """What makes Java's trust store of a PEM file: Java reads authorities from a store of its own only.

    one: the file has one certificate, as that of the platform's own authority. keytool takes the first of a file and
    leaves the others, so a bundle is taken apart first.
    """
    if one:
        alone = ["keytool", "-importcert", "-noprompt", "-alias", "s3", "-file", file]
        return [*alone, "-keystore", store, "-storepass", _TRUST_PASSWORD]
    return ["sh", "-c", _IMPORT_EACH, "trust", file, store, scratch, _TRUST_PASSWORD]


def _waited_for(about: Manifest) -> Manifest:
    annotations = {"pulumi.com/waitFor": "jsonpath={.status.lifecycleState}=STABLE"}
    return {**about, "annotations": {**about.get("annotations", {}), **annotations}}


def _secret(volume: str, secret: str, *keys: str) -> Manifest:
    """A volume with only those keys of a Secret that are read."""
    items = [{"key": key, "path": key} for key in keys]
    return {"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440, "items": items}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
