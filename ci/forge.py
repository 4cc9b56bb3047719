"""Writes a pipeline's texts to GitHub or GitLab: one text for each hidden marker, created once and then changed.

The token comes from the environment (GITHUB_TOKEN, GITLAB_TOKEN) and goes into one header; it is never printed, and
never sent to another host: redirects are not followed, and pages only within the API.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlsplit

TRIES = 6
PATIENCE = 180.0
"""The longest wait in seconds: a longer one means that another client has used up the rate limit."""

_SECONDS = 30
_PAGES = 100
T = TypeVar("T")


class ForgeError(Exception):
    """A text cannot be read or written. The error's text gives the remedy."""


class _PassingError(ForgeError):
    """A ForgeError that may be over after ``wait`` seconds; None: the time is not known."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None


@dataclass(frozen=True)
class Place:
    """Where a text is kept: among the comments of a pull request, or as an issue. Paths are relative to the API."""

    list: str
    create: str
    edit: str
    """With {} for the id."""

    method: str
    """The HTTP method of an edit."""

    id: str
    """The field of an entry with its id."""

    text: str
    """The field with its text."""

    new: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Further fields of a new entry."""

    closed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The fields that close it."""


@dataclass
class Forge:
    """One project at GitHub or GitLab."""

    name: str
    api: str
    """Its address, without a slash at the end."""

    headers: Mapping[str, str] = field(repr=False)
    author: str
    """The user who writes here; only this user's texts are changed. Empty: the owner of the token."""

    user: str
    """The field of an entry's author with the name."""

    comments: Place | None
    """Of the pull request that the pipeline runs for; None if it runs for none."""

    issues: Callable[[str], Place]
    """The issues, by the title of a new one."""

    limit: int
    """The characters of the longest text."""

    token_help: str
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        where = urlsplit(self.api)
        if where.scheme != "https" and where.hostname not in ("localhost", "127.0.0.1"):
            raise ForgeError(f"{self.api} is not https: the token would be sent in the clear")

    # -- what a pipeline does

    def put(self, place: Place, marker: str, text: str) -> str:
        """Make the text with this marker, or change the existing one; returns ``made`` or ``changed``."""

        def once() -> str:
            found = self._find(place, marker)
            if found is None:
                self._send("POST", place.create, {**place.new, place.text: text})
                return "made"
            if found[place.text] != text:
                self._send(place.method, place.edit.format(found[place.id]), {place.text: text})
            return "changed"

        return self._patiently(once)

    def close(self, place: Place, marker: str) -> bool:
        """Close the issue with this marker; False if there is none."""

        def once() -> bool:
            found = self._find(place, marker)
            if found is not None:
                self._send(place.method, place.edit.format(found[place.id]), place.closed)
            return found is not None

        return self._patiently(once)

    # -- how

    def _patiently(self, once: Callable[[], T]) -> T:
        """Run `once`, and retry all of it after a passing fault: so it finds an entry whose creation got no answer."""
        for tried in range(1, TRIES + 1):
            try:
                return once()
            except _PassingError as error:
                wait = 2.0**tried if error.wait is None else error.wait
                if tried == TRIES:
                    raise ForgeError(f"{error}; tried {TRIES} times. Run the job again later.") from error
                if wait > PATIENCE:
                    raise ForgeError(f"{error}; it asks to wait {wait:.0f} s. Run the job again then.") from error
                self.sleep(wait)
        raise AssertionError("unreachable")

    def _find(self, place: Place, marker: str) -> dict[str, Any] | None:
        author = self.author
        for entry in self._pages(place.list):
            if not str(entry.get(place.text) or "").startswith(marker):
                continue
            author = author or str(self._send("GET", "user")[0].get(self.user, ""))
            if str((entry.get("user") or entry.get("author") or {}).get(self.user)) == author:
                return entry
        return None

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        for _ in range(_PAGES):
            answer, headers = self._send("GET", path)
            yield from cast("list[dict[str, Any]]", answer)
            following = re.search(r'<([^>]+)>;\s*rel="next"', headers.get("Link") or "")
            if following is None:
                return
            if not following[1].startswith(f"{self.api}/"):
                raise ForgeError(f"{self.name} names a next page outside of {self.api}: {following[1]}")
            path = following[1].removeprefix(f"{self.api}/")
        raise ForgeError(f"{self.name} lists more than {_PAGES} pages of {path}")

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[Any, http.client.HTTPMessage]:
        """One request; the answer's JSON and its headers. Raises ForgeError."""
        what = f"{method} {self.api}/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, "User-Agent": "kafkalogs", **({"Content-Type": "application/json"} if data else {})}
        request = urllib.request.Request(f"{self.api}/{path}", data, headers, method=method)  # noqa: S310
        try:
            with _OPENER.open(request, timeout=_SECONDS) as answer:
                return json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            raise self._refused(what, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _PassingError(f"{what}: {getattr(error, 'reason', None) or error}") from error
        except ValueError as error:
            raise _PassingError(f"{what}: the answer is not JSON") from error

    def _refused(self, what: str, error: urllib.error.HTTPError) -> ForgeError:
        """The error for an answer without success."""
        text = f"{what}: {error.code} {self._said(error)}".rstrip()
        headers = error.headers
        limited = error.code == 429 or (
            error.code == 403 and ("Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0")
        )
        if limited:
            reset = headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or ""
            if (after := headers.get("Retry-After", "")).isdigit():
                return _PassingError(text, float(after))
            return _PassingError(text, max(1.0, float(reset) - time.time()) if reset.isdigit() else 60.0)
        if error.code >= 500 or error.code == 408:
            return _PassingError(text)
        if error.code in (401, 403):
            return ForgeError(f"{text}. {self.token_help}")
        if error.code in (301, 302, 307, 308):
            return ForgeError(f"{text}. It has moved: name its new address, redirects are not followed.")
        if error.code == 404:
            return ForgeError(f"{text}. There is no such thing, or the token may not see it. {self.token_help}")
        return ForgeError(text)

    def _said(self, error: urllib.error.HTTPError) -> str:
        """The reason in the body of an answer, without what could be a token."""
        try:
            found = json.loads(error.read(100_000))
            said = found.get("message") or found.get("error") or ""
            text = said if isinstance(said, str) else json.dumps(said)
            if found.get("errors"):
                text += f" {json.dumps(found['errors'])}"
        except (ValueError, AttributeError, OSError, http.client.HTTPException):
            text = error.reason
        for value in self.headers.values():
            text = text.replace(value.removeprefix("Bearer "), "***")
        return text[:500]


def here(env: Mapping[str, str]) -> Forge:
    """The project that this pipeline runs for, by what GitHub or GitLab tell it. Raises ForgeError."""
    if env.get("GITHUB_ACTIONS"):
        return _github(env)
    if env.get("GITLAB_CI"):
        return _gitlab(env)
    raise ForgeError("this writes to GitHub or GitLab from their pipelines; here is neither")


def run_page(env: Mapping[str, str]) -> str:
    """The page of the pipeline's run; empty if it runs in none."""
    if env.get("GITHUB_RUN_ID"):
        return f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}/actions/runs/{env['GITHUB_RUN_ID']}"
    return env.get("CI_PIPELINE_URL", "")


