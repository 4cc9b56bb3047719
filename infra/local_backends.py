"""What a cloud would give, on one machine: `LocalS3`, `LocalSearch`, `LocalDatabase`.

They are for trying the platform out and for its tests: one pod each, no copies, and on destroy their data goes too.
Their certificates and passwords are those of `ServiceSecrets`, to be made before. What they are told is in
`infra/backends/`; the pods' folders and users are those of the official images, so that these can take the place of
the ones that are built from packages. A renewed certificate is read when the pod starts anew.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pulumi
from kafkalogs.kube.resources import (
    DELETE_AT_ONCE,
    LONGEST_DELETION,
    POD_WAITED_FOR,
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    Manifest,
    metadata,
)
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
_PROMETHEUS: Final = {"app.kubernetes.io/name": "prometheus"}
_NAME: Final = "app.kubernetes.io/name"


@dataclass(frozen=True)
class LocalBackendArgs:
    """What each of them is made of."""

    namespace: str
    """The namespace of the platform."""

    image: str
    """Its image."""

    storage: str = "10Gi"
    """The size of its volume, as Kubernetes writes it."""


@dataclass(frozen=True)
class LocalS3Args(LocalBackendArgs):
    """What a `LocalS3` is made of."""

    buckets: tuple[str, ...] = ("logs-archive", "stream-state")
    """The buckets that are there from the start."""


def s3_manifest(namespace: str, image: str, storage: str, config: str, buckets: tuple[str, ...]) -> Manifest:
    """The StatefulSet of the S3 server. config: its ConfigMap."""
    names = {"ROOT_ACCESS_KEY_ID": "username", "ROOT_SECRET_ACCESS_KEY": "password"}
    secret = credentials_secret("s3")
    keys: list[Manifest] = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}} for name, key in names.items()
    ]
    settings = {"VGW_PORT": f":{S3_PORT}", "VGW_CERT": "/tls/tls.crt", "VGW_KEY": "/tls/tls.key"}
    # One line for each request is too much; what fails still shows.
    settings |= {"VGW_HEALTH": "/health", "VGW_QUIET": "true"}
    data = {"name": "data", "mountPath": "/data"}
    health = {"httpGet": {"scheme": "HTTPS", "path": "/health", "port": "https"}}
    container = _container("s3", image, ["/usr/local/bin/versitygw", "posix", "/data"], S3_PORT, "https") | {
        "env": [*keys, *({"name": name, "value": value} for name, value in settings.items())],
        "readinessProbe": {**health, "periodSeconds": 3},
        "livenessProbe": {**health, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 5},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "volumeMounts": [data, _mount("tls"), _mount("tmp", writable=True)],
    }
    prepare = _container("prepare", image, ["sh", "/config/prepare.sh", *buckets]) | {
        "env": keys,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        "volumeMounts": [data, _mount("config"), _mount("tmp", writable=True)],
    }
    volumes: list[Manifest] = [
        _secret("tls", tls_secret("s3"), "tls.crt", "tls.key"),
        {"name": "config", "configMap": {"name": config}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return _stateful("s3", namespace, storage, 1001, [prepare], container, volumes)


def search_manifest(namespace: str, image: str, storage: str, config: str) -> Manifest:
    """The StatefulSet of Elasticsearch. config: its ConfigMap."""
    path = "/etc/elasticsearch"
    env = [{"name": "ES_PATH_CONF", "value": path}, {"name": "ES_TMPDIR", "value": "/tmp"}]  # noqa: S108
    configured = {"name": "configured", "mountPath": path}
    credentials = {name: f"/credentials/{name}" for name in ("elastic", "search-sink", "search-reader")}
    ready = {"exec": {"command": ["bash", "/config/ready.sh"]}, "timeoutSeconds": 10}
    container = _container("search", image, ["/usr/share/elasticsearch/bin/elasticsearch"], SEARCH_PORT, "https") | {
        "env": env,
        # It takes 15 s on an idle machine, and longer while everything else starts too.
        "startupProbe": {**ready, "periodSeconds": 5, "failureThreshold": 60},
        "readinessProbe": {**ready, "periodSeconds": 15},
        "livenessProbe": {"tcpSocket": {"port": "https"}, "periodSeconds": 20, "failureThreshold": 5},
        # 512 MiB are the heap; Lucene's and the network's buffers and the start script's own small JVM are besides.
        "resources": {"requests": {"cpu": "50m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1280Mi"}},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            configured,
            _mount("tls", f"{path}/tls"),
            _mount("config"),
            _mount("search-reader", credentials["search-reader"]),
            _mount("tmp", writable=True),
        ],
    }
    prepare = _container("prepare", image, ["bash", "/config/prepare.sh"]) | {
        "env": env,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
        "volumeMounts": [
            configured,
            _mount("config"),
            *(_mount(name, folder) for name, folder in credentials.items()),
            _mount("tmp", writable=True),
        ],
    }
    volumes: list[Manifest] = [
        {"name": "configured", "emptyDir": {}},
        _secret("tls", tls_secret("elasticsearch"), "tls.crt", "tls.key", "ca.crt"),
        {"name": "config", "configMap": {"name": config}},
        *(_secret(name, credentials_secret(name), "username", "password") for name in credentials),
        {"name": "tmp", "emptyDir": {}},
    ]
    return _stateful("elasticsearch", namespace, storage, 1000, [prepare], container, volumes)


def database_manifest(namespace: str, image: str, storage: str, config: str) -> Manifest:
    """The StatefulSet of PostgreSQL. config: its ConfigMap."""
    programs = "/usr/lib/postgresql/17/bin"
    env = [
        {"name": "PGDATA", "value": "/data/pgdata"},
        {"name": "PATH", "value": f"{programs}:/usr/local/bin:/usr/bin:/bin"},
    ]
    data = {"name": "data", "mountPath": "/data"}
    command = [f"{programs}/postgres", "-D", "/data/pgdata", "-c", "config_file=/config/postgresql.conf"]
    answers = {"exec": {"command": ["pg_isready", "--quiet", "--host=/tmp"]}, "timeoutSeconds": 5}
    container = _container("database", image, command, DATABASE_PORT, "postgres") | {
        "env": env,
        "readinessProbe": {**answers, "periodSeconds": 5},
        "livenessProbe": {**answers, "periodSeconds": 20, "failureThreshold": 5},
        "resources": {"requests": {"cpu": "30m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "volumeMounts": [data, _mount("tls"), _mount("config"), _mount("tmp", writable=True)],
    }
    prepare = _container("prepare", image, ["bash", "/config/prepare.sh"]) | {
        "env": env,
        "resources": {"requests": {"cpu": "30m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "volumeMounts": [
            data,
            *(_mount(name) for name in ("tls", "config", "credentials")),
            _mount("tmp", writable=True),
        ],
    }
    volumes: list[Manifest] = [
        _secret("tls", tls_secret("postgres"), "tls.crt", "tls.key"),
        {"name": "config", "configMap": {"name": config}},
        _secret("credentials", credentials_secret("postgres"), "username", "password"),
        {"name": "tmp", "emptyDir": {}},
    ]
    return _stateful("postgres", namespace, storage, 999, [prepare], container, volumes)


def service_manifest(name: str, namespace: str, port: int) -> Manifest:
    """The Service of one of them."""
    ports = [{"name": "postgres" if port == DATABASE_PORT else "https", "port": port, "targetPort": port}]
    about = {**metadata(name, namespace), "annotations": {**DELETE_AT_ONCE, **POD_WAITED_FOR}}
    return {"metadata": about, "spec": {"selector": {_NAME: name}, "ports": ports}}


def policy_manifest(name: str, namespace: str, use: str, port: int) -> Manifest:
    """Who reaches it: the pods labelled as users of it, and Prometheus."""
    users = [{f"kafkalogs.io/uses-{use}": "true"}, _PROMETHEUS]
    allowed: Manifest = {
        "from": [{"podSelector": {"matchLabels": labels}} for labels in users],
        "ports": [{"protocol": "TCP", "port": port}],
    }
    spec = {"podSelector": {"matchLabels": {_NAME: name}}, "policyTypes": ["Ingress"], "ingress": [allowed]}
    return {"metadata": metadata(name, namespace, at_once=True), "spec": spec}


def config_manifest(name: str, namespace: str, folder: str) -> Manifest:
    """The ConfigMap with the files of a folder of `infra/backends/`.

    Its name follows from their content, so that pods that mount it are made anew when a file changes.
    """
    data = {path.name: path.read_text() for path in sorted((_FILES / folder).iterdir())}
    digest = hashlib.sha256(repr(data).encode()).hexdigest()[:10]
    return {"metadata": metadata(f"{name}-{digest}", namespace, at_once=True), "immutable": True, "data": data}


class LocalS3(pulumi.ComponentResource):
    """Versity's S3 gateway on a volume. Its key is in the Secret s3-credentials, its certificate in s3-tls."""

    endpoint: pulumi.Output[str]
    """Its URL within the cluster, known when it runs."""

    def __init__(self, name: str, args: LocalS3Args, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:LocalS3", name, {}, opts)
        config = config_manifest("s3", args.namespace, "s3")
        manifest = s3_manifest(args.namespace, args.image, args.storage, config["metadata"]["name"], args.buckets)
        running = _register(self, name, "s3", args.namespace, "s3", S3_PORT, manifest, config)
        self.endpoint = running.id.apply(lambda _: f"https://s3.{args.namespace}.svc:{S3_PORT}")
        self.register_outputs({"endpoint": self.endpoint})


class LocalSearch(pulumi.ComponentResource):
    """Elasticsearch, one node. Its users are those of elastic-, search-sink- and search-reader-credentials."""

    url: pulumi.Output[str]
    """Its URL within the cluster, known when it runs."""

    def __init__(self, name: str, args: LocalBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:LocalSearch", name, {}, opts)
        config = config_manifest("elasticsearch", args.namespace, "search")
        manifest = search_manifest(args.namespace, args.image, args.storage, config["metadata"]["name"])
        running = _register(self, name, "elasticsearch", args.namespace, "search", SEARCH_PORT, manifest, config)
        self.url = running.id.apply(lambda _: f"https://elasticsearch.{args.namespace}.svc:{SEARCH_PORT}")
        self.register_outputs({"url": self.url})


class LocalDatabase(pulumi.ComponentResource):
    """PostgreSQL with the database `kafkalogs`, whose owner is the user of postgres-credentials. Only TLS is taken."""

    host: pulumi.Output[str]
    """Its name within the cluster, known when it runs."""

    def __init__(self, name: str, args: LocalBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:LocalDatabase", name, {}, opts)
        config = config_manifest("postgres", args.namespace, "database")
        manifest = database_manifest(args.namespace, args.image, args.storage, config["metadata"]["name"])
        running = _register(self, name, "postgres", args.namespace, "database", DATABASE_PORT, manifest, config)
        self.host = running.id.apply(lambda _: f"postgres.{args.namespace}.svc")
        self.register_outputs({"host": self.host})


def _register(
    parent: pulumi.Resource,
    name: str,
    service: str,
    namespace: str,
    use: str,
    port: int,
    manifest: Manifest,
    config: Manifest,
) -> StatefulSet:
    child = pulumi.ResourceOptions(parent=parent)
    policy = policy_manifest(service, namespace, use, port)
    NetworkPolicy(name, metadata=policy["metadata"], spec=policy["spec"], opts=child)
    reached = service_manifest(service, namespace, port)
    Service(name, metadata=reached["metadata"], spec=reached["spec"], opts=child)
    configured = ConfigMap(name, **config, opts=child)
    return StatefulSet(
        name,
        metadata=manifest["metadata"],
        spec=manifest["spec"],
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[configured],
            custom_timeouts=pulumi.CustomTimeouts(create="10m", update="10m", delete=LONGEST_DELETION),
        ),
    )


def _stateful(
    name: str,
    namespace: str,
    storage: str,
    user: int,
    prepare: list[Manifest],
    container: Manifest,
    volumes: list[Manifest],
) -> Manifest:
    template: Manifest = {
        "metadata": {"labels": {_NAME: name, "app.kubernetes.io/part-of": "kafkalogs"}},
        "spec": {
            "automountServiceAccountToken": False,
            # Kubernetes' variables about Services could be taken for settings, S3_PORT for one.
            "enableServiceLinks": False,
            "securityContext": {**RESTRICTED_POD, "runAsUser": user, "runAsGroup": user, "fsGroup": user},
            "initContainers": prepare,
            "containers": [container],
            "volumes": volumes,
        },
    }
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}},
    }
    return {
        "metadata": metadata(name, namespace),
        "spec": {
            "replicas": 1,
            "serviceName": name,
            "selector": {"matchLabels": {_NAME: name}},
            "template": template,
            "volumeClaimTemplates": [claim],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        },
    }


def _container(name: str, image: str, command: list[str], port: int | None = None, port_name: str = "") -> Manifest:
    ports = {"ports": [{"name": port_name, "containerPort": port}]} if port else {}
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        **ports,
    }


def _mount(volume: str, path: str | None = None, *, writable: bool = False) -> Manifest:
    return {"name": volume, "mountPath": path or f"/{volume}", **({} if writable else {"readOnly": True})}


def _secret(volume: str, name: str, *keys: str) -> Manifest:
    """A volume with some keys of a Secret, which the pod's group may read."""
    items = [{"key": key, "path": key} for key in keys]
    return {"name": volume, "secret": {"secretName": name, "defaultMode": 0o440, "items": items}}
