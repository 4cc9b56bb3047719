"""The part of the search engine's HTTP API that is needed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

TIMEOUT = 30.0


class UnavailableError(Exception):
    """The engine cannot be reached, or cannot answer now."""


class RefusedError(ValueError):
    """The engine refused a request, and would refuse it again."""


@dataclass(frozen=True)
class Settings:
    """url: of the engine. streams: retention of each data stream, in ms. replicas: copies beside the primary one.

    credentials: a folder with the files ``username`` and ``password``. ca: PEM file of the authority of the engine's
    certificate; empty: the authorities of the package requests.
    """

    url: str
    streams: Mapping[str, int]
    replicas: int
    credentials: str
    ca: str = ""


class Engine:
    """Elasticsearch 8 or OpenSearch."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.url.rstrip("/")
        self.session = requests.Session()
        folder = Path(settings.credentials)
        user, password = ((folder / name).read_text().strip() for name in ("username", "password"))
        self.session.auth = (user, password)
        # Passed to each request: REQUESTS_CA_BUNDLE would override the session's setting.
        self.verify = settings.ca or True
        nodes = self.ask("GET", "/_nodes/plugins?filter_path=nodes.*.modules.name,nodes.*.plugins.name")["nodes"]
        self.modules = {
            module["name"] for node in nodes.values() for key in ("modules", "plugins") for module in node.get(key, ())
        }

    @property
    def elasticsearch(self) -> bool:
        """Whether the engine is Elasticsearch; else it is OpenSearch."""
        return "x-pack-core" in self.modules

    @property
    def life_cycles(self) -> bool:
        """Whether the engine deletes old indices itself (ILM)."""
        return "x-pack-ilm" in self.modules

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a request.

        Raises UnavailableError when there is no answer now (no connection, 429, 5xx, or 401 while users are set up),
        and RefusedError for any other status but 2xx.
        """
        try:
            response = self.session.request(method, self.url + path, json=body, timeout=TIMEOUT, verify=self.verify)
        except requests.RequestException as error:
            raise UnavailableError(f"{method} {path}: {error}") from error
        if response.status_code in {401, 429} or response.status_code >= 500:
            raise UnavailableError(f"{method} {path}: {response.status_code} {response.text[:300]}")
        if not response.ok:
            raise RefusedError(f"{method} {path}: {response.status_code} {response.text[:1000]}")
        return response.json()
