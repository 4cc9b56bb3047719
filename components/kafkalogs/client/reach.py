"""Connections from this machine to servers in the cluster, through Kubernetes, and HTTP over these connections.

A Service's address, ``name.namespace.svc``, is reached by a port-forward of the Kubernetes client; any other address
directly. Certificates are verified against the requested address, also through a port-forward. Passwords stay in
memory.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import json
import re
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from .cluster_access import AccessError, ClusterAccess

_SECONDS = 15
_SERVICE = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)\.svc(\.cluster\.local)?")
_PORTS = {"https": 443, "http": 80, "postgresql": 5432}


class UnansweredError(Exception):
    """A server gave no answer or a wrong one. The text says which server and why. status: the HTTP status, if any."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class OutsideError(UnansweredError):
    """A server outside the cluster did not answer: perhaps only the cluster can reach the server."""


def unanswered(url: str, text: str, status: int | None = None) -> UnansweredError:
    """The error for an address."""
    return UnansweredError(text, status) if inside(url) else OutsideError(text, status)


@dataclass(frozen=True)
class Login:
    """A user's name and password; without a name, the password is a bearer token."""

    user: str
    password: str = field(repr=False)

    def header(self) -> str:
        """The value of the HTTP header `Authorization`."""
        if not self.user:
            return f"Bearer {self.password}"
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def place(url: str) -> tuple[str, int]:
    """Host and port of an address."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def inside(url: str) -> bool:
    """Whether an address is a Service's."""
    return _SERVICE.fullmatch(place(url)[0]) is not None


