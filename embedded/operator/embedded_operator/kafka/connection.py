"""The connection of the operator to the brokers of a cluster, and the errors in their responses."""

from __future__ import annotations

import logging
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import kafka.admin
from kafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, for_code

from embedded_operator.kafka.ca import Pair

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its failures are raised as exceptions

client: Any = kafka.admin
"""kafka-python declares no types."""
BATCH = 100
"""Topics in one request; a broker answers them well within the time-out."""
TIMEOUT_MS = 15_000

Errors = dict[str, KafkaError]
"""Errors by topic or user."""


def tls_context(authority: str, identity: Pair) -> ssl.SSLContext:
    """TLS for connections to the brokers, with the certificate of the operator."""
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # load_cert_chain reads only files; mode 0600
        file.write(identity.key + identity.cert)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def error_of(item: Any) -> KafkaError | None:
    """The error in a response or in a part of it."""
    if not item.error_code:
        return None
    return for_code(item.error_code)(getattr(item, "error_message", None) or "")


def check(response: Any) -> Any:
    """The response. Raises its error when it has one."""
    if error := error_of(response):
        raise error
    return response


def chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The items in batches, of which each fits one request."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def failures(items: Iterable[tuple[str, Any]]) -> Errors:
    """The errors in the parts of a response, which are given with their names."""
    return {name: error for name, item in items if (error := error_of(item))}


class Connection:
    """One connection pool to a cluster. Every call may raise KafkaError, also when no broker answers."""

    def __init__(self, bootstrap: list[str], context: ssl.SSLContext | None) -> None:
        self._bootstrap, self._context = bootstrap, context
        self._lock = threading.Lock()
        self._client = self._connect()

    def _connect(self) -> Any:
        return client.KafkaAdminClient(
            bootstrap_servers=self._bootstrap,
            client_id="embedded-operator",
            security_protocol="SSL" if self._context else "PLAINTEXT",
            ssl_context=self._context,
            request_timeout_ms=TIMEOUT_MS,
            bootstrap_timeout_ms=5_000,
            reconnect_backoff_max_ms=1_000,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def call(self, ask: Callable[[Any], Any]) -> Any:
        """Call the client; when it has lost every broker (all were restarted), a new client replaces it."""
        used = self._client
        try:
            return ask(used)
        except (NodeNotReadyError, KafkaConnectionError):
            with self._lock:
                if self._client is used:
                    self._client = self._connect()
                    used.close()
            return ask(self._client)

    def send(self, request: Any) -> Any:
        """Send one request of the protocol to a broker. Returns its response."""
        return self.call(lambda used: used._manager.run(used._manager.send, request))
