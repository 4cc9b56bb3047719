"""The objects that run a Flink application, named and labelled as by the Flink Kubernetes operator. Pure."""

from __future__ import annotations

import json
from typing import Any, cast

from embedded_operator.common import names
from embedded_operator.common import objects as common
from embedded_operator.common.kube import RESOURCES
from embedded_operator.common.names import Obj, dig
from embedded_operator.flink.spec import HA_FOLDER, FlinkSpec, limit, memory

CONTAINER = "flink-main-container"
CONF_DIR = "/opt/flink/conf"
RPC, BLOB, REST = 6123, 6124, 8081
"""Ports of the JobManager."""
REVISION = "kafkalogs.io/flink-revision"
"""Annotation of a pod: hash of the configuration with which it was started."""
JAVA_OPTIONS = " ".join(
    [
        "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
        "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
        *(
            f"--add-opens=java.base/{package}=ALL-UNNAMED"
            for package in (
                *("java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text"),
                *("java.time", "java.util", "java.util.concurrent", "java.util.concurrent.atomic"),
                "java.util.concurrent.locks",
            )
        ),
    ]
)
"""Options that Flink needs on Java 17 and newer, from its default configuration, which this one replaces."""
LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = ConsoleAppender
rootLogger.appenderRef.rolling.ref = RollingFileAppender
appender.console.name = ConsoleAppender
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.rolling.name = RollingFileAppender
appender.rolling.type = RollingFile
appender.rolling.fileName = ${sys:log.file}
appender.rolling.filePattern = ${sys:log.file}.%i
appender.rolling.layout.type = PatternLayout
appender.rolling.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.rolling.policies.type = Policies
appender.rolling.policies.size.type = SizeBasedTriggeringPolicy
appender.rolling.policies.size.size = 100MB
appender.rolling.strategy.type = DefaultRolloverStrategy
appender.rolling.strategy.max = 10
"""
"""What Flink's own operator gives an application that says nothing of its log: the console and a file."""
BY_NAME = {"env": "name", "volumes": "name", "containers": "name", "initContainers": "name", "ports": "name"}
KEYS = {**BY_NAME, "volumeMounts": "mountPath"}
"""Lists of a pod whose items are merged by a key."""


def labels(name: str, component: str | None = None) -> dict[str, str]:
    """Labels of an application's pods; those of one component."""
    own = {"app": name, "type": "flink-standalone-kubernetes"}
    return {**own, "component": component} if component else own


def high_availability_labels(name: str) -> dict[str, str]:
    """Labels of the ConfigMaps in which Flink itself keeps the leader and the last checkpoint."""
    return {"app": name, "type": "flink-native-kubernetes"}


def _rest_service(name: str) -> str:
    """Service of the JobManager's REST API."""
    return f"{name}-rest"


def rest_url(name: str, namespace: str) -> str:
    """Address of the JobManager's REST API."""
    return f"http://{_rest_service(name)}.{namespace}.svc:{REST}"


def job_manager(name: str) -> str:
    """Deployment of the JobManager, and its headless Service."""
    return name


def task_manager(name: str) -> str:
    """Deployment of the TaskManagers."""
    return f"{name}-taskmanager"


def config(spec: FlinkSpec) -> dict[str, str]:
    """Flink's configuration: from the resource, with the settings that only the operator makes."""
    made = {
        "parallelism.default": str(spec.parallelism),
        "env.java.opts.all": JAVA_OPTIONS,
        **spec.config,
        "kubernetes.cluster-id": spec.name,
        "kubernetes.namespace": spec.namespace,
        "jobmanager.rpc.port": str(RPC),
        "jobmanager.bind-host": "0.0.0.0",  # noqa: S104 - inside its pod
        "blob.server.port": str(BLOB),
        "rest.port": str(REST),
        "rest.bind-address": "0.0.0.0",  # noqa: S104
        "taskmanager.bind-host": "0.0.0.0",  # noqa: S104
        # The JobManager stays, so that the operator can ask for the state of a stopped or failed job.
        "execution.shutdown-on-application-finish": "false",
        "execution.submit-failed-job-on-application-error": "true",
    }
    if not spec.highly_available:
        made["jobmanager.rpc.address"] = f"{job_manager(spec.name)}.{spec.namespace}.svc"
    for part in ("jobManager", "taskManager"):
        if size := dig(spec.spec, part, "resource", "memory"):
            made[f"{part.lower()}.memory.process.size"] = memory(size)
    return made


def config_map(spec: FlinkSpec) -> Obj:
    """The files of JobManager and TaskManagers."""
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in sorted(config(spec).items()))
    logging = {"log4j-console.properties": LOGGING, **(spec.spec.get("logConfiguration") or {})}
    return _object(spec, "ConfigMap", f"flink-config-{spec.name}", {"data": {"config.yaml": lines, **logging}})


def services(spec: FlinkSpec) -> list[Obj]:
    """The REST API's Service, and a headless one for TaskManagers of a JobManager that is not highly available."""
    selector = labels(spec.name, "jobmanager")
    made = [_object(spec, "Service", _rest_service(spec.name), {"spec": _service(selector, rest=REST)})]
    if not spec.highly_available:
        ports = _service(selector, **{"jobmanager-rpc": RPC, "blobserver": BLOB})
        headless = {**ports, "clusterIP": "None", "publishNotReadyAddresses": True}
        made.append(_object(spec, "Service", job_manager(spec.name), {"spec": headless}))
    return made


