"""The calls to the REST API of Kafka Connect that the operator needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from embedded_operator.common.names import Obj

TIMEOUT = (5, 60)
"""Seconds to connect and to answer: a worker first lets the connector check its configuration, and forwards requests
to the leader of its group."""


class ConnectError(Exception):
    """A call that was refused or not answered; `status` is the HTTP code, 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_temporary(self) -> bool:
        """Whether the same call may succeed soon: no answer, a rebalance (409) or a timeout."""
        return self.status in (0, 404, 409, 429, 503, 504) or (self.status == 500 and "timed out" in str(self))


@dataclass(frozen=True)
class Running:
    """A connector as the workers report it."""

    config: dict[str, str]
    status: Obj = field(default_factory=dict)

    @property
    def state(self) -> str:
        """State of the connector itself, empty when it is not known."""
        return (self.status.get("connector") or {}).get("state", "")

    @property
    def failed_tasks(self) -> list[int]:
        """Numbers of the tasks that have failed."""
        return [task["id"] for task in self.status.get("tasks") or [] if task.get("state") == "FAILED"]


class ConnectApi:
    """The API at `base`, an address like http://host:8083; any thread may use it."""

    def __init__(self, base: str) -> None:
        self._base = base

    def call(self, method: str, url: str, body: Any = None, **params: Any) -> Any:
        """One request; the answer as JSON, None for an empty one. Raises ConnectError."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.request(method, self._base + url, params=params, json=body, timeout=TIMEOUT)
            except requests.RequestException as error:
                raise ConnectError(0, f"{method} {url}: no answer from Kafka Connect: {error}") from None
        try:
            content = answer.json() if answer.content else None
        except ValueError:
            content = None
        if answer.ok:
            return content
        message = content.get("message", answer.text) if isinstance(content, dict) else answer.text
        raise ConnectError(
            answer.status_code, f"{method} {url} returned {answer.status_code} ({answer.reason}): {message}"
        )

    def connectors(self) -> dict[str, Running]:
        """All connectors by name."""
        found = self.call("GET", "/connectors", expand=["info", "status"])
        return {name: Running(item["info"]["config"], item["status"]) for name, item in found.items()}

    def plugins(self) -> list[Obj]:
        """The installed connector plugins: class, type and version of each."""
        found = self.call("GET", "/connector-plugins")
        return [{key: item[key] for key in ("class", "type", "version") if item.get(key)} for item in found]

    def topics(self, name: str) -> list[str]:
        """The topics that a connector has used; none when the workers do not record them."""
        try:
            return sorted(self.call("GET", f"{_path(name)}/topics")[name]["topics"])
        except ConnectError as error:
            if error.status in (403, 404):
                return []
            raise

    def create(self, name: str, config: dict[str, str], state: str) -> None:
        """Create a connector that starts in `state`: RUNNING, PAUSED or STOPPED."""
        self.call("POST", "/connectors", {"name": name, "config": config, "initial_state": state})

    def configure(self, name: str, config: dict[str, str]) -> None:
        """Create a connector, or replace its configuration."""
        self.call("PUT", f"{_path(name)}/config", config)

    def delete(self, name: str) -> None:
        """Delete a connector; it is no error when it does not exist."""
        try:
            self.call("DELETE", _path(name))
        except ConnectError as error:
            if error.status != 404:
                raise

    def change_state(self, name: str, verb: str) -> None:
        """Pause, stop or resume a connector: `verb` is one of these words."""
        self.call("PUT", f"{_path(name)}/{verb}")

    def restart(self, name: str, include_tasks: bool, only_failed: bool) -> None:
        """Restart a connector, with its tasks or without, or only what has failed."""
        flags = {"includeTasks": str(include_tasks).lower(), "onlyFailed": str(only_failed).lower()}
        self.call("POST", f"{_path(name)}/restart", **flags)

    def restart_task(self, name: str, task: int) -> None:
        """Restart one task of a connector."""
        self.call("POST", f"{_path(name)}/tasks/{task}/restart")


def _path(name: str) -> str:
    return f"/connectors/{quote(name, safe='')}"
