"""The content of each Secret, given the existing ones. Pure functions, except for random numbers."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .certificates import Pair, ca_problem, issue, keystore, make_ca, problem, stores_fit, truststore

Data = Mapping[str, bytes]
"""The data of a Secret, decoded."""

CA = "platform-ca"
CA_KEY = "platform-ca-key"
_PASSWORD_LENGTH = 32
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Wanted:
    """The Secrets to make.

    certificates: the services that serve TLS. credentials: the user name of each credential.
    """

    namespace: str
    certificates: tuple[str, ...]
    credentials: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, namespace: str) -> Wanted:
        """From the JSON that the component ServiceSecrets writes. Raises ValueError or KeyError for another."""
        document: dict[str, Any] = json.loads(text)
        return cls(namespace, tuple(document["certificates"]), dict(document["credentials"]))

    def names(self) -> list[str]:
        """The Secrets, the authority first, since it signs the others."""
        return [
            *(CA_KEY, CA),
            *(f"{name}-tls" for name in self.certificates),
            *(f"{name}-credentials" for name in self.credentials),
        ]


def hosts(name: str, namespace: str) -> list[str]:
    """The names under which a service is reached."""
    inside = [name, f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local"]
    return [*inside, "localhost"]


def contents(wanted: Wanted, present: Mapping[str, Data], moment: datetime) -> dict[str, Data]:
    """The data of each wanted Secret: the existing data if it is valid, else new data.

    present: the data of the existing Secrets, by name.
    """
    authority = _authority(present.get(CA_KEY, {}), moment)
    made: dict[str, Data] = {
        CA_KEY: {"ca.crt": authority.cert, "ca.key": authority.key},
        CA: {"ca.crt": authority.cert},
    }
    for name in wanted.certificates:
        secret = f"{name}-tls"
        made[secret] = _certificate(name, hosts(name, wanted.namespace), authority, present.get(secret, {}), moment)
    for name, username in wanted.credentials.items():
        secret = f"{name}-credentials"
        made[secret] = _credential(username, present.get(secret, {}))
    return made


def _authority(present: Data, moment: datetime) -> Pair:
    pair = Pair(present.get("ca.crt", b""), present.get("ca.key", b""))
    why = ca_problem(pair, moment)
    if why is None:
        return pair
    return make_ca(CA, moment, pair.key if why == "it expires soon" else None)


def _certificate(name: str, names: list[str], authority: Pair, present: Data, moment: datetime) -> Data:
    pair = Pair(present.get("tls.crt", b""), present.get("tls.key", b""))
    password = present.get("password", b"")
    stores = present.get("keystore.p12", b""), present.get("truststore.p12", b"")
    if (
        problem(pair, authority.cert, names, moment) is None
        and present.get("ca.crt") == authority.cert
        and stores_fit(pair, authority.cert, *stores, password)
    ):
        return {key: present[key] for key in _TLS_KEYS}
    pair, password = issue(authority, name, names, moment), password or _password()
    return {
        "tls.crt": pair.cert,
        "tls.key": pair.key,
        "ca.crt": authority.cert,
        "keystore.p12": keystore(pair, authority.cert, name, password),
        "truststore.p12": truststore(authority.cert, password),
        "password": password,
    }


_TLS_KEYS = ("tls.crt", "tls.key", "ca.crt", "keystore.p12", "truststore.p12", "password")


def _credential(username: str, present: Data) -> Data:
    kept = present.get("password", b"")
    fits = len(kept) == _PASSWORD_LENGTH and kept.isalnum()
    return {"username": username.encode(), "password": kept if fits else _password()}


def _password() -> bytes:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_PASSWORD_LENGTH)).encode()
