"""The answers to unauthorized clients: a foreign write, no certificate, no TLS."""

from __future__ import annotations

import itertools
import socket
import ssl
from dataclasses import dataclass
from typing import Any, cast

from confluent_kafka import Message, Producer
from kafkalogs.client import settings as client
from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.settings import Catalog, Credentials

# Kafka's ApiVersions request (key 18, version 0) with a correlation id and no client id, after its length.
_API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000001 ffff")


@dataclass(frozen=True)
class Answer:
    """The answer to an unauthorized request. refused: False also if there was no answer."""

    asked: str
    said: str
    refused: bool


def refusals(access: ClusterAccess, catalog: Catalog, bootstrap: str, ca: str) -> list[Answer]:
    """The answers to a write into another service's topic, and to clients without certificate and without TLS."""
    answers = [without_certificate(bootstrap, ca), in_plaintext(bootstrap)]
    writes = {service: set(catalog.topics_of(service)) for service in catalog.services}
    for service, other in itertools.permutations(sorted(catalog.services), 2):
        foreign = writes[other] - writes[service]
        if foreign:
            user = access.credentials(catalog.cluster, catalog.service(service).user)
            # the longest name is a topic of the other service only, not a shared topic
            topic = max(foreign, key=len)
            return [foreign_write(catalog, service, topic, user, bootstrap), *answers]
    return answers


def foreign_write(catalog: Catalog, service: str, topic: str, credentials: Credentials, bootstrap: str) -> Answer:
    """The answer to a write into another service's topic, with a valid certificate."""
    answers: list[Answer] = []
    asked = f"{service} writes to {topic}"

    def delivered(error: Any, _: Message) -> None:
        if error is None:
            answers.append(Answer(asked, "the record was accepted", refused=False))
        else:
            answers.append(Answer(asked, error.str().removeprefix("Broker: "), refused="AUTHORIZATION" in error.name()))

    settings = client.producer(catalog, service, credentials, bootstrap=bootstrap)
    producer = Producer(cast(Any, {**settings, "message.timeout.ms": 8000, "log_level": 0}))
    producer.produce(topic, b"{}", on_delivery=delivered)
    producer.flush(10)
    return answers[0] if answers else Answer(asked, "no answer within 10 s", refused=False)


def without_certificate(bootstrap: str, ca: str) -> Answer:
    """The answer to a TLS connection without a client certificate."""
    context = ssl.create_default_context(cadata=ca)
    return _ask("a client without certificate connects", bootstrap, context)


def in_plaintext(bootstrap: str) -> Answer:
    """The answer to a connection without TLS."""
    return _ask("a client without TLS connects", bootstrap, None)


def _ask(asked: str, bootstrap: str, context: ssl.SSLContext | None) -> Answer:
    host, _, port = bootstrap.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5) as plain:
            plain.settimeout(5)
            connection = context.wrap_socket(plain, server_hostname=host) if context else plain
            connection.sendall(_API_VERSIONS)
            got = connection.recv(64)
    except ssl.SSLCertVerificationError as error:
        return Answer(asked, f"the broker's certificate is not trusted: {error.verify_message}", refused=False)
    except ssl.SSLError as error:
        return Answer(asked, f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}", refused=True)
    except ConnectionResetError:
        return Answer(asked, "the connection was closed", refused=True)
    except OSError as error:
        return Answer(asked, f"no answer: {error}", refused=False)
    # Without TLS, a TLS alert (type 21) as the answer is a refusal; Kafka's answer would begin with its length.
    if not got or (context is None and got[0] == 21):
        return Answer(asked, "the connection was closed", refused=True)
    return Answer(asked, f"the broker answered {len(got)} bytes", refused=False)
