"""The specification of a FlinkDeployment, checked. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from embedded_operator.common.names import Obj, dig
from embedded_operator.common.settings import text
from embedded_operator.common.spec import InvalidSpecError

VERSIONS = ("v2_3",)
"""Flink versions with which the operator is tested."""
UPGRADE_MODES = ("savepoint", "last-state", "stateless")
REFUSED = {
    "spec.ingress": "expose the Service of the REST API yourself",
    "spec.jobManager.replicas": "one JobManager recovers by itself; set 1",
    "spec.job.jarURI": "put the jar into the image, in /opt/flink/usrlib",
    "spec.job.savepointTriggerNonce": "use a savepoint upgrade",
    "spec.job.checkpointTriggerNonce": "checkpoints are periodic",
    "spec.job.savepointRedeployNonce": "set initialSavepointPath on a new FlinkDeployment",
}
NOT_A_CHANGE = ("upgradeMode", "initialSavepointPath", "allowNonRestoredState")
"""Fields of `spec.job` that say how to change the job; a change of these fields alone does not redeploy the job."""
HA_TYPE = "high-availability.type"
HA_FOLDER = "high-availability.storageDir"
SAVEPOINTS = "execution.checkpointing.savepoint-dir"
SNAPSHOTS = "kubernetes.operator.snapshot.resource.enabled"
FORBIDDEN = ("kubernetes.cluster-id", "kubernetes.namespace")
"""Keys of the configuration that only the operator may set."""
LOG_FILES = ("log4j-console.properties", "logback-console.xml")
"""What `spec.logConfiguration` may hold."""


@dataclass(frozen=True)
class FlinkSpec:
    """An application as wanted."""

    name: str
    namespace: str
    image: str
    config: dict[str, str]
    parallelism: int
    slots: int
    task_managers: int
    resource: Obj

    @property
    def spec(self) -> Obj:
        """`spec` of the resource."""
        return self.resource["spec"]

    @property
    def job(self) -> Obj:
        """`spec.job` of the resource."""
        return self.spec["job"]

    @property
    def running(self) -> bool:
        """Whether the job must run; otherwise it is suspended."""
        return self.job.get("state", "running") == "running"

    @property
    def highly_available(self) -> bool:
        """Whether Flink keeps leader and checkpoints in Kubernetes."""
        return self.config.get(HA_TYPE, "NONE").lower() == "kubernetes"


def parse(resource: Obj) -> FlinkSpec:
    """Read a FlinkDeployment. Raises InvalidSpecError."""
    spec = resource.get("spec") or {}
    config = {key: text(value) for key, value in (spec.get("flinkConfiguration") or {}).items()}
    if problems := [*_refused_fields(resource), *_invalid_values(spec, config)]:
        raise InvalidSpecError("InvalidSpec", problems)
    parallelism = dig(spec, "job", "parallelism", default=1)
    slots = int(config.get("taskmanager.numberOfTaskSlots", "1"))
    return FlinkSpec(
        name=resource["metadata"]["name"],
        namespace=resource["metadata"]["namespace"],
        image=spec["image"],
        config=config,
        parallelism=parallelism,
        slots=slots,
        task_managers=dig(spec, "taskManager", "replicas") or math.ceil(parallelism / slots),
        resource=resource,
    )


def _refused_fields(resource: Obj) -> Iterator[str]:
    for path, remedy in REFUSED.items():
        value = dig(resource, *path.split("."))
        if value is not None and not (path == "spec.jobManager.replicas" and value == 1):
            yield f"{path}: is not supported by the embedded operator; {remedy}"


def _invalid_values(spec: Obj, config: dict[str, str]) -> Iterator[str]:
    if spec.get("flinkVersion") not in VERSIONS:
        yield f"spec.flinkVersion: {spec.get('flinkVersion')!r} is not one of {', '.join(VERSIONS)}"
    if spec.get("mode", "native") != "standalone":
        yield "spec.mode: only standalone is supported by the embedded operator; native is the default"
    if not spec.get("image"):
        yield "spec.image: is missing"
    if not dig(spec, "job", "entryClass"):
        yield "spec.job.entryClass: is missing; only applications are supported, no session clusters"
    mode = dig(spec, "job", "upgradeMode", default="stateless")
    available = config.get(HA_TYPE, "NONE").lower()
    if mode not in UPGRADE_MODES:
        yield f"spec.job.upgradeMode: {mode!r} is not one of {', '.join(UPGRADE_MODES)}"
    if available not in ("none", "kubernetes"):
        yield f"spec.flinkConfiguration.{HA_TYPE}: only kubernetes is supported by the embedded operator"
    if available == "kubernetes" and not config.get(HA_FOLDER):
        yield f"spec.flinkConfiguration.{HA_FOLDER}: is missing; {HA_TYPE} needs it"
    if mode == "last-state" and available == "none":
        yield f"spec.job.upgradeMode: last-state needs {HA_TYPE}: kubernetes in flinkConfiguration"
    if mode == "savepoint" and SAVEPOINTS not in config:
        yield f"spec.job.upgradeMode: savepoint needs {SAVEPOINTS} in flinkConfiguration"
    yield from _refused_by_flinks_operator(spec, config)
    for part in ("jobManager", "taskManager"):
        if size := dig(spec, part, "resource", "memory"):
            try:
                limit(size, 1.0)
            except ValueError:
                yield f"spec.{part}.resource.memory: {size!r} is no size; write 1Gi or 1024m"


def _refused_by_flinks_operator(spec: Obj, config: dict[str, str]) -> Iterator[str]:
    """What Flink's operator refuses, so that a resource that runs here runs there too."""
    for short, long in overlapping(config):
        text_ = f"overlapping key prefixes ({short} -> {long}); use another spelling of one of them"
        yield f"spec.flinkConfiguration.{short}: {text_}"
    for key in FORBIDDEN:
        if key in config:
            yield f"spec.flinkConfiguration.{key}: is set by the operator; remove it"
    for name in spec.get("logConfiguration") or {}:
        if name not in LOG_FILES:
            yield f"spec.logConfiguration.{name}: is not one of {', '.join(LOG_FILES)}"
    if config.get(SNAPSHOTS, "true").lower() != "false":
        yield (
            f"spec.flinkConfiguration.{SNAPSHOTS}: the embedded operator makes no FlinkStateSnapshot; "
            "set false, which keeps savepoints in the status"
        )


def overlapping(keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of keys of which one is the beginning of the other: Flink 2 reads its configuration as a tree."""
    known = sorted(keys)
    return ((short, long) for short in known for long in known if long.startswith(f"{short}."))


def essence(spec: Obj) -> str:
    """The fields of a spec that need a new deployment when they change, as JSON to compare."""
    job = {key: value for key, value in (spec.get("job") or {}).items() if key not in NOT_A_CHANGE}
    return json.dumps({**spec, "job": job}, sort_keys=True, separators=(",", ":"))


def memory(quantity: str) -> str:
    """A quantity in the form of Flink (1g, 1024m), from that form or from the form of Kubernetes (1Gi)."""
    return quantity[:-1] if quantity.endswith("i") else quantity


def limit(quantity: str, factor: float) -> str:
    """A quantity times `factor`, in the form of Kubernetes; Flink's units are powers of 1024. Raises ValueError."""
    units = {"k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
    number = memory(quantity).lower().removesuffix("b")
    scale = units.get(number[-1:], 1)
    return str(int(float(number.rstrip("kmgt")) * scale * factor))
