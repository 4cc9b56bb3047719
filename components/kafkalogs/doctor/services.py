"""Reads the state of the registry, the sinks and the stream job, and checks ports for TLS."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import ssl
import struct
import time
from collections.abc import Generator, Mapping, Sequence, Set
from typing import Any, Final
from urllib.parse import quote, urlsplit

from cryptography import x509

from ..client.cluster_access import AccessError
from ..client.reach import Reach, UnansweredError, end
from ..config import naming
from ..config.models import Platform
from ..kube.service_secrets import CA_SECRET, tls_secret
from ..schemas.registry import registry_url
from ..sinks.record import connect_clusters, rest_url
from ..stream.manifests import REST_PORT, STREAM
from . import seen
from .declared import Declared, as_list, as_mapping

RECENT: Final = 180
"""Seconds for which a failure of the Flink job counts: a job that keeps failing runs between failures."""

_POSTGRES: Final = 5432
_SSL_REQUEST: Final = struct.pack(">ii", 8, 80877103)
# ApiVersions (key 18, version 0) of Kafka's protocol, with the correlation id that the answer repeats.
_CORRELATION: Final = 0x6B6C6F67
_API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, _CORRELATION, -1)


def subjects(reach: Reach, declared: Declared) -> dict[str, seen.Subject]:
    """The declared subjects that the registry has. Raises UnansweredError."""
    schemas = declared.platform.schemas
    assert schemas is not None
    own = schemas.url is None
    url = registry_url(declared.platform.namespace) if own else str(schemas.url)
    login = None if own else reach.login(schemas.credentials_secret)
    base = urlsplit(url).path.rstrip("/")
    found: dict[str, seen.Subject] = {}
    with reach.talking(url, reach.trust(CA_SECRET if own else schemas.ca_secret), login) as ask:
        for name in set(as_list(ask(f"{base}/subjects"))) & declared.subjects.keys():
            path = quote(str(name), safe="")
            schema = json.loads(ask(f"{base}/subjects/{path}/versions/latest")["schema"])
            try:
                level = str(ask(f"{base}/config/{path}")["compatibilityLevel"])
            except UnansweredError as error:
                if error.status != 404:
                    raise
                level = None
            found[str(name)] = seen.Subject(schema, level)
    return found


def connectors(reach: Reach, platform: Platform) -> dict[str, seen.Connector]:
    """All connectors of the Connect clusters, by their REST APIs. Raises UnansweredError."""
    found: dict[str, seen.Connector] = {}
    for connect in connect_clusters(platform):
        url = f"{rest_url(connect, platform.namespace)}/connectors?expand=status&expand=info"
        found |= {str(name): _connector(as_mapping(about)) for name, about in as_mapping(reach.ask(url)).items()}
    return found


def _connector(about: Mapping[str, Any]) -> seen.Connector:
    status, info = as_mapping(about.get("status")), as_mapping(about.get("info"))
    tasks = [as_mapping(task) for task in as_list(status.get("tasks"))]
    return seen.Connector(
        state=str(as_mapping(status.get("connector")).get("state")),
        config={key: str(value) for key, value in as_mapping(info.get("config")).items()},
        tasks=tuple((str(task.get("state")), str(task.get("trace") or "")) for task in tasks),
    )


def jobs(reach: Reach, namespace: str) -> list[seen.Job] | None:
    """The jobs of Flink; None if its JobManager does not answer."""
    try:
        with reach.talking(f"http://{STREAM}-rest.{namespace}.svc:{REST_PORT}") as ask:
            found = [as_mapping(job) for job in as_list(as_mapping(ask("/jobs/overview")).get("jobs"))]
            return [
                seen.Job(str(job.get("name")), str(job.get("state")), _failure(ask(f"/jobs/{job['jid']}/exceptions")))
                for job in found
            ]
    except (UnansweredError, AccessError):  # a job that is suspended has no Service either
        return None


def _failure(answer: Any) -> str:
    """The root of a job's newest failure, if that was within `RECENT`."""
    entries = as_list(as_mapping(as_mapping(answer).get("exceptionHistory")).get("entries"))
    if not entries:
        return ""
    newest = max(map(as_mapping, entries), key=lambda one: int(one.get("timestamp", 0)))
    if int(newest.get("timestamp", 0)) < (time.time() - RECENT) * 1000:
        return ""
    lines = str(newest.get("stacktrace", "")).splitlines() or [str(newest.get("exceptionName"))]
    roots = [line for line in lines if line.startswith("Caused by: ")] or lines[:1]
    return roots[-1].removeprefix("Caused by: ")


