"""Reads the actual state, compares it with the declared state, and makes the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ..client.cluster_access import AccessError, ClusterAccess
from ..client.reach import OutsideError, Reach, UnansweredError
from ..client.settings import Credentials
from ..config import naming
from ..config.models import Platform
from ..kafka.doctor_user import DOCTOR
from . import network, pipeline, progress, seen, services, tls, topics
from .access import check_access
from .declared import Declared, as_mapping, declared
from .findings import Checked, Finding, Report
from .kafka import KafkaReader, SilentError
from .kubernetes import KubernetesReader, client_certificate, expired
from .rights import secret_names

WATCH: Final = 5.0
"""Least time between the two readings of the consumers, seconds."""


def examine(
    access: ClusterAccess,
    platform: Platform,
    stack: str,
    bootstrap: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Compare the running platform with a configuration. Raises AccessError if Kubernetes or Kafka does not answer.

    bootstrap: Kafka's address from here; see `address` when absent. tell: receives the name of each step.
    """
    wanted = declared(platform)
    tell("Kubernetes")
    if ended := client_certificate(access):
        raise AccessError(f"the client certificate in {access.kubeconfig} ended on {ended.date()}; get a new one")
    cluster = platform.kafka.name
    kubernetes = KubernetesReader(access)
    spec = as_mapping(kubernetes.kafka(cluster)["spec"]["kafka"])
    tell("Kafka")
    credentials = _credentials(access, cluster)

    def look() -> list[Checked]:
        kafka = KafkaReader(bootstrap or address(platform), credentials)
        return list(_families(wanted, access, kubernetes, kafka, spec, tell))

    try:
        checked = look()
    except SilentError:
        # For some seconds Kafka still lists a broker that is gone, even as the controller, and the client keeps asking
        # that broker. A new client gets the brokers that are left.
        tell("Kafka again")
        checked = look()
    return Report(stack, cluster, platform.namespace, datetime.now(UTC), checked)


def address(platform: Platform) -> str:
    """Kafka's address for this process: the listener for clients outside the cluster, else the one inside."""
    external, kafka = platform.kafka.external, platform.kafka
    if external is not None:
        return f"{external.host}:{external.port}"
    return naming.bootstrap(kafka.name, platform.namespace)


def _look(kafka: KafkaReader, platform: Platform) -> seen.Kafka:
    """The first request to Kafka, which shows whether Kafka can be reached."""
    try:
        return kafka.kafka()
    except AccessError as error:
        if platform.kafka.external is not None:
            raise
        hint = (
            "the stack has no listener outside Kubernetes: run the doctor inside, or give an address with --bootstrap"
        )
        raise AccessError(f"{error}; {hint}") from error


def _credentials(access: ClusterAccess, cluster: str) -> Credentials:
    try:
        found = access.credentials(cluster, DOCTOR)
    except AccessError as error:
        raise AccessError(f"{error}; `pulumi up` creates KafkaUser {DOCTOR}") from error
    for what, text in (("of the cluster's authority", found.ca), (f"of KafkaUser {DOCTOR}", found.certificate)):
        if ended := expired(text):
            raise AccessError(
                f"the certificate {what} ended on {ended.date()}, so the doctor cannot connect to Kafka; "
                "find out why the operator does not renew it"
            )
    return found


def _families(
    wanted: Declared,
    access: ClusterAccess,
    kubernetes: KubernetesReader,
    kafka: KafkaReader,
    spec: Mapping[str, Any],
    tell: Callable[[str], None],
) -> Iterator[Checked]:
    """One family after the other, in the order of `FAMILIES`."""
    reach, space = Reach(access), access.namespace
    cluster = _look(kafka, wanted.platform)
    before, begun = kafka.groups(wanted), time.monotonic()
    yield topics.check_topics(wanted, cluster)
    yield topics.check_replicas(wanted, cluster)
    resources, users = kubernetes.resources(wanted)
    yield check_access(wanted, kafka.access(), users)
    tell("certificates")
    certificates = kubernetes.certificates(secret_names(wanted))
    secrets = {one.secret for one in certificates}
    found = services.probes(reach, wanted, kubernetes.services(), secrets)
    yield tls.check_tls(wanted, spec, cluster.protocols, found)
    yield tls.check_certificates(wanted, certificates, datetime.now(UTC), probes=found)
    tell("what reads the logs")
    yield _asked("schemas", "the schema registry", lambda: _schemas(wanted, reach))
    yield _asked("sinks", "Kafka Connect", lambda: _sinks(wanted, reach))
    yield _stream(wanted, kubernetes, reach, space)
    tell("consumers and disks")
    time.sleep(max(0.0, begun + WATCH - time.monotonic()))
    yield progress.check_lag(wanted, before, kafka.groups(wanted))
    yield progress.check_letters(wanted, kafka.letters(wanted.dead_letters))
    yield progress.check_disk(wanted, kafka.disks())
    yield pipeline.check_workloads(resources, kubernetes.workloads(wanted))
    yield network.check_network(wanted.platform.environment, _plugins(kubernetes))


def _plugins(kubernetes: KubernetesReader) -> list[network.Plugin] | str:
    """The DaemonSets that may be network plugins, or why the doctor cannot see them."""
    try:
        return kubernetes.plugins()
    except AccessError as error:
        return str(error)


def _asked(family: str, what: str, ask: Callable[[], Checked]) -> Checked:
    """Run one family's check. A part that does not answer is a finding. An external part that only the cluster can
    reach is skipped."""
    try:
        return ask()
    except OutsideError as error:
        return Checked(family, 0, skipped=f"{what} cannot be reached from here: {error}")
    except (UnansweredError, AccessError) as error:
        remedy = "look at its pods and its log"
        return Checked(family, 1, [Finding(f"{family}-silent", what, "answers", str(error), remedy)])


def _schemas(wanted: Declared, reach: Reach) -> Checked:
    found = services.subjects(reach, wanted) if wanted.subjects else {}
    return pipeline.check_schemas(wanted, found)


def _sinks(wanted: Declared, reach: Reach) -> Checked:
    found = services.connectors(reach, wanted.platform) if wanted.connectors else {}
    return pipeline.check_sinks(wanted, found)


def _stream(wanted: Declared, kubernetes: KubernetesReader, reach: Reach, namespace: str) -> Checked:
    if wanted.platform.stream is None:
        return pipeline.check_stream(wanted, None, "")
    resource = kubernetes.flink()
    state = str(resource["spec"]["job"].get("state", "running")) if resource else "missing"
    jobs = services.jobs(reach, namespace)
    runs = jobs is not None and any(job.state == "RUNNING" for job in jobs)
    return pipeline.check_stream(wanted, jobs, state, None if runs else _quiet(kubernetes))


def _quiet(kubernetes: KubernetesReader) -> float | None:
    """Seconds since the stream job's last checkpoint; None if that is not known."""
    try:
        last = kubernetes.last_checkpoint()
    except AccessError:  # a Role of the doctor without ConfigMaps; the job's state is told all the same
        return None
    return (datetime.now(UTC) - last).total_seconds() if last else None
