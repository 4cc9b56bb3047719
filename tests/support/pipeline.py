"""What the integration tests look into: search, database, archive, incidents, and topics that no team reads."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import kafka
from tests.support.sandbox import Sandbox

SPACE = "kafkalogs"
INSPECTOR = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: inspector, namespace: kafkalogs, labels: {strimzi.io/cluster: logs}}
spec:
  authentication: {type: tls}
  authorization:
    type: simple
    acls:
      - {type: allow, operations: [Read, Describe], resource: {type: topic, name: "*", patternType: literal}}
      - {type: allow, operations: [Read, Describe], resource: {type: group, name: "*", patternType: literal}}
"""


@contextmanager
def inspector(platform: Sandbox) -> Iterator[str]:
    """A user that may read every topic and ask how far every group is, while it is needed."""
    platform.kubectl("apply", "-f", "-", input=INSPECTOR)

    def ready() -> bool:
        conditions = platform.get("kafkauser", "inspector").get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    try:
        platform.wait("the inspector is ready", ready)
        yield "inspector"
    finally:
        platform.kubectl("-n", SPACE, "delete", "kafkauser", "inspector", "--ignore-not-found")


@contextmanager
def forwarded(platform: Sandbox, service: str, port: int) -> Iterator[int]:
    """A local port that leads to a Service."""
    command = ["kubectl", "-n", SPACE, "port-forward", f"service/{service}", f":{port}"]
    with subprocess.Popen(command, env=platform.env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found, f"kubectl port-forward to {service} failed"
            yield int(found[1])
        finally:
            process.terminate()


def credentials(platform: Sandbox, name: str) -> tuple[str, str]:
    found = kafka.secret(platform, f"{name}-credentials")
    return found["username"], found["password"]


@dataclass
class Engine:
    """Elasticsearch. url: where it answers; token: the reader's basic authentication."""

    url: str
    token: str
    context: ssl.SSLContext

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Basic {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
            return json.load(answer)

    def count(self, field: str, value: str) -> int:
        """The documents with this value."""
        return self.ask("/logs-*/_count", {"query": {"term": {field: value}}})["count"]


@contextmanager
def search(platform: Sandbox) -> Iterator[Engine]:
    user, password = credentials(platform, "search-reader")
    context = ssl.create_default_context(cadata=kafka.secret(platform, "platform-ca")["ca.crt"])
    with forwarded(platform, "elasticsearch", 9200) as port:
        yield Engine(f"https://localhost:{port}", base64.b64encode(f"{user}:{password}".encode()).decode(), context)


@contextmanager
def registry(platform: Sandbox) -> Iterator[Callable[[str], Any]]:
    """Asks the schema registry, by Confluent's API."""
    context = ssl.create_default_context(cadata=kafka.secret(platform, "platform-ca")["ca.crt"])
    with forwarded(platform, "registry", 8443) as port:

        def ask(path: str) -> Any:
            url = f"https://localhost:{port}/apis/ccompat/v7{path}"
            with urllib.request.urlopen(url, context=context, timeout=30) as answer:
                return json.load(answer)

        yield ask


def sql(platform: Sandbox, query: str) -> int:
    """The one number that a query of the platform's database gives; 0 while its table is not there."""
    user, password = credentials(platform, "postgres")
    target = f"host=postgres.{SPACE}.svc dbname=kafkalogs user={user} sslmode=require"
    answer = platform.kubectl(
        *("-n", SPACE, "exec", "-i", "postgres-0", "-c", "database", "--", "sh", "-c"),
        f"read -r PGPASSWORD; export PGPASSWORD; psql '{target}' -At",
        input=f"{password}\n{query};\n",
        check=False,
    )
    if "does not exist" in answer:
        return 0
    return int(answer)


@dataclass
class Archive:
    """The Iceberg table."""

    table: Any

    def places(self, field: str, value: str) -> list[tuple[str, int, int]]:
        """Where the archived events with this value were in Kafka."""
        from pyiceberg.expressions import EqualTo

        if self.table is None:
            return []
        self.table.refresh()
        wanted = ("kafka_topic", "kafka_partition", "kafka_offset")
        rows = self.table.scan(row_filter=EqualTo(field, value), selected_fields=wanted).to_arrow().to_pylist()
        return [(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) for row in rows]


@contextmanager
def archive(platform: Sandbox) -> Iterator[Archive]:
    """The archive, read by PyIceberg."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "ca.crt").write_text(kafka.secret(platform, "platform-ca")["ca.crt"])
        # Arrow's S3 client takes its authorities from where Python's ssl does.
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(folder / "ca.crt")
        try:
            from pyiceberg.catalog.sql import SqlCatalog

            database = stack.enter_context(forwarded(platform, "postgres", 5432))
            s3 = stack.enter_context(forwarded(platform, "s3", 7070))
            user, password = credentials(platform, "postgres")
            key, secret = credentials(platform, "s3")
            catalog = SqlCatalog(
                "kafkalogs",
                **{
                    "uri": f"postgresql+psycopg2://{user}:{password}@localhost:{database}/kafkalogs?sslmode=require",
                    "warehouse": "s3://logs-archive/logs",
                    "s3.endpoint": f"https://localhost:{s3}",
                    "s3.access-key-id": key,
                    "s3.secret-access-key": secret,
                    "s3.region": "us-east-1",
                    "s3.path-style-access": "true",
                },
            )
            yield Archive(platform.wait("the table", lambda: _table(catalog), 300))
        finally:
            os.environ.pop("SSL_CERT_FILE", None)
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before


def _table(catalog: Any) -> Any:
    from pyiceberg.exceptions import NoSuchTableError

    try:
        return catalog.load_table("logs.events")
    except NoSuchTableError:
        return None


def incidents(platform: Sandbox) -> list[dict[str, Any]]:
    """What the stand-in for PagerDuty holds."""
    words = ("-n", SPACE, "exec", "deploy/pagerduty", "--", "python3", "-m", "pagerduty", "incidents")
    found: list[dict[str, Any]] = json.loads(platform.kubectl(*words))["incidents"]
    return found
