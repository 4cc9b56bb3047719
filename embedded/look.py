"""What the report's questions need and give: the parts that are there, how to reach them, and rows with words.

Which parts there are, and where what they use is, follows from what the cluster holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, TypeVar

from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.reach import OutsideError, Reach, UnansweredError
from kafkalogs.client.settings import Catalog

T = TypeVar("T")

CA = "platform-ca"


@dataclass(frozen=True)
class Row:
    """One line of the report. good: None when there is nothing to judge yet."""

    what: str
    found: str
    good: bool | None = True


@dataclass
class Section:
    """What is known of a part. faults: what is not as it should be."""

    part: str
    rows: list[Row] = field(default_factory=list[Row])
    faults: list[str] = field(default_factory=list[str])

    def add(self, what: str, found: str, good: bool | None = True) -> None:
        self.rows.append(Row(what, found, good))

    def fault(self, what: str, found: str) -> None:
        """A line that is a fault too."""
        self.rows.append(Row(what, found, good=False))
        self.faults.append(f"{self.part}: {what}: {found}")


@dataclass(frozen=True)
class Look:
    """What the questions need.

    deadline: of time.monotonic(); until then it is waited for what a part does only some time after its start.
    connectors, deployments: objects of Kubernetes by name. services: their names. schemas: the newest Job for them.
    """

    access: ClusterAccess
    catalog: Catalog
    reach: Reach
    deadline: float
    connectors: Mapping[str, Any]
    deployments: Mapping[str, Any]
    services: frozenset[str]
    schemas: Any

    def address(self, service: str, port: int, path: str = "") -> str:
        """The URL of a Service of the platform."""
        return f"https://{service}.{self.access.namespace}.svc:{port}{path}"

    def wait(self, ask: Callable[[], T], done: Callable[[T], object]) -> T:
        """Ask until the answer will do, or the time is over; then what was answered last, or its error."""
        while True:
            late = time.monotonic() > self.deadline
            try:
                answer = ask()
                if late or done(answer):
                    return answer
            except UnansweredError as error:
                # nor is it for a report to wait for what is not of the platform
                if late or isinstance(error, OutsideError):
                    raise
            time.sleep(1)


def look_around(access: ClusterAccess, catalog: Catalog, seconds: float) -> Look:
    """Find out which parts there are. seconds: how long all of them together are waited for at most."""
    from kubernetes import client as kubernetes

    through, space = access.core.api_client, access.namespace
    apps, batch = kubernetes.AppsV1Api(through), kubernetes.BatchV1Api(through)
    custom = kubernetes.CustomObjectsApi(through)

    def listed(function: Any, what: str, *words: str) -> Any:
        return access.call(function, f"{what} of namespace {space}", "run `make up`", *words)

    connectors: Any = listed(
        custom.list_namespaced_custom_object, "KafkaConnectors", "kafka.strimzi.io", "v1", space, "kafkaconnectors"
    )
    jobs: list[Any] = [
        job
        for job in listed(batch.list_namespaced_job, "Jobs", space).items
        if job.metadata.name.startswith("schemas-")
    ]
    return Look(
        access,
        catalog,
        Reach(access),
        time.monotonic() + seconds,
        {found["metadata"]["name"]: found for found in connectors["items"]},
        {found.metadata.name: found for found in listed(apps.list_namespaced_deployment, "Deployments", space).items},
        frozenset(
            found.metadata.name for found in listed(access.core.list_namespaced_service, "Services", space).items
        ),
        max(jobs, key=lambda job: job.metadata.creation_timestamp, default=None),
    )


def environment(pod: Any) -> dict[str, str]:
    """The variables of a pod's first container whose values are written there."""
    return {variable.name: variable.value for variable in pod.containers[0].env or [] if variable.value is not None}


def secret_of(path: str | None) -> str | None:
    """The Secret of which a connector has a file, by the file's path in the workers; None for no file."""
    return PurePosixPath(path).parent.name if path else None


def not_yet(section: Section, what: str, awaited: str, due: float) -> None:
    """A line for what has not come yet: a fault if it should have. due: seconds since 1970."""
    late = time.time() - due
    if late > 0:
        section.fault(what, f"none; {awaited} was due {duration(late)} ago")
    else:
        section.add(what, f"none yet; {awaited} is due within {duration(-late)}", good=None)


def born(created: datetime | str) -> float:
    """When an object of Kubernetes was made: seconds since 1970."""
    return created.timestamp() if isinstance(created, datetime) else moment(created)


def moment(text: str) -> float:
    """A time in RFC 3339 as seconds since 1970."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def ago(when: float) -> str:
    """How long ago a time was. when: seconds since 1970."""
    return f"{duration(time.time() - when)} ago"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, seconds) / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} d"


def short(text: str, most: int = 70) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."
