"""The Connect image: the Kafka image's own layers, and below /opt/kafka/plugins one folder for each plugin.

``iceberg`` archives to S3, ``jdbc`` writes to databases, ``kafkalogs`` has the log event converter and the search sink,
whose Java is in ``embedded/connect-plugins``.
"""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath

from embedded.cache import Artefact, EmbeddedError, tree_digest
from embedded.java import compile_project, compiler, write_jar
from embedded.kafka_image import HOME, kafka_image
from embedded.maven import jars
from embedded.oci import Copy, Image, files_layer
from embedded.pins import pins

SOURCES = Path(__file__).parent / "connect-plugins"
PLUGINS = f"{HOME}/plugins"
OUR_PLUGIN = "kafkalogs.jar"
# what Iceberg's own class loader has to find, since it uses Iceberg's classes
ARCHIVE_PARTS = ("kafkalogs/archive/", "kafkalogs/tls/")
OUR_PARTS = ("kafkalogs/events/", "kafkalogs/search/", "kafkalogs/tls/")
# of the JDBC sink's folder: drivers of databases that the platform does not use, one of them not free, and what the
# worker itself has
LEFT_OUT = (
    *("ojdbc", "mysql-connector", "mariadb-java", "mssql-jdbc", "jcc", "db2"),
    *("kafka-clients", "connect-api", "slf4j-api", "lz4-java", "snappy-java", "zstd-jni"),
)


def connect_image() -> Image:
    """Kafka Connect with the platform's plugins, run as user 1001."""
    kafka = kafka_image()
    layers = tuple(
        files_layer(f"plugin-{name}", [Copy(part, f"{PLUGINS}/{name}") for part in parts])
        for name, parts in plugins().items()
    )
    return Image(
        "localhost/kafkalogs/connect",
        (*kafka.layers, *layers),
        entrypoint=[f"{HOME}/bin/connect-distributed.sh"],
        user=kafka.user,
        env=kafka.env,
        workdir=kafka.workdir,
        version=pins()["maven"]["kafka"],
    )


def plugins() -> dict[str, tuple[Artefact, ...]]:
    """The folders whose files make up each plugin, by the plugin's name; also for an image on another base."""
    return {
        "iceberg": (jars("iceberg"), _own_jar("archive", "kafkalogs-archive.jar", ARCHIVE_PARTS)),
        "jdbc": (_jdbc(),),
        "kafkalogs": (_own_jar("kafkalogs", OUR_PLUGIN, OUR_PARTS),),
    }


def classes() -> Artefact:
    """The compiled classes of ``connect-plugins``, and the files that name them to Connect."""
    libraries = (jars("kafka"), jars("iceberg"))
    inputs = {
        "sources": tree_digest(SOURCES),
        "libraries": [library.key for library in libraries],
        "compiler": compiler().key,
        "recipe": 1,
    }

    def build(out: Path) -> None:
        compile_project(SOURCES, [library.get() for library in libraries], out)

    return Artefact("connect-classes", inputs, build, needs_gib=0.1)


def _own_jar(name: str, file: str, parts: tuple[str, ...]) -> Artefact:
    compiled = classes()
    inputs = {"classes": compiled.key, "parts": parts, "recipe": 1}
    return Artefact(f"connect-{name}", inputs, lambda out: write_jar(compiled.get(), out / file, parts), needs_gib=0.1)


def _jdbc() -> Artefact:
    published = jars("jdbc")
    inputs = {"published": published.key, "left out": LEFT_OUT, "recipe": 1}
    return Artefact("connect-jdbc", inputs, lambda out: _unpack(published.get(), out), needs_gib=0.2)


def _unpack(folder: Path, out: Path) -> None:
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        for member in members:
            name = PurePosixPath(member.name).name
            wanted = name.endswith(".jar") or name.startswith("LICENSE")
            content = members.extractfile(member) if wanted and not name.startswith(LEFT_OUT) else None
            if content is not None:
                (out / name).write_bytes(content.read())
    if not any(out.glob("debezium-connector-jdbc-*.jar")):
        raise EmbeddedError(f"{archive.name} does not hold the JDBC sink; its layout is not the expected one.")
