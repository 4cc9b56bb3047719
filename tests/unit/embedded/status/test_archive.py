"""The archive in the report: the newest commit of its table, and what is said before there is one."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafkalogs.client.reach import UnansweredError

from embedded.status import archive
from embedded.status.section import Row

from .platforms import HIDDEN, NOW, clock, connector, platform, told

pytestmark = pytest.mark.usefixtures("clock")
__all__ = ["clock"]

ARCHIVE = {
    "iceberg.tables": "logs.events",
    "iceberg.catalog": "kafkalogs",
    "iceberg.catalog.type": "jdbc",
    "iceberg.control.commit.interval-ms": 30000,
    "iceberg.catalog.warehouse": "s3://logs-archive/logs",
}


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """An Iceberg catalog in files, and a function that commits events of services to its table."""
    import pyarrow
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.transforms import IdentityTransform

    catalog = SqlCatalog("kafkalogs", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}")

    def commit(*services: str) -> None:
        schema = pyarrow.schema([(name, pyarrow.string()) for name in ("day", "service")])
        rows = [{"day": "2027-01-15", "service": service} for service in services]
        if not catalog.namespace_exists("logs"):
            catalog.create_namespace("logs")
            made = catalog.create_table("logs.events", schema)
            with made.update_spec() as spec:
                for name in schema.names:
                    spec.add_field(name, IdentityTransform(), f"by_{name}")
        catalog.load_table("logs.events").append(pyarrow.Table.from_pylist(rows, schema))

    return SimpleNamespace(catalog=catalog, commit=commit)


def test_the_newest_commit_of_the_table(table: Any):
    assert archive.newest(table.catalog, "logs.events") is None
    table.commit("cart", "nginx", "nginx")
    table.commit("user", "user", "nginx")
    found = archive.newest(table.catalog, "logs.events")
    assert found is not None
    assert (found.records, found.files) == (6, 4)
    assert sorted((file.name.split(" ")[:2], file.records) for file in found.new) == [
        (["2027-01-15", "nginx"], 1),
        (["2027-01-15", "user"], 2),
    ]
    assert found.size > sum(file.size for file in found.new) > 0


def test_the_archive_of_a_table(monkeypatch: pytest.MonkeyPatch):
    files = [archive.File(f"2027-01-15 s{i} x.parquet", i, 2048) for i in range(5)]
    snapshots = [None, archive.Snapshot(NOW - 12, 1234, 56, 3 * 2**20, files)]
    monkeypatch.setattr(archive, "newest", lambda catalog, name: snapshots.pop(0))
    monkeypatch.setattr(archive, "opened", lambda platform, config: nullcontext())
    section = archive.archive(platform(patience=60, connectors={"archive": connector(**ARCHIVE)}))
    assert section is not None
    assert section.rows == [
        Row("table logs.events", "1,234 records in 56 files, 3.0 MiB"),
        Row("newest commit", "12 s ago, 5 files; one is made every 30 s"),
        Row("2027-01-15 s4 x.parquet", "4 records, 2.0 KiB"),
        Row("2027-01-15 s3 x.parquet", "3 records, 2.0 KiB"),
        Row("2027-01-15 s2 x.parquet", "2 records, 2.0 KiB"),
    ]


@pytest.mark.parametrize(("age", "says", "faults"), [(20, "due within 5 min", 0), (1000, "due 11 min ago", 1)])
def test_no_commit_yet_is_a_fault_only_when_it_is_overdue(
    monkeypatch: pytest.MonkeyPatch, age: float, says: str, faults: int
):
    monkeypatch.setattr(archive, "newest", lambda catalog, name: None)
    monkeypatch.setattr(archive, "opened", lambda platform, config: nullcontext())
    section = archive.archive(platform(connectors={"archive": connector(age, **ARCHIVE)}))
    assert section is not None
    assert says in section.rows[0].found
    assert len(section.faults) == faults


def test_an_archive_that_glue_knows_is_named():
    config = {**ARCHIVE, "iceberg.catalog.type": "glue"}
    section = archive.archive(platform(connectors={"archive": connector(**config)}))
    assert told(section) == {"table logs.events": "in s3://logs-archive/logs, known to AWS Glue; ask there"}


def test_the_catalog_is_opened_as_the_connector_does(monkeypatch: pytest.MonkeyPatch):
    made: list[dict[str, str]] = []

    class Opened:
        def __init__(self, name: str, **settings: str) -> None:
            made.append(settings)

        def close(self) -> None:
            pass

    monkeypatch.setattr("pyiceberg.catalog.sql.SqlCatalog", Opened)
    this = platform()
    reach: Any = this.reach
    read: list[str] = []
    reach.secret = lambda name: read.append(name) or {"ca.crt": "CA"}
    reach.listening = lambda url, trust=None: nullcontext(f"{url.partition('.')[0][-2:]}/{trust}")
    config = {
        **ARCHIVE,
        "iceberg.catalog.uri": "jdbc:postgresql://postgres.kafkalogs.svc:5432/kafkalogs?sslmode=verify-full&sslrootcert=/mnt/secrets/rds-ca/ca.crt",
        "iceberg.catalog.client.region": "us-east-1",
        "iceberg.catalog.s3.endpoint": "https://s3.kafkalogs.svc:7070",
        "iceberg.catalog.s3.access-key-id": "${dir:x}",
        "iceberg.catalog.kafkalogs.s3.ca.path": "/mnt/secrets/platform-ca/ca.crt",
    }
    with pytest.raises(UnansweredError, match="files: bucket is gone"), archive.opened(this, config):
        raise OSError("bucket is gone")
    assert made[0]["uri"].startswith(f"postgresql+psycopg2://postgres:{HIDDEN}@localhost:es/None/kafkalogs?sslmode=")
    assert "verify-full" in made[0]["uri"]
    assert read == ["rds-ca"], "each by the authority of the connector's own settings"
    # TLS begins behind the port: verified with the platform's authority
    assert made[0]["s3.endpoint"] == "http://localhost:s3/platform-ca"
    assert made[0]["init_catalog_tables"] == "false"
