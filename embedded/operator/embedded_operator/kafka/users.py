"""KafkaUser: its identity and its rights. Pure, except that keys and passwords are random."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from embedded_operator.common import names, objects
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.objects import decode, encode
from embedded_operator.kafka import acls, ca, scram
from embedded_operator.kafka.acls import Acl
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.spec import Authority

QUOTAS = {
    "producerByteRate": "producer_byte_rate",
    "consumerByteRate": "consumer_byte_rate",
    "requestPercentage": "request_percentage",
    "controllerMutationRate": "controller_mutation_rate",
}
"""Fields of `spec.quotas` and the names of Kafka's quotas (bytes/s, percent of a thread, partitions/s; per broker)."""
COMMON_NAME_MAX = 64
"""Characters that X.509 allows in a common name."""
IGNORED = {"*", "ANONYMOUS"}
"""Principals that belong to no KafkaUser and keep their rights (Strimzi: SimpleAclOperator)."""
PREFIX = "CN="


class InvalidUserError(Exception):
    """A KafkaUser that cannot be carried out; the message names the field and the remedy."""


@dataclass(frozen=True)
class User:
    """A user as Kafka must have it, with the name `principal` there."""

    name: str
    principal: str
    authentication: str | None
    acls: set[Acl]
    quotas: dict[str, float]


def parse(resource: Obj, authorization: bool) -> User:
    """Read a KafkaUser; `authorization` is whether its cluster has authorization. Raises InvalidUserError."""
    name = resource["metadata"]["name"]
    spec = resource.get("spec") or {}
    authentication = dig(spec, "authentication", "type")
    certified = authentication in ("tls", "tls-external")
    if certified and len(name) > COMMON_NAME_MAX:
        raise InvalidUserError(
            f"users with TLS client authentication can have a name of at most {COMMON_NAME_MAX} characters, "
            f"{name} has {len(name)}"
        )
    rules = dig(spec, "authorization", "acls", default=[])
    if rules and not authorization:
        raise InvalidUserError(
            "Simple authorization ACL rules are configured but not supported in the Kafka cluster configuration."
        )
    try:
        wanted = acls.parse(rules)
    except ValueError as error:
        raise InvalidUserError(str(error)) from None
    return User(
        name=name,
        principal=f"{PREFIX}{name}" if certified else name,
        authentication=authentication,
        acls=wanted,
        quotas=quotas(spec.get("quotas") or {}),
    )


def quotas(spec: Mapping[str, float]) -> dict[str, float]:
    """Kafka's quotas for `spec.quotas`."""
    return {QUOTAS[key]: float(value) for key, value in spec.items() if key in QUOTAS and value is not None}


@dataclass
class Grants:
    """The rights, quotas and credentials of a cluster's users as read from Kafka, by principal."""

    acls: dict[str, set[Acl]]
    quotas: dict[str, dict[str, float]]
    scram: set[str]

    def principals(self) -> set[str]:
        """All principals that have something, without the ignored ones."""
        return (self.acls.keys() | self.quotas.keys() | self.scram) - IGNORED


@dataclass
class Changes:
    """The requests to Kafka that give users what they must have."""

    add: list[tuple[str, Acl]] = field(default_factory=list)
    remove: list[tuple[str, Acl]] = field(default_factory=list)
    quotas: dict[str, dict[str, float | None]] = field(default_factory=dict)
    forget: list[str] = field(default_factory=list)
    """Users whose SCRAM credentials are removed."""


def compare(user: User, present: Grants, changes: Changes) -> None:
    """Add the changes that give the user exactly what it must have, without new credentials."""
    new, old = acls.difference(user.acls, present.acls.get(user.principal, set()))
    changes.add += [(user.principal, acl) for acl in sorted(new)]
    changes.remove += [(user.principal, acl) for acl in sorted(old)]
    has = present.quotas.get(user.principal, {})
    known = {key: value for key, value in has.items() if key in QUOTAS.values()}
    difference: dict[str, float | None] = {key: value for key, value in user.quotas.items() if has.get(key) != value}
    difference |= dict.fromkeys(known.keys() - user.quotas.keys())
    if difference:
        changes.quotas[user.principal] = difference
    if user.authentication != "scram-sha-512" and user.principal in present.scram:
        changes.forget.append(user.principal)


def leftovers(present: Grants, wanted: set[str], internal: set[str]) -> list[User]:
    """Users that Kafka knows and no KafkaUser describes, as users without rights, quotas and credentials.

    A KafkaUser has one principal: after another way to authenticate was set, the old principal is a leftover too.
    """
    gone = present.principals() - wanted - internal
    return [User(name.removeprefix(PREFIX), name, None, set(), {}) for name in sorted(gone)]


def secret(
    resource: Obj,
    present: Obj | None,
    authority: Pair,
    policy: Authority,
    moment: datetime,
    password_of: Callable[[str, str], str],
) -> tuple[Obj | None, str | None]:
    """The Secret of a user (None when it has none), and its SCRAM password if it has one.

    `present` is the Secret as it is; its contents stay as long as they are valid. `password_of` reads a key of another
    Secret, where a person has set the password.
    """
    name = resource["metadata"]["name"]
    authentication = dig(resource, "spec", "authentication", default={})
    kind = authentication.get("type")
    password: str | None = None
    if kind == "tls":
        policy = Authority(
            validity=authentication.get("validityDays", policy.validity),
            renewal=authentication.get("renewalDays", policy.renewal),
        )
        data = _certificate(name, present, authority, policy, moment)
    elif kind == "scram-sha-512":
        reference = dig(authentication, "password", "valueFrom", "secretKeyRef")
        own = decode(present, "password") or ca.password()
        password = password_of(reference["name"], reference["key"]) if reference else own
        data = encode({"password": password, "sasl.jaas.config": scram.jaas(name, password)})
    else:
        return None, None
    labels = {
        names.CLUSTER: resource["metadata"]["labels"][names.CLUSTER],
        names.KIND: "KafkaUser",
        "app.kubernetes.io/name": "strimzi-user-operator",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/part-of": f"strimzi-{name}",
        names.MANAGED_BY: names.OPERATOR,
    }
    meta = objects.metadata(resource, name, labels, dig(resource, "spec", "template", "secret"))
    made: Obj = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": data}
    return made, password


def _certificate(
    name: str, present: Obj | None, authority: Pair, policy: Authority, moment: datetime
) -> dict[str, str]:
    """Data of the Secret of a TLS user; `ca.crt` is the clients CA, as with Strimzi."""
    pair = Pair(decode(present, "user.crt"), decode(present, "user.key"))
    stored = ((present or {}).get("data") or {}).get("user.p12")
    password = decode(present, "user.password") or ca.password()
    if not _is_good(pair, authority, policy, name, moment):
        pair, stored = ca.issue(authority, name, policy.validity, moment), None
    if not stored or decode(present, "ca.crt") != authority.cert or not decode(present, "user.password"):
        stored = base64.b64encode(ca.keystore(pair, authority.cert, name, password)).decode()
    texts = {"ca.crt": authority.cert, "user.crt": pair.cert, "user.key": pair.key, "user.password": password}
    return {**encode(texts), "user.p12": stored}


def _is_good(pair: Pair, authority: Pair, policy: Authority, name: str, moment: datetime) -> bool:
    if not (pair.cert and pair.key):
        return False
    try:
        return (
            ca.is_pair(pair)
            and ca.is_issued_by(pair.cert, authority.cert)
            and ca.load(pair.cert).subject.rfc4514_string() == f"CN={name}"
            and not ca.is_due(pair.cert, policy.renewal, moment)
        )
    except ValueError:
        return False
