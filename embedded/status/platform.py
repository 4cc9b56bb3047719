"""The platform of the report: its existing parts, and how to reach them.

Both come from the objects in the cluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.reach import OutsideError, Reach, UnansweredError
from kafkalogs.client.settings import Catalog

T = TypeVar("T")

CA = "platform-ca"


@dataclass(frozen=True)
class Platform:
    """A platform that runs.

    deadline: of time.monotonic(); until then the checks wait for results that appear some time after a start.
    connectors, deployments: objects of Kubernetes by name. services: names of Services. schemas: the newest Job that
    registers schemas.
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
        """Call ``ask`` until its answer is ``done`` or time is up; return the last answer or raise its error."""
        while True:
            late = time.monotonic() > self.deadline
            try:
                answer = ask()
                if late or done(answer):
                    return answer
            except UnansweredError as error:
                # servers outside the platform were not just started, so a retry does not help
                if late or isinstance(error, OutsideError):
                    raise
            time.sleep(1)


def find_platform(access: ClusterAccess, catalog: Catalog, seconds: float) -> Platform:
    """Find the existing parts. seconds: how long the checks of all parts together may wait."""
    from kubernetes import client as kubernetes

    through, space = access.core.api_client, access.namespace
    apps, batch = kubernetes.AppsV1Api(through), kubernetes.BatchV1Api(through)
    custom = kubernetes.CustomObjectsApi(through)

    def listed(function: Any, what: str, *words: str) -> Any:
        return access.call(function, f"{what} of namespace {space}", "run `make up`", *words)

    connectors: Any = listed(
        custom.list_namespaced_custom_object, "KafkaConnectors", "kafka.strimzi.io", "v1", space, "kafkaconnectors"
    )
    deployments: list[Any] = listed(apps.list_namespaced_deployment, "Deployments", space).items
    services: list[Any] = listed(access.core.list_namespaced_service, "Services", space).items
    jobs: list[Any] = listed(batch.list_namespaced_job, "Jobs", space).items
    schemas = [job for job in jobs if job.metadata.name.startswith("schemas-")]
    return Platform(
        access,
        catalog,
        Reach(access),
        time.monotonic() + seconds,
        {found["metadata"]["name"]: found for found in connectors["items"]},
        {found.metadata.name: found for found in deployments},
        frozenset(found.metadata.name for found in services),
        max(schemas, key=lambda job: job.metadata.creation_timestamp, default=None),
    )


def environment(pod: Any) -> dict[str, str]:
    """The environment of a pod's first container, without values that are references, e.g. to Secrets."""
    return {variable.name: variable.value for variable in pod.containers[0].env or [] if variable.value is not None}


def secret_of(path: str | None) -> str | None:
    """The name of the Secret that holds a connector's file, by the file's path in the workers; None for no file."""
    return PurePosixPath(path).parent.name if path else None
