"""encryption-in-transit: nothing is said unencrypted, by brokers, clients, sinks, the registry or the search engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from ..environments import Demands
from ..kinds import containers, flink_pods, kind, named, of, pod
from ..model import Context, Finding, Member, Rule, Violation, each, unknown
from ..values import UNKNOWN, UnknownValueError, View
from . import aws, plaintext

_WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")
_CLIENTS: Final = ("KafkaConnect", "KafkaBridge")
DOMAIN: Final = "aws:opensearch/domain:Domain"
_TLS_1_2: Final = "Policy-Min-TLS-1-2"
_PLAIN_PORTS: Final = frozenset({"80", "9092"})
_REMEDY: Final = "use the encrypted one: https, security.protocol SSL, sslmode=verify-full, port 9093"


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    name = kind(type_)
    if name == "Kafka":
        for listener in view["spec"]["kafka"]["listeners"].items:
            yield from each(_listener(listener))
        yield from each(_texts(view["spec"]["kafka"]["config"]))
    elif name in _CLIENTS:
        yield from each(_client(view), _texts(view["spec"]["config"]))
    elif name == "KafkaMirrorMaker2":
        sources = [mirror["source"] for mirror in view["spec"]["mirrors"].items]
        for cluster in [view["spec"]["target"], *view["spec"]["clusters"].items, *sources]:
            if cluster.there and not cluster["tls"].there:
                yield Violation(cluster.path, "a connection to Kafka without TLS", "write tls.trustedCertificates")
    elif name == "KafkaConnector":
        yield from each(_texts(view["spec"]["config"]))
    elif name == "FlinkDeployment":
        yield from each(_texts(view["spec"]["flinkConfiguration"]), _texts(view["spec"]["job"]))
        yield from each(_texts(view["spec"]["logConfiguration"]))
        for template in flink_pods(view):
            yield from each(_environment(template))
    elif name == "FlinkSessionJob":
        yield from each(_texts(view["spec"]["flinkConfiguration"]), _texts(view["spec"]["job"]))
    elif name in {"ConfigMap", "Secret"}:
        for key in ("data", "stringData") if name == "Secret" else ("data", "binaryData"):
            if (name, key) in {("Secret", "data"), ("ConfigMap", "binaryData")}:
                yield from each(_texts(_decoded(view[key]), say_value=False))
            else:
                yield from each(_texts(view[key], say_value=name != "Secret"))
    elif name == "Service":
        yield from each(_service(view))
    elif name == "Ingress":
        if not view["spec"]["tls"].items:
            yield Violation(
                "spec.tls", "a way in from outside without TLS", "write spec.tls with a certificate's Secret"
            )
    elif name == DOMAIN:
        yield from each(_domain(view), _domain_nodes(view), _domain_versions(view))
    elif (spec := pod(type_, view)) is not None:
        yield from each(_environment(spec))


def _listener(listener: View) -> Iterator[Violation]:
    if not listener["tls"].true:
        told = f"listener {listener['name'].shown} has tls {listener['tls'].shown}: clients talk to it in plain text"
        yield Violation(f"{listener.path}.tls", told, "write tls: true")


def _client(view: View) -> Iterator[Violation]:
    if not view["spec"]["tls"]["trustedCertificates"].items:
        told = "no tls.trustedCertificates: Strimzi then connects to Kafka without TLS"
        yield Violation("spec.tls.trustedCertificates", told, "name the Secret <cluster>-cluster-ca-cert there")


def _texts(held: View, *, say_value: bool = True) -> Iterator[Violation]:
    """All settings or texts below a place."""
    for leaf in held.leaves():
        yield from _text(leaf.path.removeprefix(f"{held.path}."), leaf, say_value=say_value)


def _text(key: str, leaf: View, *, say_value: bool = True) -> Iterator[Violation]:
    if leaf.value is UNKNOWN:
        yield unknown(leaf.path)
        return
    for words in plaintext.of_setting(key, leaf):
        yield Violation(leaf.path, f"has {words}" if say_value else "has something that is not encrypted", _REMEDY)


def _decoded(held: View) -> View:
    """Texts in Base64 as they are. What is no text is nobody's setting."""
    found: dict[str, Any] = {}
    for key, place in held.entries.items():
        try:
            found[key] = place.value if place.value is UNKNOWN else base64.b64decode(place.text).decode()
        except ValueError:
            continue
    return View(found, held.path)


