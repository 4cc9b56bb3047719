"""A client for the API that the registries of Confluent, Apicurio and Karapace share."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, cast
from urllib.parse import quote

_TYPE = "application/vnd.schemaregistry.v1+json"
_SECONDS = 30.0  # the longest wait for an answer


class UnavailableError(Exception):
    """No answer, or a temporary error."""


class RefusedError(Exception):
    """The registry refused a request, or the request was not sent. status: the HTTP status of an answer."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(f"{reason} (HTTP {status})" if status else reason)
        self.status = status


class UntrustedError(RefusedError):
    """The server that answers has no trusted certificate of the registry."""


@dataclass(frozen=True)
class Subject:
    """A subject to register. kind: AVRO or JSON; schema: the schema's text."""

    name: str
    kind: str
    schema: str

    def body(self) -> dict[str, str]:
        """The schema in the format of the registry's API."""
        return {"schemaType": self.kind, "schema": self.schema}


class Registry:
    """The registry at a URL. ca: file of the authorities to trust; None for the system's."""

    def __init__(self, url: str, user: str, password: str, ca: str | None) -> None:
        self._url = url.rstrip("/")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": _TYPE, "Accept": _TYPE}
        self._tls = ssl.create_default_context(cafile=ca)

    def subjects(self) -> set[str]:
        """The names of all subjects."""
        return set(cast("list[str]", self._ask("GET", "/subjects")))

    def latest(self, name: str) -> str:
        """The schema of the newest version of a subject."""
        return str(self._ask("GET", f"/subjects/{quote(name, safe='')}/versions/latest")["schema"])

    def compatible(self, subject: Subject) -> bool:
        """Whether a schema may be a subject's next version."""
        path = f"/compatibility/subjects/{quote(subject.name, safe='')}/versions"
        return bool(self._ask("POST", path, subject.body())["is_compatible"])

    def register(self, subject: Subject) -> None:
        """Make a schema the subject's newest version."""
        self._ask("POST", f"/subjects/{quote(subject.name, safe='')}/versions", subject.body())

    def level(self, name: str) -> str | None:
        """The compatibility level set for this subject; None if there is none."""
        try:
            answer = self._ask("GET", f"/config/{quote(name, safe='')}")
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise
        return str(answer["compatibilityLevel"])

    def set_level(self, name: str, level: str) -> None:
        """Set the compatibility level of a subject."""
        self._ask("PUT", f"/config/{quote(name, safe='')}", {"compatibility": level})

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, self._headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=self._tls) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            reason = _reason(error)
            if error.code >= 500 or error.code in {408, 429}:
                raise UnavailableError(f"{method} {path}: {reason} (HTTP {error.code})") from error
            raise RefusedError(f"{method} {path}: {reason}", error.code) from error
        except urllib.error.URLError as error:
            kind = UntrustedError if isinstance(error.reason, ssl.SSLCertVerificationError) else UnavailableError
            raise kind(f"{method} {self._url}{path}: {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise UnavailableError(f"{method} {self._url}{path}: {error}") from error


def _reason(error: urllib.error.HTTPError) -> str:
    """The registry's reason, from an error's body."""
    try:
        text = error.read().decode(errors="replace")
    except (OSError, HTTPException):
        return error.reason
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip()[:500] or error.reason
