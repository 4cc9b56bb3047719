"""SCRAM-SHA-512 credentials (RFC 5802, RFC 7677), which a broker keeps instead of a password."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

MECHANISM = 2
"""SCRAM-SHA-512 in Kafka's protocol."""
ITERATIONS = 4096


@dataclass(frozen=True)
class Credential:
    """A user's salted password."""

    user: str
    salt: bytes = field(repr=False)
    salted_password: bytes = field(repr=False)
    iterations: int = ITERATIONS


def credential(user: str, password: str) -> Credential:
    """The credential of a user with this password and a random salt."""
    salt = os.urandom(24)
    return Credential(user, salt, hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS))


def jaas(user: str, password: str) -> str:
    """`sasl.jaas.config` of a Java client."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return f'{module} required username="{user}" password="{password}";'
