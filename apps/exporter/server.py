"""Serves a page of metrics, and whether all is well, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from exporter.exposition import CONTENT_TYPE


def serve(port: int, metrics: Callable[[], str], ready: Callable[[], bool], alive: Callable[[], bool]) -> None:
    """Answer in a thread of its own, until the process ends: /metrics, /readyz (200 or 503), /healthz (200 or 503)."""
    checks = {"/readyz": ready, "/healthz": alive}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, metrics().encode(), CONTENT_TYPE)
            elif self.path in checks:
                fine = checks[self.path]()
                self._answer(200 if fine else 503, b"ok\n" if fine else b"not ok\n", "text/plain")
            else:
                self._answer(404, b"not found\n", "text/plain")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a line for each scrape tells nobody anything."""

    server = ThreadingHTTPServer(("", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
