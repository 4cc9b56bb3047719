"""What Kubernetes and Prometheus ask the pager, over plain HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, str, str]
"""Status, content type and text."""


def serve(port: int, routes: Mapping[str, Callable[[], Answer]], host: str = "") -> ThreadingHTTPServer:
    """Answer GET requests from now on, in the background. port: 0 takes any; ``server_port`` tells which."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            answer = routes.get(self.path.split("?")[0])
            status, kind, text = answer() if answer else (HTTPStatus.NOT_FOUND, "text/plain", "not found\n")
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are no news."""

    server = ThreadingHTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, name=f"http-{port}", daemon=True).start()
    return server


def state(fault: str) -> Answer:
    """The answer to a probe: what is wrong, if anything."""
    return (HTTPStatus.SERVICE_UNAVAILABLE if fault else HTTPStatus.OK, "text/plain", f"{fault or 'ok'}\n")
