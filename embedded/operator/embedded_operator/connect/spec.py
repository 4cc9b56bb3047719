"""The specification of a KafkaConnect, checked, and the configuration of its workers. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from embedded_operator.common import names, settings
from embedded_operator.common import spec as checks
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.spec import InvalidSpecError

UNSUPPORTED = {
    "spec.jmxOptions": "JMX is off",
    "spec.tracing": "nothing is traced",
    "spec.rack": "one machine has one zone; client.rack is not set",
}
"""Fields without which the workers still do their work: a warning says what is missing."""
REFUSED = {
    "spec.build": "name an image that has the plugins in spec.image",
    "spec.plugins": "name an image that has the plugins in spec.image",
}
FORBIDDEN = (
    "group.id",
    "config.storage.topic",
    "offset.storage.topic",
    "status.storage.topic",
    "ssl.",
    "sasl.",
    "security.",
    "listeners",
    "plugin.path",
    "rest.",
    "bootstrap.servers",
    "consumer.interceptor.classes",
    "producer.interceptor.classes",
    "prometheus.metrics.reporter.",
)
"""Prefixes of options that only the operator sets (the definition of spec.config lists them)."""
ALLOWED = {
    "ssl.endpoint.identification.algorithm",
    "ssl.cipher.suites",
    "ssl.protocol",
    "ssl.enabled.protocols",
}
SASL = {
    "scram-sha-256": ("SCRAM-SHA-256", "org.apache.kafka.common.security.scram.ScramLoginModule"),
    "scram-sha-512": ("SCRAM-SHA-512", "org.apache.kafka.common.security.scram.ScramLoginModule"),
    "plain": ("PLAIN", "org.apache.kafka.common.security.plain.PlainLoginModule"),
}
"""Mechanism and login module of each authentication by password."""
DEFAULTS = {
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
}

CONFIG_DIR = "/opt/kafka/custom-config"
CERTS_DIR = "/opt/kafka/connect-certs"
PLUGIN_DIR = "/opt/kafka/plugins"
MOUNTS = "/mnt"
"""The folder below which additional volumes must be mounted, as with Strimzi."""
HOSTNAME = "ADVERTISED_HOSTNAME"
USERNAME = "KAFKA_CONNECT_SASL_USERNAME"

SecretData = Callable[[str], dict[str, str] | None]
"""The text entries of a Secret by its name; None when there is none."""


@dataclass(frozen=True)
class ConnectSpec:
    """A Connect cluster as wanted."""

    name: str
    namespace: str
    image: str
    replicas: int
    config: dict[str, str]
    resource: Obj
    warnings: list[Obj] = field(default_factory=list)

    @property
    def spec(self) -> Obj:
        """`spec` of the resource."""
        return self.resource["spec"]

    @property
    def authentication(self) -> Obj:
        """`spec.authentication`; empty without any."""
        return self.spec.get("authentication") or {}

    @property
    def pods(self) -> list[str]:
        """Names of the workers' pods."""
        return [f"{names.connect_component(self.name)}-{index}" for index in range(self.replicas)]

    def template(self, part: str) -> Obj:
        """A part of `spec.template`; empty when it is missing."""
        return dig(self.spec, "template", part, default={})


@dataclass(frozen=True)
class Trust:
    """Entries of Secrets, as (Secret, key): with them the workers verify brokers and identify themselves."""

    authorities: tuple[tuple[str, str], ...] = ()
    own: tuple[tuple[str, str], ...] = ()
    """Certificate and key, or the password."""
    digest: str = ""
    """A hash of the entries' contents."""

    @property
    def secrets(self) -> list[str]:
        """Names of the Secrets."""
        return sorted({secret for secret, _ in (*self.authorities, *self.own)})


