"""The few calls to the Kubernetes API that are needed: read, create and change one Secret by its name.

The address and the token are those that Kubernetes gives to every pod with a service account.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import requests

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT = 15
"""Seconds that one call may take."""

Obj = dict[str, Any]


class KubeError(Exception):
    """The API refused a call; `status` is the HTTP code, the text is the API's own message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Secrets:
    """The Secrets of a namespace. Raises KubeError, or requests' errors when the API is not reachable."""

    def __init__(self, namespace: str) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._url = f"https://{address}/api/v1/namespaces/{namespace}/secrets"
        self._session = requests.Session()
        # Proxies in the environment are for addresses outside the cluster.
        self._session.trust_env = False
        self._session.verify = str(ACCOUNT / "ca.crt")
        self._session.headers["Authorization"] = f"Bearer {(ACCOUNT / 'token').read_text()}"

    def get(self, name: str) -> Obj | None:
        """The Secret, or None when there is none."""
        try:
            return self._call("GET", f"/{name}")
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def create(self, secret: Obj) -> None:
        """Raises KubeError with status 409 when there is one already."""
        self._call("POST", "", secret, "application/json")

    def patch(self, name: str, change: Obj) -> None:
        """JSON merge patch. Raises KubeError with status 409 when `change` names an old version."""
        self._call("PATCH", f"/{name}", change, "application/merge-patch+json")

    def _call(self, method: str, path: str, body: Obj | None = None, kind: str = "application/json") -> Obj:
        data = None if body is None else json.dumps(body)
        answer = self._session.request(
            method, f"{self._url}{path}", data=data, headers={"Content-Type": kind}, timeout=TIMEOUT
        )
        if answer.ok:
            return answer.json()
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = answer.reason
        raise KubeError(answer.status_code, f"{method} secrets{path}: {message}")