def deployments(spec: FlinkSpec, job_id: str, savepoint: str | None) -> list[Obj]:
    """The JobManager, which starts the job, and the TaskManagers. job_id: 32 hexadecimal digits."""
    job = spec.job
    # The job's own arguments begin at the first option that Flink's entry point does not know (for example --host).
    start = ["standalone-job"]
    if spec.highly_available:
        start.append("-Djobmanager.rpc.address=$(POD_IP)")
        # As Flink's operator does, and no more: each job has its own folder of job results, and they stay. The folder
        # of application results is the resource's.
        results = f"{spec.config[HA_FOLDER].rstrip('/')}/job-result-store/{spec.name}/{job_id}"
        start += [f"-Djob-result-store.storage-path={results}", "-Djob-result-store.delete-on-commit=false"]
    start += ["--job-classname", job["entryClass"], "--job-id", job_id]
    if savepoint:
        start += ["--fromSavepoint", savepoint]
        start += ["--allowNonRestoredState"] if job.get("allowNonRestoredState") else []
    start += [str(arg) for arg in job.get("args") or []]
    work = ["taskmanager", "-Dtaskmanager.host=$(POD_IP)", "-Dtaskmanager.resource-id=$(POD_NAME)"]
    ports = {"rest": REST, "jobmanager-rpc": RPC, "blobserver": BLOB}
    return [
        _deployment(spec, "jobManager", job_manager(spec.name), 1, start, ports),
        _deployment(spec, "taskManager", task_manager(spec.name), spec.task_managers, work, {}),
    ]


def _deployment(spec: FlinkSpec, part: str, name: str, replicas: int, args: list[str], ports: dict[str, int]) -> Obj:
    selector = labels(spec.name, part.lower())
    volume = {"name": "flink-config-volume", "configMap": {"name": f"flink-config-{spec.name}"}}
    container: Obj = {
        "name": CONTAINER,
        "image": spec.image,
        "imagePullPolicy": spec.spec.get("imagePullPolicy", "IfNotPresent"),
        "args": args,
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [{"name": key, "containerPort": port} for key, port in ports.items()],
        "resources": _resources(spec, part),
        "volumeMounts": [{"name": volume["name"], "mountPath": CONF_DIR}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    account = {"serviceAccountName": spec.spec["serviceAccount"]} if spec.spec.get("serviceAccount") else {}
    template = merge(spec.spec.get("podTemplate") or {}, dig(spec.spec, part, "podTemplate", default={}))
    own: Obj = {"spec": {**account, "enableServiceLinks": False, "volumes": [volume], "containers": [container]}}
    pod = merge(own, {key: template[key] for key in ("metadata", "spec") if key in template})
    meta = {key: value for key, value in (pod.get("metadata") or {}).items() if key in ("labels", "annotations")}
    revision = common.digest(config_map(spec)["data"])
    meta["labels"] = {**meta.get("labels", {}), **selector}
    meta["annotations"] = {**meta.get("annotations", {}), REVISION: revision}
    body = {
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            # Two JobManagers of one job would disturb each other.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector},
            "template": {"metadata": meta, "spec": pod["spec"]},
        }
    }
    return _object(spec, "Deployment", name, body)


def _resources(spec: FlinkSpec, part: str) -> Obj:
    """Requests, and limits by the factors that the configuration may name (kubernetes.jobmanager.cpu.limit-factor)."""
    asked = dig(spec.spec, part, "resource", default={})

    def factor(what: str) -> float:
        return float(spec.config.get(f"kubernetes.{part.lower()}.{what}.limit-factor", "1.0"))

    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    if cpu := asked.get("cpu"):
        requests["cpu"], limits["cpu"] = (f"{round(cpu * times * 1000)}m" for times in (1.0, factor("cpu")))
    if size := asked.get("memory"):
        requests["memory"], limits["memory"] = (limit(size, times) for times in (1.0, factor("memory")))
    return {"requests": requests, "limits": limits} if asked else {}


def merge(base: Any, over: Any) -> Any:
    """`base` overridden by `over`: objects field by field, the lists of KEYS item by item, other values as a whole."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    made = {**cast("Obj", base)}
    for key, value in cast("Obj", over).items():
        if key in KEYS and isinstance(made.get(key), list):
            made[key] = _merge_items(made[key], value, KEYS[key])
        else:
            made[key] = merge(made[key], value) if key in made else value
    return made


def _merge_items(base: list[Obj], over: list[Obj], key: str) -> list[Obj]:
    items = {item[key]: item for item in base}
    for item in over:
        items[item[key]] = merge(items.get(item[key], {}), item)
    return list(items.values())


def _service(selector: dict[str, str], **ports: int) -> Obj:
    return {"selector": selector, "ports": [{"name": name, "port": port} for name, port in ports.items()]}


def _object(spec: FlinkSpec, kind: str, name: str, body: Obj) -> Obj:
    meta = common.metadata(spec.resource, name, {**labels(spec.name), names.MANAGED_BY: names.OPERATOR})
    return {"apiVersion": RESOURCES[kind][0], "kind": kind, "metadata": meta, **body}
