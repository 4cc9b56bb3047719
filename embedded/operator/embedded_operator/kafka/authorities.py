"""The Secrets that hold certificates: authorities, the operator's own identity, and one per node."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from embedded_operator.common import names
from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj
from embedded_operator.kafka import ca, listeners
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.nodes import Node
from embedded_operator.kafka.spec import Authority, ClusterSpec, InvalidSpecError

OPERATOR_CERTS = "{}-cluster-operator-certs"
OPERATOR_KEY = "cluster-operator"


class State(NamedTuple):
    """An authority as it is now. Generations count renewals of the certificate and of its key."""

    pair: Pair
    generation: int = 0
    key_generation: int = 0


def encode(data: Mapping[str, str | bytes]) -> dict[str, str]:
    """`data` of a Secret."""
    return {
        key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in data.items()
    }


def decode(secret: Obj | None, key: str) -> str:
    """A text of a Secret; empty when the Secret or the key is not there."""
    return base64.b64decode(((secret or {}).get("data") or {}).get(key, "")).decode()


def _generation(secret: Obj | None, key: str) -> int:
    return int((names.annotation(secret, key) if secret else None) or 0)


def secret(name: str, namespace: str, labels: dict[str, str], data: Mapping[str, str | bytes], owner: list[Obj]) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": owner},
        "data": encode(data),
    }


@dataclass
class Authorities:
    """Keeps the certificates' Secrets as they should be.

    What was seen last is remembered: an authority whose Secret was deleted by hand comes back as it was,
    because a new one would lock out every client.
    """

    kube: Kube
    known: dict[tuple[str, str], State] = field(default_factory=dict)

    def ensure(self, cluster: ClusterSpec, which: str, policy: Authority, moment: datetime) -> State:
        """The authority `which` (cluster-ca or clients-ca): made, or renewed when its time comes.

        Raises InvalidSpecError when the Secrets of an own authority are not there.
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
            return State(
                present,
                _generation(cert_secret, names.CA_CERT_GENERATION),
                _generation(key_secret, names.CA_KEY_GENERATION),
            )
        memory = (cluster.resource["metadata"]["uid"], which)
        state = self._present(present, cert_secret, key_secret, memory)
        forced = any(item and names.is_true(item, names.FORCE_RENEW) for item in (cert_secret, key_secret))
        common_name = f"{which} v{state.key_generation if state else 0}"
        if state is None:
            state = State(ca.make_ca(common_name, policy.validity, moment))
        elif forced or ca.is_due(state.pair.cert, policy.renewal, moment):
            renewed = ca.make_ca(common_name, policy.validity, moment, state.pair.key)
            state = State(renewed, state.generation + 1, state.key_generation)
        self.known[memory] = state
        self._write(cluster, which, policy, state, decode(cert_secret, "ca.password"))
        for item in (cert_secret, key_secret):
            if forced and item and names.is_true(item, names.FORCE_RENEW):
                removal = {"metadata": {"annotations": {names.FORCE_RENEW: None}}}
                self.kube.patch("Secret", namespace, item["metadata"]["name"], removal)
        return state

    def _present(self, pair: Pair, cert: Obj | None, key: Obj | None, memory: tuple[str, str]) -> State | None:
        if pair.cert and pair.key and ca.is_pair(pair):
            return State(pair, _generation(cert, names.CA_CERT_GENERATION), _generation(key, names.CA_KEY_GENERATION))
        return self.known.get(memory)

    def _write(self, cluster: ClusterSpec, which: str, policy: Authority, state: State, password: str) -> None:
        owner = names.owner(cluster.resource) if policy.owned else []
        labels = names.labels(cluster.name, "certificate-authority")
        password = password or ca.password()
        public = {"ca.crt": state.pair.cert, "ca.password": password}
        store = self.kube.get("Secret", cluster.namespace, f"{cluster.name}-{which}-cert")
        if decode(store, "ca.crt") == state.pair.cert and ((store or {}).get("data") or {}).get("ca.p12"):
            p12 = base64.b64decode((store or {})["data"]["ca.p12"])  # a new one would differ each time (salt)
        else:
            p12 = ca.truststore(state.pair.cert, password)
        for suffix, data, key, generation in (
            ("-cert", {**public, "ca.p12": p12}, names.CA_CERT_GENERATION, state.generation),
            ("", {"ca.key": state.pair.key}, names.CA_KEY_GENERATION, state.key_generation),
        ):
            made = secret(f"{cluster.name}-{which}{suffix}", cluster.namespace, labels, data, owner)
            made["metadata"]["annotations"] = {key: str(generation)}
            self.kube.apply(made)

    def identity(self, cluster: ClusterSpec, authority: State, moment: datetime) -> Pair:
        """This operator's own certificate towards the cluster."""
        name = OPERATOR_CERTS.format(cluster.name)
        return self._leaf(cluster, authority, moment, name, OPERATOR_KEY, OPERATOR_KEY, set())

    def node(self, cluster: ClusterSpec, node: Node, authority: State, moment: datetime) -> Pair:
        """The certificate of one node, which is its identity among the nodes and towards clients."""
        wanted = listeners.subject_names(cluster.name, cluster.namespace, node.pod, node.id, cluster.listeners)
        return self._leaf(cluster, authority, moment, node.pod, node.pod, names.component(cluster.name), wanted)

    def _leaf(
        self,
        cluster: ClusterSpec,
        authority: State,
        moment: datetime,
        name: str,
        key: str,
        common_name: str,
        wanted: set[str],
    ) -> Pair:
        found = self.kube.get("Secret", cluster.namespace, name)
        present = Pair(decode(found, f"{key}.crt"), decode(found, f"{key}.key"))
        if present.cert and present.key and is_good(present, authority.pair, cluster.cluster_ca, wanted, moment):
            return present
        made = ca.issue(authority.pair, common_name, cluster.cluster_ca.validity, moment, ca.ORGANIZATION, wanted)
        data = {f"{key}.crt": made.cert, f"{key}.key": made.key}
        owner = names.owner(cluster.resource)
        self.kube.apply(secret(name, cluster.namespace, names.labels(cluster.name), data, owner))
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
