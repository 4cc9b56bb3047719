"""The manifests of `FlinkJob`."""

import shlex
from typing import Final

from ..catalog.network import user_of
from ..config import naming
from ..kube import policies
from ..kube.pods import container, digest, labels, mounts, open_port, resources, restarted_with_new, secret_volume
from ..kube.resources import METRICS_LABEL, RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, known, metadata
from .args import FlinkJobArgs
from .log_settings import LOG_FILE, LOG_SETTINGS
from .record import METRICS_PORT, PODS, REST_PORT, STREAM, TOPICS
from .script import render, sampled_below, shared

FLINK_API: Final = "flink.apache.org/v1beta1"
FLINK_VERSION: Final = "v2_3"
DRIVER: Final = "org.apache.flink.table.runtime.application.SqlDriver"
"""Flink's own program that runs a SQL script."""

_TASK_PORT: Final = 6122
_FOLDER: Final = "/opt/kafkalogs"
_TRUST: Final = "/opt/trust"
_CONNECTOR: Final = "/opt/flink/lib/kafkalogs-stream.jar"
_MAKE_STORE: Final = "kafkalogs.stream.TrustStore"
_TRUST_PASSWORD: Final = "changeit"  # noqa: S105 - Java wants one; a truststore has nothing to hide
_WEB_IDENTITY: Final = "com.amazonaws.auth.WebIdentityTokenCredentialsProvider"
# Flink's operator refuses a key that is the beginning of another one (s3.endpoint, s3.endpoint.region). The S3 plugin
# reads s3. and s3a. alike.
_S3_REGION: Final = "s3a.endpoint.region"
_MAIN: Final = "flink-main-container"
_TMP: Final = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the container's own
_STORE: Final = {"name": "trust", "mountPath": _TRUST}
# The user of Flink's official images.
_USER: Final = 9999


def script_manifest(args: FlinkJobArgs) -> Manifest:
    """The ConfigMap of the script. Its name is a digest of the script: a changed script restarts the job."""
    text = render(
        args.template,
        user=STREAM,
        bootstrap=naming.bootstrap(known(args.cluster), known(args.namespace)),
        topics=TOPICS,
        ca_file=f"{_FOLDER}/ca/ca.crt",
        user_folder=f"{_FOLDER}/user",
        watermark_delay=known(args.watermark_delay_seconds),
        discovery_interval=known(args.discovery_seconds),
        sampled_below=sampled_below(known(args.debug_share)),
        writers=shared(known(args.writers)),
    )
    return {"metadata": metadata(f"{STREAM}-{digest(text)}", known(args.namespace)), "data": {"job.sql": text}}


def policy_manifest(args: FlinkJobArgs) -> Manifest:
    """Who reaches the job: its own pods each other, the operator the JobManager, Prometheus the metrics."""
    return {"metadata": metadata(STREAM, known(args.namespace)), "spec": policies.ingress(PODS)}


def flink_manifest(args: FlinkJobArgs) -> Manifest:
    """The FlinkDeployment."""
    # One TaskManager holds the whole job, so one more is needed only where one core is not enough for all of it. Their
    # number follows from parallelism and slots: Flink's operator ignores the parallelism where replicas are written.
    return {
        "apiVersion": FLINK_API,
        "kind": "FlinkDeployment",
        "metadata": _waited_for(metadata(STREAM, known(args.namespace))),
        "spec": {
            "image": known(args.image),
            "imagePullPolicy": "IfNotPresent",
            "flinkVersion": FLINK_VERSION,
            "mode": "standalone",
            "serviceAccount": STREAM,
            "flinkConfiguration": flink_configuration(args),
            "logConfiguration": {LOG_FILE: LOG_SETTINGS},
            "podTemplate": _pod_template(args),
            "jobManager": {
                "replicas": 1,
                "resource": {"cpu": 0.1, "memory": known(args.job_manager_memory)},
                "podTemplate": _probed(args, {"httpGet": {"path": "/overview", "port": REST_PORT}}, REST_PORT),
            },
            "taskManager": {
                "resource": {"cpu": 0.1, "memory": known(args.task_manager_memory)},
                "podTemplate": _probed(args, {"tcpSocket": {"port": _TASK_PORT}}, _TASK_PORT),
            },
            "job": {
                "entryClass": DRIVER,
                "args": ["--scriptUri", f"file://{_FOLDER}/script/job.sql"],
                "parallelism": known(args.parallelism),
                "upgradeMode": known(args.upgrade_mode),
                "state": "running",
                # A new script may have other operators. Its sources go on where the last one's stopped all the same,
                # for a savepoint commits their offsets too; only windows that were open begin anew.
                "allowNonRestoredState": True,
            },
        },
    }