def parse(resource: Obj, images: dict[str, str]) -> ConnectSpec:
    """Check and read a KafkaConnect; `images` maps Kafka versions to image references.

    Raises InvalidSpecError with all problems at once.
    """
    spec = resource["spec"]
    program = checks.program(resource, "spec", images, UNSUPPORTED, REFUSED)
    problems = [*program.problems, *_security_problems(spec), *_volume_problems(spec)]
    config, forbidden = settings.user_config(spec.get("config") or {}, FORBIDDEN, ALLOWED)
    warnings = list(program.warnings)
    if forbidden:
        message = f"spec.config: {', '.join(forbidden)}: set by the operator, ignored"
        warnings.append({"reason": "KafkaConnectForbiddenConfiguration", "message": message})
    if problems:
        raise InvalidSpecError("InvalidResourceException", problems)
    return ConnectSpec(
        name=resource["metadata"]["name"],
        namespace=resource["metadata"]["namespace"],
        image=program.image,
        replicas=spec["replicas"],
        config=config,
        resource=resource,
        warnings=warnings,
    )


def _security_problems(spec: Obj) -> list[str]:
    problems: list[str] = []
    for index, source in enumerate(dig(spec, "tls", "trustedCertificates", default=[])):
        if ("certificate" in source) == ("pattern" in source):
            problems.append(f"spec.tls.trustedCertificates[{index}]: name either certificate or pattern")
    authentication = spec.get("authentication") or {}
    kind = authentication.get("type")
    if kind == "tls":
        if not authentication.get("certificateAndKey"):
            problems.append("spec.authentication.certificateAndKey is missing; type tls needs it")
        if "tls" not in spec:
            problems.append("spec.authentication.type: tls needs spec.tls")
    elif kind in SASL:
        for key in ("username", "passwordSecret"):
            if not authentication.get(key):
                problems.append(f"spec.authentication.{key} is missing; type {kind} needs it")
    elif kind:
        problems.append(
            f"spec.authentication.type: {kind} is not supported by the embedded operator: tls, {', '.join(SASL)}"
        )
    return problems


def _volume_problems(spec: Obj) -> list[str]:
    mounts = dig(spec, "template", "connectContainer", "volumeMounts", default=[])
    return [
        f"spec.template.connectContainer.volumeMounts: {mount['mountPath']}: mount paths should start with {MOUNTS}"
        for mount in mounts
        if not mount["mountPath"].startswith(MOUNTS)
    ]


def trust(connect: ConnectSpec, data_of: SecretData) -> Trust:
    """The entries of Secrets that the workers use. Raises InvalidSpecError when an entry is missing."""
    problems: list[str] = []
    content: list[str] = []

    def found(path: str, secret: str, keys: Callable[[Iterable[str]], list[str]], what: str) -> list[tuple[str, str]]:
        data = data_of(secret)
        if data is None:
            problems.append(f"{path}: the Secret {secret} does not exist")
            return []
        chosen = keys(data)
        if not chosen:
            problems.append(f"{path}: the Secret {secret} has no {what}")
        content.extend(f"{secret}/{key}={data[key]}" for key in chosen)
        return [(secret, key) for key in chosen]

    def exactly(*wanted: str) -> Callable[[Iterable[str]], list[str]]:
        return lambda present: list(wanted) if set(wanted) <= set(present) else []

    authorities: list[tuple[str, str]] = []
    for index, source in enumerate(dig(connect.spec, "tls", "trustedCertificates", default=[])):
        path = f"spec.tls.trustedCertificates[{index}]"
        pattern = source.get("pattern")
        if pattern:
            authorities += found(path, source["secretName"], _matching(pattern), f"entry like {pattern}")
        else:
            key = source["certificate"]
            authorities += found(path, source["secretName"], exactly(key), f"entry {key}")
    own: list[tuple[str, str]] = []
    if pair := connect.authentication.get("certificateAndKey"):
        keys = (pair["certificate"], pair["key"])
        path = "spec.authentication.certificateAndKey"
        own = found(path, pair["secretName"], exactly(*keys), f"entries {' and '.join(keys)}")
    elif password := connect.authentication.get("passwordSecret"):
        key = password["password"]
        own = found("spec.authentication.passwordSecret", password["secretName"], exactly(key), f"entry {key}")
    if problems:
        raise InvalidSpecError("InvalidConfigurationException", problems)
    digest = hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]
    return Trust(tuple(dict.fromkeys(authorities)), tuple(own), digest)


