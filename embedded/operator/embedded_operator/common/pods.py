"""The pod of a Kafka program in Java: a node of a Kafka cluster, or a worker of a Connect cluster. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedded_operator.common import metrics, names, settings
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.objects import digest

UID = 1001
"""The user that Kafka's image runs as."""
PASSED_ON = [
    "imagePullSecrets",
    "terminationGracePeriodSeconds",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "priorityClassName",
    "schedulerName",
    "hostAliases",
    "dnsPolicy",
    "dnsConfig",
    "enableServiceLinks",
    "hostUsers",
]
"""Fields of `template.pod` that are copied into the pod."""
PERFORMANCE = (
    "-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 "
    "-XX:+ExplicitGCInvokesConcurrent"
)
"""The flags that kafka-run-class.sh of the Kafka distribution sets for a broker."""
SECURITY = "networkaddress.cache.ttl=5\nnetworkaddress.cache.negative.ttl=1\n"
"""All nodes start at once and look each other up before DNS knows them; an address changes on a restart."""

Mount = tuple[str, str, Obj]
"""Name, path in the container and source of a volume."""


@dataclass(frozen=True)
class Process:
    """One process. `service` is the headless Service of its pods; `folder` has its configuration and start.sh.

    `container` has the fields of the container that differ: name, image, env, ports, probes, resources.
    """

    service: str
    folder: str
    mounts: Sequence[Mount]
    container: Obj


def pod(meta: Obj, process: Process, shape: Obj, template: Obj, made_from: list[object]) -> Obj:
    """The pod; `shape` is the template of the pod, `template` that of the container.

    The annotation strimzi.io/revision is a hash of the pod and of `made_from`: a pod with another hash is replaced.
    """
    made: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {
            "hostname": meta["name"],
            "subdomain": process.service,
            "restartPolicy": "Always",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": shape.get("securityContext") or _pod_security(),
            **{key: shape[key] for key in PASSED_ON if key in shape},
            "volumes": [{"name": name, **source} for name, _, source in process.mounts] + (shape.get("volumes") or []),
            "containers": [
                {
                    **process.container,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["/bin/sh", f"{process.folder}/start.sh"],
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "env": process.container["env"] + (template.get("env") or []),
                    "securityContext": template.get("securityContext") or _container_security(),
                    "volumeMounts": [{"name": name, "mountPath": path} for name, path, _ in process.mounts]
                    + (template.get("volumeMounts") or []),
                }
            ],
        },
    }
    revision = digest([made["spec"], meta["labels"], shape.get("metadata") or {}, *made_from])
    meta["annotations"] = {**meta.get("annotations", {}), names.REVISION: revision}
    return made


def tmp(shape: Obj, size: str) -> Mount:
    """A memory-backed /tmp of that size, unless the template of the pod sets another size."""
    return "tmp", "/tmp", {"emptyDir": {"medium": "Memory", "sizeLimit": shape.get("tmpDirSizeLimit", size)}}  # noqa: S108


def files(spec: Obj, script: str, exporter: str) -> dict[str, str]:
    """The files in a process's folder beside its properties.

    `spec` is the part of the resource that has `logging`, `exporter` is what `metrics.configuration` returned.
    """
    return {
        "log4j2.properties": settings.logging(dig(spec, "logging", "loggers", default={})),
        "java.security": SECURITY,
        "start.sh": script,
        **({metrics.FILE: exporter} if exporter else {}),
    }


def environment(jvm: Obj, resources: Obj, folder: str, percentage: int) -> dict[str, str]:
    """The variables of Kafka's start scripts; `percentage` is the heap's part of the memory limit."""
    system = [f"-D{item['name']}={item['value']}" for item in jvm.get("javaSystemProperties") or []]
    return {
        "KAFKA_HEAP_OPTS": heap(jvm, "memory" in (resources.get("limits") or {}), percentage),
        "KAFKA_JVM_PERFORMANCE_OPTS": _performance(jvm),
        "KAFKA_LOG4J_OPTS": f"-Dlog4j2.configurationFile={folder}/log4j2.properties",
        "KAFKA_OPTS": " ".join([f"-Djava.security.properties={folder}/java.security", *system]),
        "LOG_DIR": "/tmp/logs",  # noqa: S108
    }


def variables(values: dict[str, str]) -> list[Obj]:
    """Environment variables of a container."""
    return [{"name": name, "value": value} for name, value in values.items()]


def ports(values: dict[str, int], spec: Obj) -> list[Obj]:
    """Ports of a container, with that of the exporter when `spec` asks for metrics."""
    exporter = {metrics.PORT_NAME: metrics.PORT} if metrics.wanted(spec) else {}
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in {**values, **exporter}.items()]


def heap(jvm: Obj, limited: bool, percentage: int = 50) -> str:
    """Heap flags of `jvmOptions`; without any, that part of the container's memory limit (Strimzi: half)."""
    if "-Xmx" in jvm or "-Xms" in jvm:
        return " ".join(f"{key}{jvm[key]}" for key in ("-Xms", "-Xmx") if key in jvm)
    return f"-XX:InitialRAMPercentage={percentage} -XX:MaxRAMPercentage={percentage}" if limited else ""


def _performance(jvm: Obj) -> str:
    """Kafka's own flags for servers, then those of `jvmOptions`: Java takes the last of two."""
    flags = [PERFORMANCE]
    for key, value in sorted((jvm.get("-XX") or {}).items()):
        switch = {"true": "+", "false": "-"}.get(settings.text(value))
        flags.append(f"-XX:{switch}{key}" if switch else f"-XX:{key}={value}")
    return " ".join(flags)


def _pod_security() -> Obj:
    return {"runAsNonRoot": True, "runAsUser": UID, "fsGroup": UID, "seccompProfile": {"type": "RuntimeDefault"}}


def _container_security() -> Obj:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