def _probed(args: FlinkJobArgs, ready: Manifest, port: int) -> Manifest:
    """The probes of the main container: `ready` says whether it takes work, the port whether it lives.

    Java reads certificates only when it starts. The container of the trust store ran before and runs no more, so the
    main container makes a new store itself, and is restarted because the store is another one. If no store can be made
    of the new file, the process goes on with the old one.
    """
    times = {"initialDelaySeconds": 120, "periodSeconds": 20, "timeoutSeconds": 15}
    files = [f"{_FOLDER}/user/user.p12", f"{_FOLDER}/ca/ca.crt"]
    before = renew = ""
    if known(args.s3_ca_secret):
        file, new, store = f"{_FOLDER}/s3-ca/ca.crt", f"{_TRUST}/new.p12", f"{_TRUST}/trust.p12"
        note = f"sha256sum {file} > {_TRUST}/made-of"
        make = shlex.join(trust_command(file, new))
        before = f"[ -f {_TRUST}/made-of ] || {note}; "
        make = f"rm -f {new}; {make} && mv {new} {store} && {note}"
        renew = f"sha256sum --status -c {_TRUST}/made-of || {{ {make}; }}; "
        files.append(store)
    lives = restarted_with_new(files, open_port(port), times, before, renew)
    return {"spec": {"containers": [{"name": _MAIN, "readinessProbe": {**ready, "periodSeconds": 3}, **lives}]}}


_SETTINGS: Final = {
    "pipeline.name": STREAM,
    "table.local-time-zone": "UTC",
    # Each topic is read once, not once for each sink.
    "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
    "taskmanager.rpc.port": str(_TASK_PORT),
    "execution.checkpointing.timeout": "2 min",
    # The job continues while S3 is down; only its open transactions must not get too old.
    "execution.checkpointing.tolerable-failed-checkpoints": "100",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "high-availability.type": "kubernetes",
    # A savepoint upgrade ends the old application. With the results of applications in the shared folder, the new
    # JobManager could find that result before it is cleaned up, and would run nothing. The operator makes only the
    # folder of job results unique. This folder lives as long as the JobManager's pod, so an upgrade finds none.
    "application-result-store.storage-path": "file:///tmp/application-results",
    # The savepoints of upgrades are in the FlinkDeployment's status. A FlinkStateSnapshot for each would outlive the
    # operator on destroy, and its finalizer would then block the deletion of its definition for ever.
    "kubernetes.operator.snapshot.resource.enabled": "false",
    "state.backend.type": "hashmap",
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "1 s",
    "restart-strategy.exponential-delay.max-backoff": "30 s",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "5 min",
    # Flink notices a lost TaskManager in 20 s, not in 50.
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
    # The requests cover an idle job; a job that catches up may use more.
    "kubernetes.jobmanager.cpu.limit-factor": "20",
    "kubernetes.taskmanager.cpu.limit-factor": "20",
}
"""Flink's settings of every job (https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/deployment/config/)."""


