"""Services that a cloud would provide, on one machine: `LocalS3`, `LocalSearch`, `LocalDatabase`.

They are for trials and for tests: each is one pod without copies, and `pulumi destroy` deletes its data. The Secrets of
`ServiceSecrets` hold their certificates and passwords, and must exist first. Their configuration files are in
`infra/backends/`. The folders and users of the pods are those of the official images, so that an official image can
replace one that is built from packages. A pod reads a renewed certificate when the pod restarts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pulumi
from kafkalogs.catalog.network import PodGroup, Served, named, user_of
from kafkalogs.kube import policies
from kafkalogs.kube.pods import (
    NAME_LABEL,
    USER,
    container,
    digest,
    environment,
    labels,
    mounts,
    pod,
    resources,
    secret_volume,
)
from kafkalogs.kube.resources import DELETE_AT_ONCE, LONGEST_DELETION, POD_WAITED_FOR, Manifest, metadata
from kafkalogs.kube.service_secrets import credentials_secret, tls_secret
from pulumi_kubernetes.apps.v1 import StatefulSet
from pulumi_kubernetes.core.v1 import ConfigMap, Service
from pulumi_kubernetes.networking.v1 import NetworkPolicy

S3_PORT: Final = 7070
SEARCH_PORT: Final = 9200
DATABASE_PORT: Final = 5432
DATABASE: Final = "kafkalogs"
"""The name of the database."""

_FILES: Final = Path(__file__).parent / "backends"
_DATA: Final[Manifest] = {"name": "data", "mountPath": "/data"}
_TMP: Final[Manifest] = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the container's own
_TMP_VOLUME: Final[Manifest] = {"name": "tmp", "emptyDir": {}}


@dataclass(frozen=True)
class Server:
    """What distinguishes one of the three servers."""

    name: str
    """The name of the Service, the StatefulSet and the pod."""

    use: str
    """Pods with the label kafkalogs.io/uses-<use> may connect; also the name of the folder in `infra/backends/`."""

    port: int
    port_name: str
    user: int
    """The id of the user and of the group in the image."""

    @property
    def pods(self) -> PodGroup:
        """The server's pod, for the network policies."""
        return PodGroup(peer=named(self.name), serves=(Served(self.port, (user_of(self.use),)),))


S3: Final = Server("s3", "s3", S3_PORT, "https", USER)
ELASTICSEARCH: Final = Server("elasticsearch", "search", SEARCH_PORT, "https", 1000)
POSTGRES: Final = Server("postgres", "database", DATABASE_PORT, "postgres", 999)


@dataclass(frozen=True)
class LocalBackendArgs:
    """The arguments of each server."""

    namespace: str
    """The namespace of the platform."""

    image: str
    """The image of the server."""

    storage: str = "10Gi"
    """The size of the volume, as a quantity of Kubernetes."""


@dataclass(frozen=True)
class LocalS3Args(LocalBackendArgs):
    """The arguments of a `LocalS3`."""

    buckets: tuple[str, ...] = ("logs-archive", "stream-state")
    """The buckets that exist from the start."""


def s3_manifest(args: LocalS3Args, config: str) -> Manifest:
    """The StatefulSet of the S3 server. config: the name of its ConfigMap."""
    names = {"ROOT_ACCESS_KEY_ID": "username", "ROOT_SECRET_ACCESS_KEY": "password"}
    secret = credentials_secret("s3")
    keys: list[Manifest] = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}} for name, key in names.items()
    ]
    settings = {"VGW_PORT": f":{S3_PORT}", "VGW_CERT": "/tls/tls.crt", "VGW_KEY": "/tls/tls.key"}
    # This turns off the line for each request; errors are still logged.
    settings |= {"VGW_HEALTH": "/health", "VGW_QUIET": "true"}
    health = {"httpGet": {"scheme": "HTTPS", "path": "/health", "port": S3.port_name}}
    server = container("s3", args.image) | {
        "command": ["/usr/local/bin/versitygw", "posix", "/data"],
        "env": [*keys, *environment(settings)],
        "readinessProbe": {**health, "periodSeconds": 3},
        "livenessProbe": {**health, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 5},
        "resources": resources("20m", "64Mi", "1", "512Mi"),
        "volumeMounts": [_DATA, *mounts("", ["tls"]), _TMP],
    }
    prepare = container("prepare", args.image) | {
        "command": ["sh", "/config/prepare.sh", *args.buckets],
        "env": keys,
        "resources": resources("10m", "32Mi", "1", "128Mi"),
        "volumeMounts": [_DATA, *mounts("", ["config"]), _TMP],
    }
    volumes = [secret_volume("tls", tls_secret("s3"), "tls.crt", "tls.key"), _config_volume(config)]
    return _stateful_set(S3, args, prepare, server, volumes)


