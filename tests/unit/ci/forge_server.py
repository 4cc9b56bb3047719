"""The documented answers of GitHub's and GitLab's API, by a real server on this machine, and trouble on request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-that-nobody-may-see"

Trouble = tuple[int, dict[str, str], Any]


@dataclass
class World:
    """entries: by kind (comments, issues), each a dict as the API gives it. trouble: answers instead, first to last.

    deaf: how many entries are made without an answer that says so.
    """

    kind: str
    page: int = 2
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"comments": [], "issues": []})
    trouble: list[Trouble] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    deaf: int = 0
    api: str = ""

    @property
    def author(self) -> dict[str, Any]:
        if self.kind == "github":
            return {"user": {"login": "github-actions[bot]", "type": "Bot"}}
        return {"author": {"username": "project_7_bot"}}

    def add(self, kind: str, text: str, **values: Any) -> dict[str, Any]:
        number = 100 + sum(map(len, self.entries.values()))
        key = "description" if kind == "issues" and self.kind == "gitlab" else "body"
        state = "open" if self.kind == "github" else "opened"
        made = {"id": number, "number": number, "iid": number, key: text, "state": state, **self.author, **values}
        self.entries[kind].append(made)
        return made


ROUTES = {
    "github": {
        r"repos/acme/logs/issues/5/comments": "comments",
        r"repos/acme/logs/issues/comments/(\d+)": "comments",
        r"repos/acme/logs/issues": "issues",
        r"repos/acme/logs/issues/(\d+)": "issues",
    },
    "gitlab": {
        r"projects/7/merge_requests/5/notes": "comments",
        r"projects/7/merge_requests/5/notes/(\d+)": "comments",
        r"projects/7/issues": "issues",
        r"projects/7/issues/(\d+)": "issues",
    },
}


class Handler(BaseHTTPRequestHandler):
    world: World

    def do_GET(self) -> None:
        self.serve(None)

    def do_POST(self) -> None:
        self.serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    do_PATCH = do_PUT = do_POST  # noqa: N815 - names of the library

    def log_message(self, *args: Any) -> None:
        pass

    def answer(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def serve(self, body: Any) -> None:
        world = self.world
        url = urlsplit(self.path)
        world.requests.append((self.command, self.path))
        if world.trouble:
            code, headers, said = world.trouble.pop(0)
            return self.answer(code, said, headers)
        header = self.headers.get("Authorization" if world.kind == "github" else "PRIVATE-TOKEN", "")
        if header.removeprefix("Bearer ") != TOKEN:
            return self.answer(401, {"message": "Bad credentials"})
        path = url.path.removeprefix("/api/")
        if path == "user" and world.kind == "gitlab":
            return self.answer(200, {"username": "project_7_bot"})
        for route, kind in ROUTES[world.kind].items():
            if found := re.fullmatch(route, path):
                return self.entry(kind, found[1], body) if found.groups() else self.listed(kind, url.query, body)
        return self.answer(404, {"message": "Not Found"})

    def listed(self, kind: str, query: str, body: Any) -> None:
        world = self.world
        if self.command == "GET":
            asked = parse_qs(query)
            number = int(asked.get("page", ["1"])[0])
            wanted = [e for e in world.entries[kind] if "state" not in asked or e["state"] == asked["state"][0]]
            first = (number - 1) * world.page
            more = {}
            if first + world.page < len(wanted):
                base = f"{world.api}/{urlsplit(self.path).path.removeprefix('/api/')}?"
                rest = "&".join(f"{k}={v[0]}" for k, v in asked.items() if k != "page")
                more = {"Link": f'<{base}{rest}&page={number + 1}>; rel="next", <{base}{rest}&page=9>; rel="last"'}
            return self.answer(200, wanted[first : first + world.page], more)
        text = body.pop("description", None) or body.pop("body")
        if len(text) > (65_536 if world.kind == "github" else 1_000_000):
            return self.answer(422, {"message": "Validation Failed", "errors": ["body is too long"]})
        made = world.add(kind, text, **body)
        if world.deaf:
            world.deaf -= 1
            return self.answer(502, b"<html>Bad gateway</html>")
        return self.answer(201, made)

    def entry(self, kind: str, number: str, body: dict[str, Any]) -> None:
        key = "iid" if self.world.kind == "gitlab" and kind == "issues" else "number" if kind == "issues" else "id"
        wanted = "PATCH" if self.world.kind == "github" else "PUT"
        if self.command != wanted:
            return self.answer(404, {"message": "Not Found"})
        for entry in self.world.entries[kind]:
            if str(entry[key]) == number:
                if body.pop("state_event", "") == "close":
                    body["state"] = "closed"
                entry.update(body)
                return self.answer(200, entry)
        return self.answer(404, {"message": "Not Found"})


@contextmanager
def serving(world: World) -> Iterator[World]:
    """The server of a world; its address is then ``world.api``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"world": world}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.api = f"http://127.0.0.1:{server.server_port}/api"
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
