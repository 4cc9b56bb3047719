"""A local port that leads to a pod, as `kubectl port-forward` makes one, but that outlives the end of a connection.

`kubectl port-forward` ends altogether when one connection through it is reset, which an S3 server does to clients that
keep connections. Here each connection has a session of its own with Kubernetes.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, config
from kubernetes.stream import portforward

from tests.support.sandbox import Sandbox

NAMESPACE = "kafkalogs"
CHUNK = 64 * 1024


def _pump(one: Any, other: Any) -> None:
    """Carry bytes both ways until one side ends."""
    try:
        while True:
            for ready in select.select([one, other], [], [])[0]:
                found = ready.recv(CHUNK)
                if not found:
                    return
                (other if ready is one else one).sendall(found)
    except OSError:
        return
    finally:
        for side in (one, other):
            with contextlib.suppress(OSError):
                side.close()


def _connect(settings: Any, pod: str, port: int, local: socket.socket) -> None:
    # a client of its own: the session takes its client over while it begins
    core: Any = client.CoreV1Api(client.ApiClient(settings))
    forwarded: Any = portforward(core.connect_get_namespaced_pod_portforward, pod, NAMESPACE, ports=str(port))
    _pump(local, forwarded.socket(port))


def _serve(listener: socket.socket, settings: Any, pod: str, port: int) -> None:
    while True:
        try:
            local, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_connect, args=(settings, pod, port, local), daemon=True).start()


@contextmanager
def forwarded(platform: Sandbox, service: str, port: int) -> Iterator[int]:
    """A local port that leads to a pod of a Service."""
    settings: Any = client.Configuration()
    config.load_kube_config(platform.env["KUBECONFIG"], client_configuration=settings)
    selector = ",".join(f"{key}={value}" for key, value in platform.get("service", service)["spec"]["selector"].items())
    pod = platform.get("pods", "-l", selector)["items"][0]["metadata"]["name"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, settings, pod, port), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
