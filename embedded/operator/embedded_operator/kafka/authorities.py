"""The Secrets with certificates: of the authorities, of this operator, and of each node."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from embedded_operator.common import names, objects
from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.objects import decode
from embedded_operator.common.spec import InvalidSpecError
from embedded_operator.kafka import ca, services
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.nodes import Node
from embedded_operator.kafka.spec import Authority, ClusterSpec

OPERATOR_CERTS = "{}-cluster-operator-certs"
OPERATOR_KEY = "cluster-operator"


class State(NamedTuple):
    """An authority as it is now. The generations count the renewals of the certificate and of its key."""

    pair: Pair
    generation: int = 0
    key_generation: int = 0


@dataclass(frozen=True)
class Leaf:
    """A certificate that the cluster CA issues: its Secret, the prefix of the keys there, and what it is for."""

    secret: str
    key: str
    common_name: str
    subject_names: frozenset[str] = frozenset()


def _state(pair: Pair, cert: Obj | None, key: Obj | None) -> State:
    """An authority from its two Secrets."""

    def generation(found: Obj | None, annotation: str) -> int:
        return int((names.annotation(found, annotation) if found else None) or 0)

    return State(pair, generation(cert, names.CA_CERT_GENERATION), generation(key, names.CA_KEY_GENERATION))


@dataclass
class Authorities:
    """Creates and renews the Secrets of certificates.

    The operator remembers each authority: when a person deletes its Secret, the same authority is written again,
    because a new authority would lock out every client.
    """

    kube: Kube
    known: dict[tuple[str, str], State] = field(default_factory=dict)

    def ensure(self, cluster: ClusterSpec, which: str, policy: Authority, moment: datetime) -> State:
        """The authority `which` (cluster-ca or clients-ca), created or renewed when it is due.

        Raises InvalidSpecError when the user brings the authority and its Secrets are missing.
        """
        name, namespace = f"{cluster.name}-{which}", cluster.namespace
        cert_secret = self.kube.get("Secret", namespace, f"{name}-cert")
        key_secret = self.kube.get("Secret", namespace, name)
        present = Pair(decode(cert_secret, "ca.crt"), decode(key_secret, "ca.key"))
        if not policy.generate:
            if not (present.cert and present.key):
                missing = f"Secrets {name}-cert (ca.crt) and {name} (ca.key) must exist"
                message = f"{missing}, because generateCertificateAuthority is false"
                raise InvalidSpecError("InvalidResourceException", [message])
            return _state(present, cert_secret, key_secret)
        memory = (cluster.resource["metadata"]["uid"], which)
        is_good = present.cert and present.key and ca.is_pair(present)
        state = _state(present, cert_secret, key_secret) if is_good else self.known.get(memory)
        forced = any(item and names.is_true(item, names.FORCE_RENEW) for item in (cert_secret, key_secret))
        common_name = f"{which} v{state.key_generation if state else 0}"
        if state is None:
            state = State(ca.make_ca(common_name, policy.validity, moment))
        elif forced or ca.is_due(state.pair.cert, policy.renewal, moment):
            renewed = ca.make_ca(common_name, policy.validity, moment, state.pair.key)
            state = State(renewed, state.generation + 1, state.key_generation)
        self.known[memory] = state
        self._write(cluster, which, state, cert_secret, policy.owned)
        for item in (cert_secret, key_secret):
            if forced and item and names.is_true(item, names.FORCE_RENEW):
                removal = {"metadata": {"annotations": {names.FORCE_RENEW: None}}}
                self.kube.patch("Secret", namespace, item["metadata"]["name"], removal)
        return state

    def _write(self, cluster: ClusterSpec, which: str, state: State, present: Obj | None, owned: bool) -> None:
        """Apply the two Secrets of an authority; `present` is the Secret of its certificate as it is."""
        labels = names.labels(cluster.name, "certificate-authority")
        password = decode(present, "ca.password") or ca.password()
        public = {"ca.crt": state.pair.cert, "ca.password": password}
        store = dig(present, "data", "ca.p12")
        if store and decode(present, "ca.crt") == state.pair.cert:
            p12 = base64.b64decode(store)  # a new store would differ each time, because of its salt
        else:
            p12 = ca.truststore(state.pair.cert, password)
        for suffix, data, key, generation in (
            ("-cert", {**public, "ca.p12": p12}, names.CA_CERT_GENERATION, state.generation),
            ("", {"ca.key": state.pair.key}, names.CA_KEY_GENERATION, state.key_generation),
        ):
            meta = objects.metadata(cluster.resource, f"{cluster.name}-{which}{suffix}", labels)
            meta["annotations"] = {key: str(generation)}
            if not owned:
                meta["ownerReferences"] = []
            self.kube.apply(objects.secret(meta, data))

    def identity(self, cluster: ClusterSpec, authority: State, moment: datetime) -> Pair:
        """The certificate with which this operator identifies itself to the cluster."""
        leaf = Leaf(OPERATOR_CERTS.format(cluster.name), OPERATOR_KEY, OPERATOR_KEY)
        return self._leaf(cluster, authority, leaf, moment)

    def node(self, cluster: ClusterSpec, node: Node, authority: State, moment: datetime) -> Pair:
        """The certificate with which one node identifies itself to other nodes and to clients."""
        wanted = frozenset(services.subject_names(cluster, node))
        return self._leaf(cluster, authority, Leaf(node.pod, node.pod, names.component(cluster.name), wanted), moment)

    def _leaf(self, cluster: ClusterSpec, authority: State, leaf: Leaf, moment: datetime) -> Pair:
        policy, wanted = cluster.cluster_ca, set(leaf.subject_names)
        found = self.kube.get("Secret", cluster.namespace, leaf.secret)
        present = Pair(decode(found, f"{leaf.key}.crt"), decode(found, f"{leaf.key}.key"))
        if present.cert and present.key and is_good(present, authority.pair, policy, wanted, moment):
            return present
        made = ca.issue(authority.pair, leaf.common_name, policy.validity, moment, ca.ORGANIZATION, wanted)
        meta = objects.metadata(cluster.resource, leaf.secret, names.labels(cluster.name))
        self.kube.apply(objects.secret(meta, {f"{leaf.key}.crt": made.cert, f"{leaf.key}.key": made.key}))
        return made


def is_good(present: Pair, authority: Pair, policy: Authority, wanted: set[str], moment: datetime) -> bool:
    """Whether a node's certificate needs no replacement."""
    try:
        return (
            ca.is_pair(present)
            and ca.is_issued_by(present.cert, authority.cert)
            and ca.subject_names(present.cert) == wanted
            and not ca.is_due(present.cert, policy.renewal, moment)
        )
    except ValueError:
        return False
