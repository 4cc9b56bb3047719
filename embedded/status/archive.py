"""The archive: the newest files of its Iceberg table, read through the catalog as any query engine reads them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from kafkalogs.client.reach import inside, unanswered

from embedded.status.platform import Platform, secret_of
from embedded.status.section import Section, ago, created, duration, short

_SHOWN = 3
# how long a commit may wait for its tasks, and how long the connector may take to start while other parts start too
_START_SECONDS = 300


@dataclass(frozen=True)
class File:
    """A file of the archive. name: the path below the table's folder; size: bytes."""

    name: str
    records: int
    size: int


@dataclass(frozen=True)
class Snapshot:
    """The newest state of the archive. committed: seconds since 1970; new: the files of the newest commit."""

    committed: float
    records: int
    files: int
    size: int
    new: list[File]


def archive(platform: Platform) -> Section | None:
    """The size of the archive, and its newest files."""
    if "archive" not in platform.connectors:
        return None
    section, connector = Section("archive"), platform.connectors["archive"]
    config: dict[str, Any] = connector["spec"]["config"]
    name, interval = config["iceberg.tables"], int(config["iceberg.control.commit.interval-ms"]) / 1000
    if config["iceberg.catalog.type"] != "jdbc":
        section.add(f"table {name}", f"in {config['iceberg.catalog.warehouse']}, known to AWS Glue; ask there")
        return section
    with opened(platform, config) as catalog:
        found = platform.wait(lambda: newest(catalog, name), bool)
    if found is None:
        due = created(connector["metadata"]["creationTimestamp"]) + interval + _START_SECONDS
        section.not_yet(f"table {name}", "the first commit", due)
        return section
    section.add(f"table {name}", f"{found.records:,} records in {found.files:,} files, {_size(found.size)}")
    late = time.time() - found.committed > interval + _START_SECONDS
    said = f"{ago(found.committed)}, {len(found.new)} files; one is made every {duration(interval)}"
    section.add("newest commit", said, None if late else True)
    for file in sorted(found.new, key=lambda file: -file.records)[:_SHOWN]:
        section.add(file.name, f"{file.records:,} records, {_size(file.size)}")
    return section


@contextmanager
def opened(platform: Platform, config: dict[str, Any]) -> Iterator[Any]:
    """The Iceberg catalog of the archive's connector. Raises UnansweredError if database or files do not answer."""
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy.exc import OperationalError

    address = config["iceberg.catalog.uri"].removeprefix("jdbc:")
    database, where = urlsplit(address), f"postgresql://{urlsplit(address).netloc}"
    login = platform.reach.login("postgres-credentials")
    with ExitStack() as held:
        host, trusted = database.netloc, "system"
        if inside(where):
            host = f"localhost:{held.enter_context(platform.reach.listening(where))}"
        if authorities := secret_of(next(iter(parse_qs(database.query).get("sslrootcert", ())), None)):
            authority = Path(held.enter_context(tempfile.TemporaryDirectory())) / "ca.crt"
            authority.write_text(platform.reach.secret(authorities)["ca.crt"])
            trusted = str(authority)
        user, password = quote(login.user, safe=""), quote(login.password, safe="")
        options = f"sslmode=verify-full&sslrootcert={quote(trusted)}&connect_timeout=15"
        settings = {
            "uri": f"postgresql+psycopg2://{user}:{password}@{host}{database.path}?{options}",
            "warehouse": config["iceberg.catalog.warehouse"],
            "s3.region": config["iceberg.catalog.client.region"],
            # the report only reads
            "init_catalog_tables": "false",
        }
        if "iceberg.catalog.s3.access-key-id" in config:
            key = platform.reach.login("s3-credentials")
            settings |= {"s3.access-key-id": key.user, "s3.secret-access-key": key.password}
        files = endpoint = config.get("iceberg.catalog.s3.endpoint", "")
        if endpoint:
            if inside(endpoint):
                # Arrow trusts only the machine's authorities, so TLS begins behind the port on localhost.
                trust = platform.reach.trust(secret_of(config.get("iceberg.catalog.kafkalogs.s3.ca.path")))
                endpoint = f"http://localhost:{held.enter_context(platform.reach.listening(endpoint, trust))}"
            settings |= {"s3.endpoint": endpoint, "s3.path-style-access": "true"}
        try:
            catalog = SqlCatalog(config["iceberg.catalog"], **settings)
            held.callback(catalog.close)
            yield catalog
        except OperationalError as error:
            raise unanswered(where, f"the archive's database: {short(str(error.orig), 200)}") from error
        except OSError as error:
            raise unanswered(files, f"the archive's files: {error}") from error


def newest(catalog: Any, name: str) -> Snapshot | None:
    """The newest state of a table; None before the first commit."""
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.manifest import ManifestEntryStatus
    from sqlalchemy.exc import ProgrammingError

    try:
        table = catalog.load_table(name)
    except (NoSuchTableError, ProgrammingError):
        return None  # the sink creates the table, and the database's tables about it, at its first commit
    snapshot = table.current_snapshot()
    if snapshot is None:
        return None
    new = [
        entry.data_file
        for manifest in snapshot.manifests(table.io)
        if manifest.added_snapshot_id == snapshot.snapshot_id
        for entry in manifest.fetch_manifest_entry(table.io)
        if entry.status == ManifestEntryStatus.ADDED
    ]
    total = {key: int(snapshot.summary[f"total-{key}"] or 0) for key in ("records", "data-files", "files-size")}
    return Snapshot(
        snapshot.timestamp_ms / 1000,
        total["records"],
        total["data-files"],
        total["files-size"],
        [File(_name(file.file_path), file.record_count, file.file_size_in_bytes) for file in new],
    )


def _name(path: str) -> str:
    """Day, service and file of a path. Both ends of the file's long name are enough to find the file."""
    *_, day, service, file = path.rsplit("/", 3)
    return f"{day.rpartition('=')[2]} {service.rpartition('=')[2]} {file[:6]}..{file[-14:]}"


def _size(size: int) -> str:
    """Bytes in a readable unit."""
    return f"{size / 1024**2:,.1f} MiB" if size >= 1024**2 else f"{size / 1024:,.1f} KiB"