def _github(env: Mapping[str, str]) -> Forge:
    """https://docs.github.com/rest: a pull request is an issue, and its comments are an issue's."""
    repository = f"repos/{_needed(env, 'GITHUB_REPOSITORY')}"
    number = _pull_request(env.get("GITHUB_EVENT_PATH", ""))
    comments = Place(
        list=f"{repository}/issues/{number}/comments?per_page=100",
        create=f"{repository}/issues/{number}/comments",
        edit=f"{repository}/issues/comments/{{}}",
        method="PATCH",
        id="id",
        text="body",
    )

    def issues(title: str) -> Place:
        return Place(
            list=f"{repository}/issues?state=open&per_page=100",
            create=f"{repository}/issues",
            edit=f"{repository}/issues/{{}}",
            method="PATCH",
            id="number",
            text="body",
            new={"title": title},
            closed={"state": "closed", "state_reason": "completed"},
        )

    return Forge(
        name="GitHub",
        api=env.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        headers={
            "Authorization": f"Bearer {_needed(env, 'GITHUB_TOKEN')}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        # The token of a run has no right to read its owner.
        author=env.get("COMMENT_AUTHOR") or "github-actions[bot]",
        user="login",
        comments=comments if number else None,
        issues=issues,
        limit=65_536,
        token_help="GITHUB_TOKEN needs the permission pull-requests: write for comments, issues: write for issues.",  # noqa: S106
    )


def _gitlab(env: Mapping[str, str]) -> Forge:
    """https://docs.gitlab.com/api: the comments of a merge request are its notes."""
    project = f"projects/{quote(_needed(env, 'CI_PROJECT_ID'), safe='')}"
    number = env.get("CI_MERGE_REQUEST_IID", "")
    notes = f"{project}/merge_requests/{number}/notes"
    comments = Place(
        list=f"{notes}?per_page=100&sort=asc&order_by=created_at",
        create=notes,
        edit=f"{notes}/{{}}",
        method="PUT",
        id="id",
        text="body",
    )

    def issues(title: str) -> Place:
        return Place(
            list=f"{project}/issues?state=opened&per_page=100",
            create=f"{project}/issues",
            edit=f"{project}/issues/{{}}",
            method="PUT",
            id="iid",
            text="description",
            new={"title": title},
            closed={"state_event": "close"},
        )

    return Forge(
        name="GitLab",
        api=_needed(env, "CI_API_V4_URL").rstrip("/"),
        headers={"PRIVATE-TOKEN": _needed(env, "GITLAB_TOKEN")},
        author=env.get("COMMENT_AUTHOR", ""),
        user="username",
        comments=comments if number else None,
        issues=issues,
        limit=1_000_000,
        token_help="GITLAB_TOKEN is a project access token with the scope api; a job's own token may not write notes.",  # noqa: S106
    )


def _needed(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise ForgeError(f"{name} is not set; the pipeline's file passes it to this job")
    return env[name]


def _pull_request(event: str) -> str:
    """The number of the pull request in the event's file; empty if the event has none."""
    try:
        return str((json.loads(Path(event).read_text()).get("pull_request") or {}).get("number") or "")
    except (OSError, ValueError, AttributeError):
        return ""


_OPENER = urllib.request.build_opener(_Stay)
