"""As much of a Kubernetes API server as `pulumi preview` of a new stack asks for: there is one, and it is empty.

Nothing can be made in it. Previews with it are those of a cluster on which nothing runs yet.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

_VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "linux/amd64"}
_GROUPS = {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
_CORE = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
_NOTHING = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        known = {"/version": _VERSION, "/api": _CORE, "/apis": _GROUPS, "/api/v1": _NOTHING}
        if path == "/openapi/v2":
            # Asked for as a protobuf message: an empty one has no definitions.
            self._answer(200, b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        elif path in known:
            self._answer(200, json.dumps(known[path]).encode())
        else:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            self._answer(404, json.dumps(status).encode())

    def _answer(self, code: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def stub_cluster(context: str = "kind-stub") -> Iterator[str]:
    """It serves for a block; gives the text of its kubeconfig."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "stub", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "contexts": [{"name": context, "context": {"cluster": "stub", "user": "nobody"}}],
                "users": [{"name": "nobody", "user": {}}],
                "current-context": context,
            }
        )
    finally:
        server.shutdown()
        server.server_close()
