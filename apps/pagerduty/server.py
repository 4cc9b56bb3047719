"""The API over HTTPS, and further paths for tests and the report, which need a separate token.

POST /v2/enqueue           the Events API
GET /incidents             all alerts                               (token)
DELETE /incidents          forget them                              (token)
POST /trouble              fail: see ``pagerduty/trouble.py``       (token)
DELETE /trouble            fail no more                             (token)
GET /healthz               for probes
"""

from __future__ import annotations

import hmac
import json
import ssl
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pagerduty.alerts import EVENT_BYTES, Alerts
from pagerduty.trouble import Troubles, answer

_PATH = "/v2/enqueue"
# bytes; a larger body is not read at all
_MOST_READ = 4 * EVENT_BYTES
_HANG_SECONDS = 120.0


class Server(ThreadingHTTPServer):
    """certificate, key: PEM files, read for each connection, so renewed files are used at once.

    keys, token: return the valid routing keys and the token; called for each request.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        certificate: Path,
        key: Path,
        keys: Callable[[], set[str]],
        token: Callable[[], str],
    ) -> None:
        self._files = certificate, key
        self.token = token
        self.alerts = Alerts(keys)
        self.troubles = Troubles()
        self.stopping = threading.Event()
        super().__init__(address, Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Encrypt a connection, then answer it."""
        # in the connection's thread: a client that never starts TLS does not delay other clients
        request.settimeout(Handler.timeout)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._files)
        with context.wrap_socket(request, server_side=True) as encrypted:
            self.RequestHandlerClass(encrypted, client_address, self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect or do not trust the certificate; any other error is a bug here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def shutdown(self) -> None:
        """Stop the server, and end all waits."""
        self.stopping.set()
        super().shutdown()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        """Process an event, or set the failure to simulate."""
        body = self._body()
        if body is None:
            return
        if self.path == _PATH:
            self._enqueue(body)
        elif self.path == "/trouble" and self._allowed():
            try:
                fault = self.server.troubles.ask(json.loads(body))
            except ValueError:
                fault = "not JSON"
            self._answer(400 if fault else 200, {"message": fault or "ok"})
        else:
            self._answer(404, {"message": "not found"})

    def do_GET(self) -> None:
        """Show the health, or the incidents."""
        if self.path == "/healthz":
            self._answer(200, {"message": "ok"})
        elif self.path == "/incidents" and self._allowed():
            self._answer(200, {"incidents": self.server.alerts.all(), "troubles": self.server.troubles.counted})
        else:
            self._answer(404, {"message": "not found"})

    def do_DELETE(self) -> None:
        """Forget the incidents, or end the trouble."""
        if self.path == "/incidents" and self._allowed():
            self.server.alerts.clear()
            self._answer(200, {"message": "ok"})
        elif self.path == "/trouble" and self._allowed():
            self.server.troubles.clear()
            self._answer(200, {"message": "ok"})
        else:
            self._answer(404, {"message": "not found"})

    def _enqueue(self, body: bytes) -> None:
        kind = self.server.troubles.next()
        if kind == "hang":
            self.server.stopping.wait(_HANG_SECONDS)
        if kind in ("hang", "refuse"):
            self.close_connection = True
            return
        status, document = self.server.alerts.enqueue(body) if kind in (None, "lose") else answer(kind)
        if kind == "lose":
            self.close_connection = True
            return
        self._answer(status, document)

    def _allowed(self) -> bool:
        """Whether the request has the token; without it the answer is 404."""
        token = self.server.token()
        given = self.headers.get("Authorization", "")
        return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            self.close_connection = True
            self._answer(411, {"message": "Content-Length is missing"})
            return None
        if not 0 <= length <= _MOST_READ:
            self.close_connection = True
            self._answer(413, {"message": "too large"})
            return None
        return self.rfile.read(length)

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log no requests: the API shows the alerts."""
