"""The calls to the REST API of a Flink JobManager that the operator needs."""

from __future__ import annotations

from typing import Any

import requests

from embedded_operator.common.names import Obj, dig

TIMEOUT = (3, 15)
"""Seconds to connect and to answer."""


class FlinkError(Exception):
    """A call that was refused or not answered; `status` is the HTTP code, 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FlinkApi:
    """The API at `base`, an address like http://host:8081."""

    def __init__(self, base: str) -> None:
        self._base = base

    def call(self, method: str, url: str, body: Any = None) -> Obj:
        """One request; the answer as JSON, empty when there is none. Raises FlinkError."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.request(method, self._base + url, json=body, timeout=TIMEOUT)
            except requests.RequestException as error:
                raise FlinkError(0, f"{method} {url}: no answer from the JobManager: {error}") from None
        try:
            content = answer.json() if answer.content else {}
        except ValueError:
            content = {}
        if answer.ok:
            return content
        errors = content.get("errors") or [answer.text]
        raise FlinkError(answer.status_code, f"{method} {url}: {_first_line(errors[-1])}")

    def jobs(self) -> list[Obj]:
        """All jobs: jid, name, state, start-time, last-modification (ms)."""
        return self.call("GET", "/jobs/overview")["jobs"]

    def stop(self, job: str) -> str:
        """Begin to stop a job with a savepoint in the configured place. Returns the id of the request."""
        body = {"drain": False, "formatType": "CANONICAL"}
        return self.call("POST", f"/jobs/{job}/stop", body)["request-id"]

    def savepoint(self, job: str, trigger: str) -> tuple[str | None, str | None]:
        """The result of a request for a savepoint: its place, or why it failed; neither while Flink writes it."""
        answer = self.call("GET", f"/jobs/{job}/savepoints/{trigger}")
        if dig(answer, "status", "id") != "COMPLETED":
            return None, None
        cause = dig(answer, "operation", "failure-cause", "stack-trace")
        return dig(answer, "operation", "location"), _root_cause(cause) if cause else None

    def cancel(self, job: str) -> None:
        """Cancel a job; there is no savepoint."""
        self.call("PATCH", f"/jobs/{job}?mode=cancel")

    def checkpoints(self, job: str) -> Obj:
        """The latest checkpoint of each kind: completed, savepoint, failed, restored."""
        return self.call("GET", f"/jobs/{job}/checkpoints").get("latest") or {}

    def exception(self, job: str) -> str | None:
        """Why the job failed the last time."""
        history = dig(self.call("GET", f"/jobs/{job}/exceptions"), "exceptionHistory", "entries", default=[])
        return _root_cause(history[0].get("stacktrace") or "") if history else None

    def version(self) -> Obj:
        """The version of the JobManager: flink-version, flink-revision."""
        answer = self.call("GET", "/config")
        return {key: str(answer[key]) for key in ("flink-version", "flink-revision") if key in answer}


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0][:500]


def _root_cause(trace: str) -> str:
    """The innermost cause in a Java stack trace."""
    causes = [line.removeprefix("Caused by: ") for line in trace.splitlines() if line.startswith("Caused by: ")]
    return (causes[-1] if causes else _first_line(trace))[:1000]
