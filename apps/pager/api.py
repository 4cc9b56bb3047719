"""PagerDuty's Events API v2 over HTTPS: one event, one answer.

Which answers are final is documented at https://developer.pagerduty.com/docs/events-api-v2-overview: 202 accepted, 400
never again, 429, 5xx and network errors again. 413 is about the event too. A 400 is about the event only when PagerDuty
lists the event's errors and none of them is about the routing key. A wrong key is a fault of the set-up: every event
would get the same answer. Any other answer says nothing about the event either (a wrong address, a proxy). Then the
event is kept and tried again.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

Outcome = Literal["accepted", "rejected", "throttled", "failed", "unknown key"]

_MOST_READ = 64 * 1024
# as PagerDuty writes it: "Invalid routing key", "Length of 'routing_key' is incorrect (should be 32 characters)"
_ABOUT_KEY = re.compile(r"\b(?:routing|integration|service)[ _]key\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an event. detail: for people.

    reason: of a failure, for metrics: 429, 5xx, key, network or other.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""


class Api:
    """The API at an https address. ca: file with the CA that signed its certificate; None trusts the public ones.

    timeout: seconds to connect, and to wait for each part of an answer.
    """

    def __init__(self, url: str, ca: Path | None, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{url} is no https address")
        self._host, self._port = parts.hostname, parts.port or 443
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._ca = ca
        self._timeout = timeout
        self._context: tuple[int, ssl.SSLContext] | None = None

    def send(self, body: bytes) -> Answer:
        """Send one event. Raises nothing: what fails is an answer too."""
        connection: http.client.HTTPSConnection | None = None
        try:
            # a connection for each event: there are few, and none is lost in a connection that went stale
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._trust()
            )
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return judge(response.status, response.read(_MOST_READ))
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer("failed", "network", f"{type(error).__name__}: {error}")
        finally:
            if connection:
                connection.close()

    def _trust(self) -> ssl.SSLContext:
        """What the certificate is checked with; read again when the file of the CA has changed."""
        changed = self._ca.stat().st_mtime_ns if self._ca else 0
        if self._context is None or self._context[0] != changed:
            self._context = changed, ssl.create_default_context(cafile=self._ca)
        return self._context[1]


def judge(status: int, body: bytes) -> Answer:
    """What an answer means."""
    detail = f"{status} {body.decode(errors='replace')[:1000]}".strip()
    if status == 202:
        return Answer("accepted")
    if status == 400 and _ABOUT_KEY.search(detail):
        return Answer("unknown key", "key", detail)
    if status == 413 or (status == 400 and _lists_errors(body)):
        return Answer("rejected", str(status), detail)
    if status == 429:
        return Answer("throttled", "429", detail)
    return Answer("failed", "5xx" if status >= 500 else "other", detail)


def _lists_errors(body: bytes) -> bool:
    """Whether PagerDuty says what is wrong with the event; a proxy that refuses a request does not."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    errors = document.get("errors") if isinstance(document, dict) else None
    return isinstance(errors, list) and len(errors) > 0
