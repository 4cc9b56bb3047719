"""The specification of a KafkaConnector, and what follows from the state of its connector. Pure."""

from __future__ import annotations

from embedded_operator.common import names, status
from embedded_operator.common.names import Obj, annotation, dig
from embedded_operator.common.settings import text
from embedded_operator.connect.api import Running

OWN = {"name", "connector.class", "tasks.max", "connector.plugin.version"}
"""Options that follow from other fields of the resource."""
STATES = {"running": "RUNNING", "paused": "PAUSED", "stopped": "STOPPED"}
VERBS = {"running": "resume", "paused": "pause", "stopped": "stop"}
LONGEST_BACKOFF = 60
"""Minutes between restarts at most."""
TRACE_LENGTH = 600


class InvalidConnectorError(Exception):
    """A KafkaConnector whose specification cannot be carried out."""


def desired_config(resource: Obj) -> dict[str, str]:
    """The connector's configuration as Kafka Connect has it. Raises InvalidConnectorError."""
    spec = resource.get("spec") or {}
    if not spec.get("class"):
        raise InvalidConnectorError("spec.class is missing; name the connector's Java class")
    config = {
        key: text(value) for key, value in (spec.get("config") or {}).items() if value is not None and key not in OWN
    }
    config |= {"name": resource["metadata"]["name"], "connector.class": spec["class"]}
    for key, option in (("tasksMax", "tasks.max"), ("version", "connector.plugin.version")):
        if spec.get(key) is not None:
            config[option] = text(spec[key])
    return config


def warnings(resource: Obj) -> list[Obj]:
    """Conditions that say which parts of the resource are ignored."""
    made: list[Obj] = []
    if ignored := sorted(OWN & (dig(resource, "spec", "config", default={})).keys()):
        message = f"spec.config: {', '.join(ignored)}: set by other fields, ignored"
        made.append(status.warning("KafkaConnectorForbiddenConfiguration", message))
    if annotation(resource, names.OFFSETS):
        message = f"the annotation {names.OFFSETS} is not supported by the embedded operator; use the REST API"
        made.append(status.warning("UnsupportedByEmbeddedOperator", message))
    return made


def wanted_state(resource: Obj) -> str:
    """running, paused or stopped."""
    return dig(resource, "spec", "state", default="running")


def transition(wanted: str, running: Running) -> str | None:
    """The request that changes a connector's state (pause, stop or resume), or None.

    A failed connector stays failed until it is restarted; a request to stop still makes it give up its tasks.
    """
    if running.state == "FAILED":
        return "stop" if wanted == "stopped" and running.status.get("tasks") else None
    return VERBS[wanted] if running.state in STATES.values() and running.state != STATES[wanted] else None


def settled(wanted: str, running: Running) -> bool:
    """Whether the workers have carried out the request; a failed connector counts."""
    states = {running.state, *(task.get("state") for task in running.status.get("tasks") or [])}
    return states <= {STATES[wanted], "FAILED"} and (wanted != "running" or bool(running.status.get("tasks")))


def condition(running: Running) -> Obj:
    """Ready, or why not."""
    connector = running.status.get("connector") or {}
    if connector.get("state") == "FAILED":
        reason = cause(connector.get("trace", ""))
        return status.not_ready(
            "ConnectorFailed", f"The connector has failed, see connectorStatus for more details. {reason}".rstrip()
        )
    if failed := running.failed_tasks:
        trace = next(task.get("trace", "") for task in running.status["tasks"] if task["id"] == failed[0])
        numbers = ", ".join(map(str, failed))
        message = f"The following tasks have failed: {numbers}, see connectorStatus for more details. {cause(trace)}"
        return status.not_ready("TasksFailed", message.rstrip())
    return status.ready()


def cause(trace: str) -> str:
    """A Java stack trace in one line: its first line, and the root cause if there is one."""
    lines = [line.strip() for line in trace.splitlines()]
    roots = [line for line in lines if line.startswith("Caused by: ")]
    return " ".join([*lines[:1], *roots[-1:]])[:TRACE_LENGTH]


def restart_flags(value: str) -> tuple[bool, bool]:
    """Whether the annotation strimzi.io/restart includes the tasks, and whether it includes only what has failed."""
    words = {word.strip() for word in value.split(",")}
    return "includeTasks" in words, "onlyFailed" in words


def backoff(count: int) -> int:
    """Minutes after which a connector restarted `count` times may be restarted again."""
    return min(count * count + count, LONGEST_BACKOFF)


def restart_in(resource: Obj) -> float | None:
    """Seconds until the failed connector is restarted automatically; None for never."""
    settings = dig(resource, "spec", "autoRestart")
    if settings is None or not settings.get("enabled", True):
        return None
    before = dig(resource, "status", "autoRestart", default={})
    if not before.get("lastRestartTimestamp"):
        return 0.0
    count = before.get("count", 0)
    if "maxRestarts" in settings and count >= settings["maxRestarts"]:
        return None
    return max(0.0, backoff(count) * 60 - status.age(before["lastRestartTimestamp"]))


def restarted(resource: Obj) -> Obj:
    """`status.autoRestart` after one more restart."""
    count = dig(resource, "status", "autoRestart", "count", default=0)
    name = resource["metadata"]["name"]
    return {"count": count + 1, "connectorName": name, "lastRestartTimestamp": status.timestamp()}


def restarts_to_keep(resource: Obj) -> Obj | None:
    """`status.autoRestart` of a connector that has not failed; None after it has run for a whole backoff."""
    before = dig(resource, "status", "autoRestart", default={})
    if not before.get("lastRestartTimestamp"):
        return None
    return None if status.age(before["lastRestartTimestamp"]) > backoff(before.get("count", 0)) * 60 else before