def probes(
    reach: Reach, declared: Declared, services: Mapping[str, Sequence[int]], secrets: Set[str]
) -> list[seen.Probe]:
    """What Kafka's ports answer, and those of the services that have a certificate. secrets: the names of all."""
    cluster, space = declared.platform.kafka.name, declared.platform.namespace
    authority = reach.trust(naming.cluster_ca_secret(cluster))
    authority.check_hostname = False  # the ports among the brokers have names of their own
    found: list[seen.Probe] = []
    kafka = [naming.bootstrap_service(cluster), f"{cluster}-kafka-brokers", f"{cluster}-kafka-external-bootstrap"]
    tried: set[int] = set()
    for service in kafka:
        for port in services.get(service, ()):
            if port not in tried:
                tried.add(port)
                found.append(probe(reach, f"Kafka's port {port}", f"https://{service}.{space}.svc:{port}", authority))
    own = reach.trust(CA_SECRET) if CA_SECRET in secrets else None
    for service in sorted(services):
        if own is not None and tls_secret(service) in secrets:
            for port in services[service]:
                url = f"https://{service}.{space}.svc:{port}"
                found.append(probe(reach, f"service {service}:{port}", url, own, tls_secret(service)))
    return found


def probe(reach: Reach, what: str, url: str, trust: ssl.SSLContext, secret: str = "") -> seen.Probe:
    """Whether a port speaks TLS, and which certificate it shows. Try TLS first; a port that does not speak TLS gets a
    plain request. secret: the Secret that the port's certificate comes from."""
    parts = urlsplit(url)
    try:
        with _connected(reach, url) as plain:
            if parts.port == _POSTGRES:
                plain.sendall(_SSL_REQUEST)
                if plain.recv(1) != b"S":
                    return seen.Probe(what, "plaintext")
            encrypted = trust.wrap_socket(plain, server_hostname=parts.hostname)
            shown = encrypted.getpeercert(binary_form=True)
            end(encrypted)
            return seen.Probe(what, "tls", served=served(shown, secret) if shown else None)
    except ssl.SSLCertVerificationError as error:
        return seen.Probe(what, "tls", error.verify_message)
    except (UnansweredError, AccessError) as error:
        return seen.Probe(what, "nothing", str(error))
    except OSError as error:
        return _without(reach, what, url, error)


def served(certificate: bytes, secret: str) -> seen.Served:
    """The certificate that a server shows, from its DER."""
    until = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    return seen.Served(until, hashlib.sha256(certificate).hexdigest(), secret)


def _without(reach: Reach, what: str, url: str, failed: OSError) -> seen.Probe:
    """Ask without TLS: by Kafka's protocol, then by HTTP."""
    for request in (_API_VERSIONS, b"GET / HTTP/1.0\r\n\r\n"):
        with contextlib.suppress(UnansweredError, AccessError, OSError), _connected(reach, url) as plain:
            plain.sendall(request)
            if is_plain(plain.recv(64)):
                return seen.Probe(what, "plaintext")
    problem = getattr(failed, "reason", None) or str(failed) or type(failed).__name__
    return seen.Probe(what, "nothing", f"no TLS: {problem}")


@contextlib.contextmanager
def _connected(reach: Reach, url: str) -> Generator[socket.socket]:
    connection = reach.connect(url)
    try:
        yield connection
    finally:
        end(connection)


def is_plain(answer: bytes) -> bool:
    """Whether an answer is one without TLS."""
    return answer[4:8] == struct.pack(">i", _CORRELATION) or answer.startswith(b"HTTP/")