def search_manifest(args: LocalBackendArgs, config: str) -> Manifest:
    """The StatefulSet of Elasticsearch. config: the name of its ConfigMap."""
    path = "/etc/elasticsearch"
    env = environment({"ES_PATH_CONF": path, "ES_TMPDIR": "/tmp"})  # noqa: S108 - the container's own
    configured = {"name": "configured", "mountPath": path}
    credentials = ("elastic", "search-sink", "search-reader")
    ready = {"exec": {"command": ["bash", "/config/ready.sh"]}, "timeoutSeconds": 10}
    server = container("search", args.image) | {
        "command": ["/usr/share/elasticsearch/bin/elasticsearch"],
        "env": env,
        # It starts in 15 s on an idle machine, and takes longer while the other parts start too.
        "startupProbe": {**ready, "periodSeconds": 5, "failureThreshold": 60},
        "readinessProbe": {**ready, "periodSeconds": 15},
        "livenessProbe": {
            "tcpSocket": {"port": ELASTICSEARCH.port_name},
            "periodSeconds": 20,
            "failureThreshold": 5,
        },
        # The heap has 512 MiB. Lucene, the network's buffers and the small JVM of the start script need the rest.
        "resources": resources("50m", "1Gi", "2", "1280Mi"),
        "volumeMounts": [
            _DATA,
            configured,
            *mounts(path, ["tls"]),
            *mounts("", ["config"]),
            *mounts("/credentials", ["search-reader"]),
            _TMP,
        ],
    }
    prepare = container("prepare", args.image) | {
        "command": ["bash", "/config/prepare.sh"],
        "env": env,
        "resources": resources("10m", "16Mi", "1", "64Mi"),
        "volumeMounts": [configured, *mounts("", ["config"]), *mounts("/credentials", credentials), _TMP],
    }
    volumes: list[Manifest] = [
        {"name": "configured", "emptyDir": {}},
        secret_volume("tls", tls_secret("elasticsearch"), "tls.crt", "tls.key", "ca.crt"),
        _config_volume(config),
        *(secret_volume(name, credentials_secret(name), "username", "password") for name in credentials),
    ]
    return _stateful_set(ELASTICSEARCH, args, prepare, server, volumes)


def database_manifest(args: LocalBackendArgs, config: str) -> Manifest:
    """The StatefulSet of PostgreSQL. config: the name of its ConfigMap."""
    programs = "/usr/lib/postgresql/17/bin"
    answers = {"exec": {"command": ["pg_isready", "--quiet", "--host=/tmp"]}, "timeoutSeconds": 5}
    both = {
        "env": environment({"PGDATA": "/data/pgdata", "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin"}),
        "resources": resources("30m", "128Mi", "1", "512Mi"),
    }
    server = container("database", args.image) | {
        "command": [f"{programs}/postgres", "-D", "/data/pgdata", "-c", "config_file=/config/postgresql.conf"],
        "readinessProbe": {**answers, "periodSeconds": 5},
        "livenessProbe": {**answers, "periodSeconds": 20, "failureThreshold": 5},
        "volumeMounts": [_DATA, *mounts("", ["tls", "config"]), _TMP],
        **both,
    }
    prepare = container("prepare", args.image) | {
        "command": ["bash", "/config/prepare.sh"],
        "volumeMounts": [_DATA, *mounts("", ["tls", "config", "credentials"]), _TMP],
        **both,
    }
    volumes = [
        secret_volume("tls", tls_secret("postgres"), "tls.crt", "tls.key"),
        _config_volume(config),
        secret_volume("credentials", credentials_secret("postgres"), "username", "password"),
    ]
    return _stateful_set(POSTGRES, args, prepare, server, volumes)


def _config_volume(config: str) -> Manifest:
    return {"name": "config", "configMap": {"name": config}}


def _stateful_set(
    server: Server, args: LocalBackendArgs, prepare: Manifest, main: Manifest, volumes: list[Manifest]
) -> Manifest:
    ports = [{"name": server.port_name, "containerPort": server.port}]
    spec = pod([{**main, "ports": ports}], [*volumes, _TMP_VOLUME], server.user)
    spec["securityContext"]["runAsGroup"] = server.user
    # Kubernetes describes each Service in environment variables, and a server could read S3_PORT as a setting.
    spec |= {"enableServiceLinks": False, "initContainers": [prepare]}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": args.storage}}}
    return {
        "metadata": metadata(server.name, args.namespace),
        "spec": {
            "replicas": 1,
            "serviceName": server.name,
            "selector": {"matchLabels": {NAME_LABEL: server.name}},
            "template": {"metadata": {"labels": labels(server.name)}, "spec": spec},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        },
    }