def _matching(pattern: str) -> Callable[[Iterable[str]], list[str]]:
    return lambda present: sorted(key for key in present if fnmatchcase(key, pattern))


def secrets(resource: Obj) -> set[str]:
    """Names of the Secrets that the workers use to connect to the brokers."""
    spec = resource.get("spec") or {}
    found = {item["secretName"] for item in dig(spec, "tls", "trustedCertificates", default=[])}
    for key in ("certificateAndKey", "passwordSecret"):
        if name := dig(spec, "authentication", key, "secretName"):
            found.add(name)
    return found


def _file(entry: tuple[str, str]) -> str:
    """A reference to an entry of a mounted Secret; Kafka replaces the reference by the content."""
    return f"${{strimzidir:{CERTS_DIR}/{entry[0]}:{entry[1]}}}"


def _client(connect: ConnectSpec, trusted: Trust) -> dict[str, str]:
    """How the workers and their clients reach the brokers."""
    options: dict[str, str] = {}
    kind = connect.authentication.get("type")
    encrypted = "tls" in connect.spec
    if trusted.authorities:
        options["ssl.truststore.type"] = "PEM"
        options["ssl.truststore.certificates"] = "\n".join(_file(entry) for entry in trusted.authorities)
    if kind == "tls":
        certificate, key = trusted.own
        options["ssl.keystore.type"] = "PEM"
        options["ssl.keystore.certificate.chain"] = _file(certificate)
        options["ssl.keystore.key"] = _file(key)
    elif kind in SASL:
        mechanism, module = SASL[kind]
        password = _file(trusted.own[0])
        options["sasl.mechanism"] = mechanism
        options["sasl.jaas.config"] = f'{module} required username="${{strimzienv:{USERNAME}}}" password="{password}";'
    transport = "SSL" if encrypted else "PLAINTEXT"
    options["security.protocol"] = f"SASL_{transport}" if kind in SASL else transport
    return options


def build(connect: ConnectSpec, trusted: Trust) -> dict[str, str]:
    """The options of every worker; each worker replaces the references ${...} by their values."""
    client = _client(connect, trusted)
    user = dict(connect.config)
    providers = "strimzienv,strimzifile,strimzidir"
    if own := user.pop("config.providers", ""):
        providers = f"{own},{providers}"
    provider = "org.apache.kafka.common.config.provider"
    options = {
        "bootstrap.servers": connect.spec["bootstrapServers"],
        "group.id": connect.spec["groupId"],
        "config.storage.topic": connect.spec["configStorageTopic"],
        "offset.storage.topic": connect.spec["offsetStorageTopic"],
        "status.storage.topic": connect.spec["statusStorageTopic"],
        "listeners": f"http://:{names.REST_PORT}",
        "rest.advertised.host.name": f"${{strimzienv:{HOSTNAME}}}",
        "rest.advertised.port": str(names.REST_PORT),
        "plugin.path": PLUGIN_DIR,
        "config.providers": providers,
        "config.providers.strimzienv.class": f"{provider}.EnvVarConfigProvider",
        "config.providers.strimzifile.class": f"{provider}.FileConfigProvider",
        "config.providers.strimzidir.class": f"{provider}.DirectoryConfigProvider",
        "config.providers.strimzidir.param.allowed.paths": "/opt/kafka",
    }
    for prefix in ("", "producer.", "consumer.", "admin."):
        options |= {f"{prefix}{key}": value for key, value in client.items()}
    return {**DEFAULTS, **user, **options}
