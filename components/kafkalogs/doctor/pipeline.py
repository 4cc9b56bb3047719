"""Checks of schemas, connectors and the Flink job, and that all resources are ready. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..config import sizing, units
from . import declared as want
from . import seen
from .findings import Checked, Finding, some

_UP: Final = "run `pulumi up`"


def check_schemas(declared: want.Declared, subjects: Mapping[str, seen.Subject]) -> Checked:
    """Each topic of log events has its subjects, with this package's schemas and the declared compatibility."""
    schemas = declared.platform.schemas
    if schemas is None:
        return Checked("schemas", 0)
    own = want.own_schemas()
    findings: list[Finding] = []
    for name, kind in declared.subjects.items():
        what, found = f"subject {name}", subjects.get(name)
        if found is None:
            findings.append(Finding("subject-missing", what, f"the {kind} schema", "not in the registry", _UP))
            continue
        if found.schema != own[kind]:
            remedy = "run `pulumi up`; if a newer kafkalogs registered the newest version, update this kafkalogs"
            seen_ = f"another {kind} schema: {_difference(own[kind], found.schema)}"
            findings.append(Finding("schema-different", what, "this version's schema", seen_, remedy))
        if found.level != schemas.compatibility:
            findings.append(
                Finding(
                    "compatibility-different", what, schemas.compatibility, found.level or "the registry's own", _UP
                )
            )
    return Checked("schemas", len(declared.subjects), findings)


def _difference(own: object, other: object) -> str:
    """In which fields two schemas differ."""
    mine, theirs = _fields(own), _fields(other)
    names = [name for name in sorted(mine.keys() | theirs.keys()) if mine.get(name) != theirs.get(name)]
    return f"in {some(names)}" if names else "not in its fields"


def _fields(schema: object) -> dict[str, str]:
    """The fields of a schema in JSON Schema or Avro, each as a text."""
    found: dict[str, str] = {}
    about = want.as_mapping(schema)
    for name, field in want.as_mapping(about.get("properties")).items():
        found[name] = json.dumps(field, sort_keys=True)
    for field in want.as_list(about.get("fields")):
        found[str(want.as_mapping(field).get("name"))] = json.dumps(field, sort_keys=True)
    return found


def check_sinks(declared: want.Declared, connectors: Mapping[str, seen.Connector]) -> Checked:
    """Every sink runs with all its tasks and the declared settings, and no other connector does."""
    findings: list[Finding] = []
    for name, connector in declared.connectors.items():
        what, found = f"connector {name}", connectors.get(name)
        if found is None:
            findings.append(Finding("connector-missing", what, "running", "not in Kafka Connect", _UP))
        else:
            findings += _connector(what, connector, found)
    for name in sorted(connectors.keys() - declared.connectors.keys()):
        remedy = "delete its KafkaConnector, or enable its part in the stack file"
        findings.append(Finding("connector-undeclared", f"connector {name}", "no such connector", "there", remedy))
    return Checked("sinks", len(declared.connectors), findings)


def _connector(what: str, connector: want.Connector, found: seen.Connector) -> Iterable[Finding]:
    if found.state != "RUNNING":
        remedy = "run `pulumi up`; if the connector failed, the status of the KafkaConnector has the reason"
        if found.state == "UNASSIGNED" and all(state == "RUNNING" for state, _ in found.tasks):
            # Connect may write the stopped connector's state after the started one's, and then never updates it.
            remedy = "if this stays for a minute: annotate the KafkaConnector with strimzi.io/restart=true"
        yield Finding("connector-state", what, "RUNNING", found.state, remedy)
    if len(found.tasks) != connector.tasks and found.state == "RUNNING":
        remedy = "wait if the workers have just started; else look at the KafkaConnector's status"
        yield Finding("connector-tasks", what, f"{connector.tasks} tasks", f"{len(found.tasks)} tasks", remedy)
    for number, (state, trace) in enumerate(found.tasks):
        if state != "RUNNING" and found.state == "RUNNING":
            reason = trace.strip().partition("\n")[0]
            remedy = "correct the cause; the operator restarts it, at once with the annotation strimzi.io/restart"
            yield Finding("task-state", f"{what}, task {number}", "RUNNING", f"{state} {reason}".strip(), remedy)
    wanted = {**connector.config, "connector.class": connector.class_, "tasks.max": str(connector.tasks)}
    for key, value in sorted(wanted.items()):
        if found.config.get(key) != value:
            seen_ = f"{key} {_short(found.config.get(key, 'not set'))}"
            yield Finding("connector-config", what, f"{key} {_short(value)}", seen_, _UP)


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def check_stream(
    declared: want.Declared, jobs: Sequence[seen.Job] | None, resource: str, quiet: float | None = None
) -> Checked:
    """The Flink job runs, and has not failed in the last minutes. jobs: None where Flink does not answer; resource: the
    state that the FlinkDeployment asks for; quiet: seconds since the last checkpoint, where the job does not run."""
    if declared.platform.stream is None:
        return Checked("stream", 0)
    what = "the Flink job"
    log = "look at the log of the JobManager; docs/stream.md lists what the job needs"
    findings: list[Finding] = []
    if resource != "running":
        remedy = "run `pulumi up`: the job continues from its savepoint"
        findings.append(
            Finding("job-suspended", "FlinkDeployment stream", "state running", f"state {resource}", remedy)
        )
    elif jobs is None:
        remedy = "look at its pods and its log; if the job was just changed, wait"
        said = f"its JobManager does not answer{_time_left(quiet)}"
        findings.append(Finding("job-silent", what, "RUNNING", said, remedy))
    elif not any(job.state == "RUNNING" for job in jobs):
        said = some([" ".join(filter(None, (job.state, job.failure))) for job in jobs]) or "no job"
        findings.append(Finding("job-state", what, "RUNNING", f"{said}{_time_left(quiet)}", log))
    elif failed := [job.failure for job in jobs if job.failure]:
        findings.append(Finding("job-restarted", what, "runs without failures", some(failed), log))
    return Checked("stream", 1, findings)


def _time_left(quiet: float | None) -> str:
    """How long Kafka still keeps what the job has written and not yet committed."""
    if quiet is None:
        return ""
    left = sizing.LONGEST_TRANSACTION / units.SECOND - quiet
    since = f"; its last checkpoint was {_minutes(quiet)} ago"
    if left <= 0:
        return f"{since}: Kafka has ended its transactions, and the results that they held are lost"
    return f"{since}: if it does not run within {_minutes(left)}, Kafka ends its transactions and results are lost"


def _minutes(seconds: float) -> str:
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def check_workloads(resources: Sequence[seen.Resource], workloads: Sequence[seen.Workload]) -> Checked:
    """Every resource of the platform is ready and none is paused, and everything has all its pods."""
    findings: list[Finding] = []
    for one in resources:
        what = f"{one.kind} {one.name}"
        if one.paused:
            remedy = "remove the annotation strimzi.io/pause-reconciliation; until then no change is applied"
            findings.append(Finding("resource-paused", what, "reconciled", "paused", remedy))
        elif one.problem:
            remedy = "correct the cause; the operator tries again"
            findings.append(Finding("resource-not-ready", what, "Ready", one.problem, remedy))
    for one in workloads:
        if one.ready < one.wanted:
            remedy = "look at its pods and their events: kubectl describe shows what they wait for"
            said = f"{one.ready} of {one.wanted} pods ready"
            findings.append(Finding("pods-missing", f"{one.kind} {one.name}", f"{one.wanted} pods", said, remedy))
    return Checked("workloads", len(resources) + len(workloads), findings)