def flink_configuration(args: FlinkJobArgs) -> dict[str, str]:
    """Flink's settings of a job."""
    state, options = known(args.state), ""
    if args.s3_ca_secret:
        store = f"-Djavax.net.ssl.trustStore={_TRUST}/trust.p12"
        options = f"{store} -Djavax.net.ssl.trustStorePassword={_TRUST_PASSWORD}"
    made = {
        **_SETTINGS,
        "taskmanager.numberOfTaskSlots": str(known(args.parallelism)),
        # With each checkpoint, what was written since the last one becomes visible.
        "execution.checkpointing.interval": f"{known(args.checkpoint_seconds)} s",
        "execution.checkpointing.dir": f"{state}/checkpoints",
        "execution.checkpointing.savepoint-dir": f"{state}/savepoints",
        "high-availability.storageDir": f"{state}/ha",
        # The JobManager compiles the job once and then waits: it is ready sooner without the compiler for hot code.
        "env.java.opts.jobmanager": " ".join(filter(None, ("-XX:TieredStopAtLevel=1", options))),
    }
    if state.startswith("s3"):
        # Otherwise Flink looks for and deletes the markers of all parent folders at each written file.
        made["s3.directory.marker.retention"] = "keep"
    if options:
        made["env.java.opts.taskmanager"] = options
    if endpoint := known(args.s3_endpoint):
        made |= {"s3.endpoint": endpoint, "s3.path.style.access": "true", _S3_REGION: "us-east-1"}
    if region := known(args.aws_region):
        # The client's default list of credential providers omits the token of a service account.
        made |= {_S3_REGION: region, "s3.aws.credentials.provider": _WEB_IDENTITY}
    return made


def _pod_template(args: FlinkJobArgs) -> Manifest:
    volumes: list[Manifest] = [
        {"name": "script", "configMap": {"name": script_manifest(args)["metadata"]["name"]}},
        secret_volume("user", STREAM, "user.p12", "user.password"),
        secret_volume("ca", naming.cluster_ca_secret(known(args.cluster)), "ca.crt"),
    ]
    mounted = [*mounts(_FOLDER, (volume["name"] for volume in volumes)), _TMP]
    volumes.append({"name": "tmp", "emptyDir": {}})
    main: Manifest = {
        "name": _MAIN,
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT}],
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": mounted,
    }
    spec: Manifest = {
        "securityContext": {**RESTRICTED_POD, "runAsUser": _USER, "fsGroup": _USER},
        "containers": [main],
        "volumes": volumes,
    }
    if credentials := known(args.s3_credentials_secret):
        keys = {"AWS_ACCESS_KEY_ID": "username", "AWS_SECRET_ACCESS_KEY": "password"}
        main["env"] = [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": credentials, "key": key}}}
            for name, key in keys.items()
        ]
    if ca_secret := known(args.s3_ca_secret):
        volumes += [{"name": "trust", "emptyDir": {}}, secret_volume("s3-ca", ca_secret, "ca.crt")]
        # its probe makes the trust store again
        mounted += [_STORE, *mounts(_FOLDER, ["s3-ca"])]
        spec["initContainers"] = [_trust(known(args.image))]
    return {"metadata": {"labels": {**labels(STREAM), **user_of("s3").labels, METRICS_LABEL: "true"}}, "spec": spec}


def _trust(image: str) -> Manifest:
    """The container that makes Java's trust store of the S3 server's authority."""
    command = trust_command(f"{_FOLDER}/s3-ca/ca.crt", f"{_TRUST}/trust.p12")
    return container("trust", image) | {
        "command": command,
        "resources": resources("10m", "64Mi", "1", "128Mi"),
        "volumeMounts": [_STORE, *mounts(_FOLDER, ["s3-ca"]), _TMP],
    }


def trust_command(file: str, store: str, jar: str = _CONNECTOR) -> list[str]:
    """The command that makes a trust store of a PEM file, the only place where Java looks for authorities. One process
    does it, however many certificates the file has: a liveness probe waits for it."""
    return ["java", "-Xmx32m", "-XX:TieredStopAtLevel=1", "-cp", jar, _MAKE_STORE, file, store, _TRUST_PASSWORD]


def _waited_for(about: Manifest) -> Manifest:
    annotations = {"pulumi.com/waitFor": "jsonpath={.status.lifecycleState}=STABLE"}
    return {**about, "annotations": {**about.get("annotations", {}), **annotations}}
