"""The Connect image: which classes go into which plugin, and what of a published one is left out."""

import io
import tarfile
import zipfile

import pytest
from kafkalogs.sinks.record import ICEBERG, JDBC, SEARCH_SINK

from embedded.build.cache import EmbeddedError
from embedded.build.images.connect import ARCHIVE_PARTS, AUDIT_PARTS, OUR_PARTS, SOURCES, connect_image, unpack_jdbc
from embedded.build.java import write_jar


def compiled(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    services = folder / "META-INF" / "services"
    services.mkdir(parents=True)
    for file in (SOURCES / "services").iterdir():
        (services / file.name).write_bytes(file.read_bytes())
    return folder


def names(jar):
    with zipfile.ZipFile(jar) as archive:
        return set(archive.namelist())


def test_each_plugin_gets_its_own_classes_and_is_found_by_connect(tmp_path):
    classes = ("kafkalogs/archive/S3Clients.class", "kafkalogs/tls/T.class", "kafkalogs/search/S.class")
    folder = compiled(tmp_path / "classes", *classes)
    write_jar(folder, tmp_path / "archive.jar", ARCHIVE_PARTS)
    write_jar(folder, tmp_path / "ours.jar", OUR_PARTS)
    write_jar(folder, tmp_path / "audit.jar", AUDIT_PARTS)
    services = "META-INF/services/org.apache.kafka.connect"
    assert names(tmp_path / "archive.jar") == {
        "kafkalogs/archive/S3Clients.class",
        "kafkalogs/tls/T.class",
        f"{services}.sink.SinkConnector",
    }
    assert names(tmp_path / "audit.jar") == {
        f"{services}.sink.SinkConnector",
        f"{services}.transforms.Transformation",
    }
    assert names(tmp_path / "ours.jar") == {
        "kafkalogs/tls/T.class",
        "kafkalogs/search/S.class",
        f"{services}.sink.SinkConnector",
        f"{services}.storage.Converter",
    }
    # Connect finds in each plugin only the classes that it has.
    for jar, class_ in (("archive", ICEBERG), ("audit", JDBC), ("ours", SEARCH_SINK)):
        with zipfile.ZipFile(tmp_path / f"{jar}.jar") as archive:
            assert archive.read(f"{services}.sink.SinkConnector").decode().split() == [class_]


def test_the_same_classes_give_the_same_jar(tmp_path):
    folder = compiled(tmp_path / "classes", "kafkalogs/search/S.class")
    write_jar(folder, tmp_path / "1.jar", OUR_PARTS)
    (folder / "kafkalogs/search/S.class").touch()
    write_jar(folder, tmp_path / "2.jar", OUR_PARTS)
    assert (tmp_path / "1.jar").read_bytes() == (tmp_path / "2.jar").read_bytes()


def test_every_source_is_in_a_plugin():
    for source in (SOURCES / "src").rglob("*.java"):
        assert str(source.relative_to(SOURCES / "src")).startswith((*OUR_PARTS, *ARCHIVE_PARTS, *AUDIT_PARTS)), source


@pytest.fixture
def published(tmp_path):
    def write(*files):
        with tarfile.open(tmp_path / "plugin.tar.gz", "w:gz") as archive:
            for file in files:
                archive.addfile(tarfile.TarInfo(f"folder/{file}"), io.BytesIO())
        return tmp_path / "plugin.tar.gz"

    return write


def test_drivers_that_are_not_used_are_left_out(published, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    kept = {"debezium-connector-jdbc-3.6.0.Final.jar", "postgresql-42.jar", "LICENSE.txt"}
    unpack_jdbc(published(*kept, "ojdbc11-23.jar", "kafka-clients-4.3.0.jar", "README.md"), out)
    assert {path.name for path in out.iterdir()} == kept


def test_another_archive_is_refused(published, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(EmbeddedError, match="JDBC"):
        unpack_jdbc(published("other.jar"), out)


def test_the_image_is_the_kafka_image_with_plugins():
    image = connect_image()
    assert image.user == "1001"
    assert image.entrypoint == ["/opt/kafka/bin/connect-distributed.sh"]
    assert [layer.name for layer in image.layers[-3:]] == [
        "layer-plugin-iceberg",
        "layer-plugin-jdbc",
        "layer-plugin-kafkalogs",
    ]
