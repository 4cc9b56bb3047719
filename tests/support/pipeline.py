"""What the integration tests look into: search, database, archive, incidents, and topics that no team reads."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.reach import Login, Reach

from tests.support.sandbox import Sandbox

SPACE = "kafkalogs"
INSPECTOR = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: NAME, namespace: kafkalogs, labels: {strimzi.io/cluster: logs}}
spec:
  authentication: {type: tls}
  authorization:
    type: simple
    acls:
      - {type: allow, operations: [Read, Describe], resource: {type: topic, name: "*", patternType: literal}}
      - {type: allow, operations: [Read, Describe], resource: {type: group, name: "*", patternType: literal}}
"""


@contextmanager
def inspector(platform: Sandbox, name: str = "inspector") -> Iterator[str]:
    """A user that may read every topic, ask how far every group is and set it, while it is needed."""
    platform.kubectl("apply", "-f", "-", input=INSPECTOR.replace("NAME", name))

    def ready() -> bool:
        conditions = platform.get("kafkauser", name).get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    try:
        platform.wait(f"{name} is ready", ready)
        yield name
    finally:
        platform.kubectl("-n", SPACE, "delete", "kafkauser", name, "--ignore-not-found")


def reach(platform: Sandbox) -> Reach:
    """The way into the cluster."""
    return Reach(ClusterAccess(platform.state / "kubeconfig", SPACE))


@dataclass
class Engine:
    """Elasticsearch, as who may only read."""

    way: Reach
    trust: ssl.SSLContext
    login: Login

    def count(self, field: str, value: str) -> int:
        """The documents with this value."""
        url, query = f"https://elasticsearch.{SPACE}.svc:9200/logs-*/_count", {"query": {"term": {field: value}}}
        found: int = self.way.ask(url, self.trust, self.login, query)["count"]
        return found


def search(platform: Sandbox) -> Engine:
    way = reach(platform)
    return Engine(way, way.trust("platform-ca"), way.login("search-reader-credentials"))


def registry(platform: Sandbox, path: str) -> Any:
    """What the schema registry answers, by Confluent's API."""
    way = reach(platform)
    return way.ask(f"https://registry.{SPACE}.svc:8443/apis/ccompat/v7{path}", way.trust("platform-ca"))


def prometheus(platform: Sandbox, path: str) -> Any:
    """The data that Prometheus' API answers."""
    way = reach(platform)
    return way.ask(f"https://prometheus.{SPACE}.svc:9090/api/v1{path}", way.trust("platform-ca"))["data"]


def sql(platform: Sandbox, query: str) -> int:
    """The one number that a query of the platform's database gives; 0 while its table is not there."""
    login = reach(platform).login("postgres-credentials")
    # Within the pod: no network policy lets the database connect to itself by its Service.
    target = f"host=localhost dbname=kafkalogs user={login.user} sslmode=require"
    answer = platform.run(
        *("kubectl", "-n", SPACE, "exec", "-i", "postgres-0", "-c", "database", "--", "sh", "-c"),
        f"read -r PGPASSWORD; export PGPASSWORD; psql '{target}' -At",
        input=f"{login.password}\n{query};\n",
        check=False,
    )
    if "does not exist" in answer.text:
        return 0
    return int(answer.out)


@dataclass
class Archive:
    """The Iceberg table."""

    table: Any

    def places(self, field: str, value: str) -> list[tuple[str, int, int]]:
        """Where the archived events with this value were in Kafka."""
        return [(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) for row in self.rows(field, value)]

    def rows(self, field: str, value: str, *more: str) -> list[dict[str, Any]]:
        """The place in Kafka of each archived event with this value, and more of its fields."""
        from pyiceberg.expressions import EqualTo

        return self._scan(EqualTo(field, value), *more)

    def ends(self, since: Mapping[str, datetime]) -> dict[tuple[str, int], int]:
        """The offset after the newest archived record of each partition; of events since these times, by topic."""
        from pyiceberg.expressions import GreaterThanOrEqual

        made: dict[tuple[str, int], int] = {}
        for row in self._scan(GreaterThanOrEqual("timestamp", min(since.values()).isoformat()), "timestamp"):
            topic, place = row["kafka_topic"], (row["kafka_topic"], row["kafka_partition"])
            if topic in since and row["timestamp"] >= since[topic]:
                made[place] = max(made.get(place, 0), row["kafka_offset"] + 1)
        return made

    def _scan(self, condition: Any, *more: str) -> list[dict[str, Any]]:
        if self.table is None:
            return []
        self.table.refresh()
        wanted = ("kafka_topic", "kafka_partition", "kafka_offset", *more)
        rows: list[dict[str, Any]] = self.table.scan(condition, wanted).to_arrow().to_pylist()
        return rows


@contextmanager
def archive(platform: Sandbox) -> Iterator[Archive]:
    """The archive, read by PyIceberg."""
    from pyiceberg.catalog.sql import SqlCatalog

    way = reach(platform)
    database, key = way.login("postgres-credentials"), way.login("s3-credentials")
    where, store = f"postgresql://postgres.{SPACE}.svc:5432", f"https://s3.{SPACE}.svc:7070"
    # Arrow trusts the machine's authorities only, so its TLS begins behind the port on localhost.
    with way.listening(where) as port, way.listening(store, way.trust("platform-ca")) as s3:
        catalog = SqlCatalog(
            "kafkalogs",
            **{
                "uri": f"postgresql+psycopg2://{database.user}:{database.password}@localhost:{port}/kafkalogs?sslmode=require",
                "warehouse": "s3://logs-archive/logs",
                "s3.endpoint": f"http://localhost:{s3}",
                "s3.access-key-id": key.user,
                "s3.secret-access-key": key.password,
                "s3.region": "us-east-1",
                "s3.path-style-access": "true",
            },
        )
        try:
            yield Archive(platform.wait("the table", lambda: _table(catalog), 300))
        finally:
            catalog.close()


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