def service_manifest(server: Server, namespace: str) -> Manifest:
    """The Service of one server."""
    ports = [{"name": server.port_name, "port": server.port, "targetPort": server.port}]
    about = {**metadata(server.name, namespace), "annotations": {**DELETE_AT_ONCE, **POD_WAITED_FOR}}
    return {"metadata": about, "spec": {"selector": {NAME_LABEL: server.name}, "ports": ports}}


def policy_manifest(server: Server, namespace: str) -> Manifest:
    """The NetworkPolicy of one server: only its labelled users may connect."""
    return {"metadata": metadata(server.name, namespace, at_once=True), "spec": policies.ingress(server.pods)}


def egress_manifest(server: Server, namespace: str) -> Manifest:
    """The NetworkPolicy by which a server connects to nobody but DNS."""
    spec = policies.egress_manifest(server.pods, [server.pods], namespace, {})["spec"]
    return {"metadata": metadata(f"{server.name}-egress", namespace, at_once=True), "spec": spec}


def config_manifest(server: Server, namespace: str) -> Manifest:
    """The ConfigMap with the server's files of `infra/backends/`.

    The name contains a digest of the content, so a changed file restarts the pods that mount the ConfigMap.
    """
    data = {path.name: path.read_text() for path in sorted((_FILES / server.use).iterdir())}
    about = metadata(f"{server.name}-{digest(repr(data))[:10]}", namespace, at_once=True)
    return {"metadata": about, "immutable": True, "data": data}


class _LocalServer(pulumi.ComponentResource):
    """One of the servers: its configuration, its pod, its Service and its NetworkPolicy."""

    def _run(self, name: str, server: Server, namespace: str, build: Callable[[str], Manifest]) -> pulumi.Output[str]:
        """The server's host, known when the server runs. build: the StatefulSet for a ConfigMap of this name."""
        child = pulumi.ResourceOptions(parent=self)
        policy = policy_manifest(server, namespace)
        NetworkPolicy(name, metadata=policy["metadata"], spec=policy["spec"], opts=child)
        policy = egress_manifest(server, namespace)
        NetworkPolicy(f"{name}-egress", metadata=policy["metadata"], spec=policy["spec"], opts=child)
        service = service_manifest(server, namespace)
        Service(name, metadata=service["metadata"], spec=service["spec"], opts=child)
        config = config_manifest(server, namespace)
        configured = ConfigMap(name, **config, opts=child)
        manifest = build(config["metadata"]["name"])
        timeouts = pulumi.CustomTimeouts(create="10m", update="10m", delete=LONGEST_DELETION)
        after = pulumi.ResourceOptions(parent=self, depends_on=[configured], custom_timeouts=timeouts)
        running = StatefulSet(name, metadata=manifest["metadata"], spec=manifest["spec"], opts=after)
        return running.id.apply(lambda _: f"{server.name}.{namespace}.svc")


class LocalS3(_LocalServer):
    """Versity's S3 gateway on a volume. Its key is in the Secret s3-credentials, its certificate in s3-tls."""

    endpoint: pulumi.Output[str]
    """Its URL within the cluster, known when the server runs."""

    def __init__(self, name: str, args: LocalS3Args, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:LocalS3", name, {}, opts)
        host = self._run(name, S3, args.namespace, partial(s3_manifest, args))
        self.endpoint = host.apply(lambda host: f"https://{host}:{S3_PORT}")
        self.register_outputs({"endpoint": self.endpoint})


class LocalSearch(_LocalServer):
    """Elasticsearch, one node. The Secrets elastic-, search-sink- and search-reader-credentials name its users."""

    url: pulumi.Output[str]
    """Its URL within the cluster, known when the server runs."""

    def __init__(self, name: str, args: LocalBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:LocalSearch", name, {}, opts)
        host = self._run(name, ELASTICSEARCH, args.namespace, partial(search_manifest, args))
        self.url = host.apply(lambda host: f"https://{host}:{SEARCH_PORT}")
        self.register_outputs({"url": self.url})


class LocalDatabase(_LocalServer):
    """PostgreSQL with the database `kafkalogs`. The user of postgres-credentials owns it. Clients must use TLS."""

    host: pulumi.Output[str]
    """Its name within the cluster, known when the server runs."""

    def __init__(self, name: str, args: LocalBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:LocalDatabase", name, {}, opts)
        self.host = self._run(name, POSTGRES, args.namespace, partial(database_manifest, args))
        self.register_outputs({"host": self.host})