def _environment(spec: View) -> Iterator[Violation]:
    """What containers are told: their environment, commands and arguments."""
    for container in containers(spec):
        for entry in container["env"].items:
            yield from each(_text(entry["name"].text, entry["value"]))
        hooks = [container["lifecycle"][when]["exec"]["command"] for when in ("postStart", "preStop")]
        probes = [container[f"{kind_}Probe"]["exec"]["command"] for kind_ in ("liveness", "readiness", "startup")]
        for place in (container["command"], container["args"], *hooks, *probes):
            for words in place.items:
                yield from each(_text(named(container), words))


def _service(view: View) -> Iterator[Violation]:
    for port in view["spec"]["ports"].items:
        # "http-metrics" and the like serve figures, not logs.
        plain = port["name"].text.lower() == "http" or port["appProtocol"].text.lower() in {"http", "ws"}
        if plain or port["port"].text in _PLAIN_PORTS:
            told = f"port {port['port'].shown} ({port['name'].shown}) is an endpoint without TLS"
            yield Violation(port.path, told, "serve TLS and name the port https; metrics go to a port named metrics")


def _domain(view: View) -> Iterator[Violation]:
    options = view["domainEndpointOptions"]
    if not options["enforceHttps"].true:
        told = f"enforceHttps is {options['enforceHttps'].shown}: the search engine answers plain HTTP"
        yield Violation("domainEndpointOptions.enforceHttps", told, "write true")


def _domain_versions(view: View) -> Iterator[Violation]:
    policy = view["domainEndpointOptions"]["tlsSecurityPolicy"]
    if not policy.text.startswith((_TLS_1_2, "Policy-Min-TLS-1-3")):
        told = f"tlsSecurityPolicy is {policy.shown}, which may allow TLS 1.0"
        yield Violation(policy.path, told, f"write {_TLS_1_2}-PFS-2023-10")


def _domain_nodes(view: View) -> Iterator[Violation]:
    enabled = view["nodeToNodeEncryption"]["enabled"]
    if not enabled.true:
        told = f"nodeToNodeEncryption is {enabled.shown}: nodes copy logs to each other in plain text"
        yield Violation(enabled.path, told, "write enabled: true")


def _buckets(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    """Each bucket has a policy that refuses whoever comes without TLS."""
    policies = [member for member in members if member.type in aws.BUCKET_POLICIES]
    for bucket in aws.buckets(members):
        own = [policy for policy in policies if aws.concerns(policy, bucket)]
        remedy = 'add a BucketPolicy that denies s3:* where aws:SecureTransport is "false"'
        if not own:
            yield bucket, Violation("", "a bucket without a policy: it answers plain HTTP", remedy)
        for policy in own:
            document = policy.view["policy"]
            try:
                if not _denies_plain(document):
                    yield policy, Violation("policy", "a bucket policy that does not refuse plain HTTP", remedy)
            except UnknownValueError:
                yield policy, unknown("policy")


def _denies_plain(document: View) -> bool:
    for statement in aws.statements(document):
        conditions = cast("dict[str, Any]", statement.get("Condition", {}))
        tests = {str(k): str(v).lower() for each_ in conditions.values() for k, v in dict(each_).items()}
        # every action, for everybody
        everybody = json.dumps(statement.get("Principal")) in {'"*"', '{"AWS": "*"}'}
        whole = aws.listed(statement.get("Action")) & {"s3:*", "*"}
        if statement.get("Effect") == "Deny" and everybody and whole and tests.get("aws:SecureTransport") == "false":
            return True
    return False


RULE: Final = Rule(
    name="encryption-in-transit",
    title="Listeners, clients, sinks, the registry and the search engine speak TLS only",
    applies=of(
        *("Kafka", *_CLIENTS, "KafkaMirrorMaker2", "KafkaConnector", "ConfigMap", "Secret"),
        *("FlinkDeployment", "FlinkSessionJob"),
        *("Service", "Ingress", DOMAIN, *_WORKLOADS),
    ),
    examine=_examine,
    stack=_buckets,
)