class Reach:
    """The servers that can be reached through one Kubernetes cluster."""

    def __init__(self, access: ClusterAccess) -> None:
        self._access = access

    def secret(self, name: str) -> dict[str, str]:
        """The values of a Secret of the platform's namespace."""
        found: Any = self._access.call(
            self._access.core.read_namespaced_secret,
            f"Secret {self._access.namespace}/{name}",
            "run `pulumi up` again",
            name,
            self._access.namespace,
        )
        data = cast("dict[str, str]", found.data or {})
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}

    def login(self, secret: str) -> Login:
        """The username and password of a Secret."""
        found = self.secret(secret)
        try:
            return Login(found["username"], found["password"])
        except KeyError as error:
            raise AccessError(f"Secret {self._access.namespace}/{secret} has no {error.args[0]}") from error

    def trust(self, secret: str | None) -> ssl.SSLContext:
        """TLS that trusts the authority in a Secret's ca.crt, or the public authorities if there is no Secret."""
        try:
            return ssl.create_default_context(cadata=self.secret(secret)["ca.crt"] if secret else None)
        except (KeyError, ValueError, ssl.SSLError) as error:
            raise AccessError(f"Secret {self._access.namespace}/{secret} has no certificate in ca.crt") from error

    def connect(self, url: str) -> socket.socket:
        """A connection to an address. Raises UnansweredError."""
        host, port = place(url)
        try:
            if inside(url):
                return self._forward(host, port)
            return socket.create_connection((host, port), timeout=_SECONDS)
        except OSError as error:
            raise unanswered(url, f"no connection to {host}:{port}: {error}") from error

    def ask(
        self,
        url: str,
        trust: ssl.SSLContext | None = None,
        login: Login | None = None,
        body: Any = None,
    ) -> Any:
        """The JSON answer to a GET of ``url``, or to a POST of ``body`` as JSON. Raises UnansweredError."""
        with self.talking(url, trust, login) as ask:
            parts = urlsplit(url)
            return ask(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", body)

    @contextmanager
    def talking(
        self, url: str, trust: ssl.SSLContext | None = None, login: Login | None = None
    ) -> Generator[Callable[..., Any]]:
        """A function like `ask`, for several paths in turn over a single connection. Raises UnansweredError."""
        parts = urlsplit(url)
        headers = {"Accept": "application/json"}
        headers |= {"Authorization": login.header()} if login else {}
        plain = self.connect(url)
        try:
            with _encrypted(plain, parts, trust) as connection:
                exchange = http.client.HTTPConnection(*place(url))
                exchange.sock, exchange.auto_open = connection, 0
                yield functools.partial(_exchange, exchange, url, headers)
        except (OSError, http.client.HTTPException) as error:
            raise unanswered(url, f"no answer from {parts.netloc}: {error or type(error).__name__}") from error

    @contextmanager
    def listening(self, url: str, trust: ssl.SSLContext | None = None) -> Generator[int]:
        """A port on localhost that forwards to an address, for clients that need a local port.

        trust: the connection to the address uses TLS; the local client does not.
        """
        reach, parts = self, urlsplit(url)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                # the client sees a closed connection and reports it
                with (
                    contextlib.suppress(OSError, UnansweredError, AccessError),
                    _encrypted(reach.connect(url), parts, trust) as far,
                ):
                    _pass_on(self.request, far)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            server.block_on_close = False
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()

    def _forward(self, host: str, port: int) -> socket.socket:
        from kubernetes import stream

        portforward = cast("Any", stream).portforward

        found = _SERVICE.fullmatch(host)
        assert found is not None
        name, namespace = found[1], found[2]
        # a port-forward changes the Kubernetes client while it starts, so each port-forward gets a new client
        core = self._access.client()
        service: Any = self._access.call(
            core.read_namespaced_service, f"Service {namespace}/{name}", "run `pulumi up` again", name, namespace
        )
        pod, target = self._target(core, service, namespace, port)
        open_one: Any = functools.partial(portforward, core.connect_get_namespaced_pod_portforward)
        what = f"a port-forward to pod {namespace}/{pod}"
        try:
            forward = self._access.call(open_one, what, "look at the pod", pod, namespace, ports=target)
        except AccessError as error:
            # the pod may be deleted by now
            raise UnansweredError(str(error)) from error
        connection = cast(socket.socket, forward.socket(int(target)))
        connection.settimeout(_SECONDS)
        return connection

    def _target(self, core: Any, service: Any, namespace: str, port: int) -> tuple[str, str]:
        """A ready pod of a Service, and the pod's port behind the Service's port."""
        labels = cast("dict[str, str]", service.spec.selector or {})
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        what = f"the pods of Service {namespace}/{service.metadata.name}"
        listing = core.list_namespaced_pod
        pods: list[Any] = self._access.call(
            listing, what, "run `pulumi up` again", namespace, label_selector=selector
        ).items
        ready = [pod for pod in pods if _is_ready(pod) and not pod.metadata.deletion_timestamp]
        if not ready:
            raise UnansweredError(f"{what}: none of {len(pods)} is ready")
        target: Any = next((p.target_port for p in service.spec.ports if p.port == port), port)
        ports = (cast("list[Any]", container.ports or []) for container in ready[0].spec.containers)
        named = {one.name: one.container_port for of in ports for one in of}
        return ready[0].metadata.name, str(named.get(target, target))


def _is_ready(pod: Any) -> bool:
    conditions = cast("list[Any]", pod.status.conditions or [])
    return any(one.type == "Ready" and one.status == "True" for one in conditions)


def _exchange(
    exchange: http.client.HTTPConnection, url: str, headers: dict[str, str], path: str, body: Any = None
) -> Any:
    data = None if body is None else json.dumps(body)
    more = {} if body is None else {"Content-Type": "application/json"}
    exchange.request("GET" if body is None else "POST", path, data, {**headers, **more})
    answer = exchange.getresponse()
    text = answer.read().decode(errors="replace")
    where = urlsplit(url).netloc + path.partition("?")[0]
    if answer.status != 200:
        raise unanswered(url, f"{where} answers {answer.status}: {text[:200].strip()}", answer.status)
    try:
        return json.loads(text)
    except ValueError as error:
        raise unanswered(url, f"{where} answers no JSON: {text[:80].strip()}") from error


@contextmanager
def _encrypted(plain: socket.socket, parts: SplitResult, trust: ssl.SSLContext | None) -> Generator[socket.socket]:
    """A connection with TLS if the address is https and `trust` is given, else without."""
    connection = plain
    try:
        if trust and parts.scheme == "https":
            connection = trust.wrap_socket(plain, server_hostname=parts.hostname)
        yield connection
    finally:
        end(connection)


def end(connection: socket.socket) -> None:
    """Close a connection. Remaining data is read first: a port-forward treats an early end as a failure."""
    with contextlib.suppress(OSError):
        connection.settimeout(1)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    connection.close()


def _pass_on(near: socket.socket, far: socket.socket) -> None:
    """Forward the data of each of two connections to the other, until one of them ends."""
    others = {near: far, far: near}
    while True:
        # TLS may hold bytes that it has already read from the socket
        held = [far] if isinstance(far, ssl.SSLSocket) and far.pending() else []
        for connection in held or select.select([near, far], [], [])[0]:
            data = connection.recv(65536)
            if not data:
                return
            others[connection].sendall(data)
