"""A platform whose parts answer as a test says, at a time that stands still."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kafkalogs.client.reach import Login
from kafkalogs.client.settings import Catalog, Credentials

from embedded.status.platform import Platform
from embedded.status.section import Section

NOW = 1_800_000_000.0
HIDDEN = "never-to-be-shown"


def at(seconds_ago: float) -> str:
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Reach:
    """Answers by the end of the URL's path (or by a Prometheus query); an Exception is raised."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []

    def secret(self, name: str) -> dict[str, str]:
        return {"password": HIDDEN, "ca.crt": "CA"}

    def login(self, secret: str) -> Login:
        return Login(secret.removesuffix("-credentials"), HIDDEN)

    def trust(self, secret: str | None) -> Any:
        return secret

    def ask(self, url: str, trust: Any = None, login: Login | None = None, body: Any = None) -> Any:
        self.asked.append((url, login and login.user))
        key = next((key for key in sorted(self.answers, key=len, reverse=True) if key in url), None)
        assert key, f"{url} was not to be asked"
        answer = self.answers[key]
        if isinstance(answer, list) and answer and isinstance(answer[0], list | dict | Exception):
            # one after the other, the last again and again
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def connector(created: float = 1000, **config: Any) -> dict[str, Any]:
    return {"metadata": {"creationTimestamp": at(created)}, "spec": {"config": config}}


def deployment(created: float = 1000, **env: str) -> Any:
    variables = [SimpleNamespace(name=name, value=value) for name, value in env.items()]
    pod = SimpleNamespace(containers=[SimpleNamespace(env=variables)])
    return SimpleNamespace(
        metadata=SimpleNamespace(creation_timestamp=datetime.fromtimestamp(NOW - created, UTC)),
        spec=SimpleNamespace(template=SimpleNamespace(spec=pod)),
    )


CATALOG = Catalog(
    cluster="logs",
    namespace="kafkalogs",
    bootstrap="logs:9093",
    topics={},
    services={},
    teams={"edge": {"user": "team-edge", "groupPrefix": "edge."}},  # pyright: ignore[reportArgumentType]
)


def platform(answers: dict[str, Any] | None = None, patience: float = -1, **parts: Any) -> Platform:
    access: Any = SimpleNamespace(
        namespace="kafkalogs",
        credentials=lambda cluster, user: Credentials("CA", "CERTIFICATE", f"KEY of {user}"),
        core=SimpleNamespace(read_namespaced_config_map=None),
        call=lambda *words: SimpleNamespace(data={"schemas.json": json.dumps({"subjects": {"a-value": "", "b": ""}})}),
    )
    given: Any = {"connectors": {}, "deployments": {}, "services": frozenset(), "schemas": None, **parts}
    reach: Any = Reach(answers or {})
    return Platform(access, CATALOG, reach, time.monotonic() + patience, **given)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time stands still, and nobody sleeps; the seconds that were to be slept."""
    slept: list[float] = []
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def told(section: Section | None) -> dict[str, str]:
    assert section is not None
    return {row.what: row.found for row in section.rows}
