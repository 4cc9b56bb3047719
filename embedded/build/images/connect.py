"""The Connect image: the layers of the Kafka image, and below /opt/kafka/plugins a folder for each plugin.

``iceberg`` archives to S3, with a class of ours in place of one of its own; ``jdbc`` writes audit logs to PostgreSQL;
``kafkalogs`` has the log event converter and the search sink. Our Java is in ``java_projects/connect-plugins``.
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from embedded.build.archives import unpack
from embedded.build.cache import Artefact, EmbeddedError
from embedded.build.images.kafka import HOME, kafka_image
from embedded.build.java import PROJECTS, classes, project_jar
from embedded.build.maven import jars, only_jar
from embedded.build.oci import OURS, Copy, Image, files_layer

SOURCES = PROJECTS / "connect-plugins"
# the class that each sink counts with; no plugin finds the classes of another one
_COUNTED = "kafkalogs/events/Clocks"
# classes that Iceberg's class loader must find, since they use Iceberg's classes
ARCHIVE_PARTS = ("kafkalogs/archive/", _COUNTED, "kafkalogs/tls/", "org/apache/iceberg/connect/data/")
# the class of the Iceberg sink that ours replaces; one class loader must not find both
REPLACED = "org/apache/iceberg/connect/data/PartitionedAppendWriter.class"
AUDIT_PARTS = ("kafkalogs/audit/", _COUNTED, "kafkalogs/identity/")
OUR_PARTS = ("kafkalogs/events/", "kafkalogs/identity/", "kafkalogs/search/", "kafkalogs/tls/")
# jars of the JDBC sink's folder that stay out: drivers of databases that the platform does not use (one of them is not
# free), and jars that the worker has anyway
LEFT_OUT = (
    *("ojdbc", "mysql-connector", "mariadb-java", "mssql-jdbc", "jcc", "db2"),
    *("kafka-clients", "connect-api", "slf4j-api", "lz4-java", "snappy-java", "zstd-jni"),
)


def connect_image() -> Image:
    """Kafka Connect with the platform's plugins, run as user 1001."""
    kafka = kafka_image()
    layers = [
        files_layer(f"plugin-{name}", [Copy(part, f"{HOME}/plugins/{name}") for part in parts])
        for name, parts in plugins().items()
    ]
    entrypoint = [f"{HOME}/bin/connect-distributed.sh"]
    return replace(kafka, name=f"{OURS}connect", layers=(*kafka.layers, *layers), entrypoint=entrypoint)


def plugins() -> dict[str, tuple[Artefact, ...]]:
    """The folders whose files make up each plugin, by the plugin's name; also for an image on another base."""
    compiled = classes(SOURCES, libraries())
    return {
        "iceberg": (_iceberg(), project_jar("kafkalogs-archive.jar", compiled, ARCHIVE_PARTS)),
        "jdbc": (_jdbc(), project_jar("kafkalogs-audit.jar", compiled, AUDIT_PARTS)),
        "kafkalogs": (project_jar("kafkalogs.jar", compiled, OUR_PARTS),),
    }


def _iceberg() -> Artefact:
    published = jars("iceberg")
    inputs = {"published": published.key, "replaced": REPLACED, "recipe": 1}
    return Artefact("connect-iceberg", inputs, lambda out: without_class(published.get(), out, REPLACED), needs_gib=0.8)


def without_class(folder: Path, out: Path, name: str) -> None:
    """Copy the jars of ``folder`` to ``out``, without the class ``name``. Raises EmbeddedError if no jar has it."""
    left_out = 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = out / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix != ".jar" or name not in zipfile.ZipFile(file).namelist():
            shutil.copyfile(file, target)
            continue
        left_out += 1
        with zipfile.ZipFile(file) as jar, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
            for entry in jar.infolist():
                if entry.filename != name:
                    copy.writestr(entry, jar.read(entry))
    if not left_out:
        raise EmbeddedError(
            f"no jar of {folder} has {name}, which ours replaces. Compare our class with the new release."
        )


def libraries() -> tuple[Artefact, ...]:
    """What our plugins are compiled with."""
    return jars("kafka"), jars("iceberg"), _jdbc()


def _jdbc() -> Artefact:
    published = jars("jdbc")
    inputs = {"published": published.key, "left out": LEFT_OUT, "recipe": 1}
    return Artefact(
        "connect-jdbc", inputs, lambda out: unpack_jdbc(published.get() / only_jar("jdbc").file, out), needs_gib=0.2
    )


def unpack_jdbc(archive: Path, out: Path) -> None:
    """Unpack the wanted jars of the published JDBC sink into ``out``. Raises EmbeddedError for another archive."""

    def place(path: str) -> str | None:
        name = PurePosixPath(path).name
        wanted = name.endswith(".jar") or name.startswith("LICENSE")
        return name if wanted and not name.startswith(LEFT_OUT) else None

    unpack(archive, out, place)
    if not any(out.glob("debezium-connector-jdbc-*.jar")):
        raise EmbeddedError(f"{archive.name} has no JDBC sink; its layout is not the expected one.")
