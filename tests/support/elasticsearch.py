"""Elasticsearch of the platform, as its administrator: settings that a test changes for a while."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support import pipeline
from tests.support.sandbox import Sandbox

INDICES = "/logs-*/_settings"
"""The settings of the indices behind all data streams of logs."""

CLUSTER = "/_cluster/settings"


def ask(platform: Sandbox, method: str, path: str, body: Any = None) -> Any:
    """The JSON answer to a request; fails for every other status than 200."""
    way = pipeline.reach(platform)
    login = way.login("elastic-credentials")
    url = f"https://elasticsearch.{pipeline.SPACE}.svc:9200"
    with way.listening(url, way.trust("platform-ca")) as port:
        connection = http.client.HTTPConnection("localhost", port, timeout=30)
        headers = {"Authorization": login.header(), "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
    assert answer.status == 200, f"{method} {path}: {answer.status} {text[:300]}"
    return json.loads(text)


@contextmanager
def changed(platform: Sandbox, path: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Settings of INDICES or of CLUSTER for a block; afterwards they are the defaults again."""
    _put(platform, path, settings)
    try:
        yield
    finally:
        _put(platform, path, dict.fromkeys(settings))


def _put(platform: Sandbox, path: str, settings: Mapping[str, Any]) -> None:
    ask(platform, "PUT", path, {"persistent": settings} if path == CLUSTER else settings)
