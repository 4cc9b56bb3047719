"""As much of a Kubernetes API server as Pulumi needs to make a FlinkDeployment and to wait for it.

Whatever is made gets the same status at once, as from an operator.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

_API = "flink.apache.org/v1beta1"
_VERSION = {"groupVersion": _API, "version": "v1beta1"}
_VERBS = ["get", "list", "watch", "create", "patch", "update", "delete"]
_KIND = {
    "name": "flinkdeployments",
    "singularName": "flinkdeployment",
    "namespaced": True,
    "kind": "FlinkDeployment",
    "verbs": _VERBS,
}
_KNOWN: dict[str, Any] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "linux/amd64"},
    "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
    "/api/v1": {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": []},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "flink.apache.org", "versions": [_VERSION], "preferredVersion": _VERSION}],
    },
    f"/apis/{_API}": {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _API, "resources": [_KIND]},
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, status: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.made: dict[str, Any] | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = url.path.rstrip("/")
        if path == "/openapi/v2":
            # Asked for as a protobuf message: an empty one has no definitions.
            self._answer(200, b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        elif path in _KNOWN:
            self._answer(200, json.dumps(_KNOWN[path]).encode())
        elif "watch" in parse_qs(url.query):
            self._watch()
        elif path.endswith("/flinkdeployments"):
            items = [self.server.made] if self.server.made else []
            about = {"kind": "FlinkDeploymentList", "apiVersion": _API, "metadata": {"resourceVersion": "1"}}
            self._answer(200, json.dumps({**about, "items": items}).encode())
        elif "/flinkdeployments/" in path and self.server.made:
            self._answer(200, json.dumps(self.server.made).encode())
        else:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            self._answer(404, json.dumps(status).encode())

    def do_PATCH(self) -> None:
        body = yaml.safe_load(self.rfile.read(int(self.headers["Content-Length"])))
        stamp = {"uid": "1", "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
        self.server.made = {**body, "metadata": {**body["metadata"], **stamp}, "status": self.server.status}
        self._answer(201, json.dumps(self.server.made).encode())

    def _watch(self) -> None:
        """Nothing happens any more; the client ends the watch."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        time.sleep(30)

    def _answer(self, code: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def stub_flink(status: dict[str, Any]) -> Iterator[str]:
    """It serves for a block; gives the text of its kubeconfig."""
    server = _Server(status)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "stub", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "nobody"}}],
                "users": [{"name": "nobody", "user": {}}],
                "current-context": "stub",
            }
        )
    finally:
        server.shutdown()
        server.server_close()
