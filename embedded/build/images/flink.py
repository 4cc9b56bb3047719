"""The Flink image: laid out as the official one, from Flink's published wheels and jars on a Java 21 runtime.

Flink publishes its distribution only as an archive and as an image. But its two Python wheels contain all of it: one
has the jars and plugins, the other the scripts and the default configuration. Maven repositories have the jars that the
wheels leave out. Our connector is added; its Java is in ``java_projects/stream-connector``.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath

from embedded.build.archives import unpack
from embedded.build.cache import Artefact, tree_digest
from embedded.build.images.programs import jre_base
from embedded.build.java import PROJECTS, classes, project_jar
from embedded.build.maven import jars
from embedded.build.oci import OURS, PATH, Copy, Image, files_layer
from embedded.build.pins import pins
from embedded.build.progress import say
from embedded.build.python import pip

HOME = "/opt/flink"
CONNECTOR_JAR = "kafkalogs-stream.jar"
_FILES = Path(__file__).parent / "files" / "flink"

_PACKAGE = "pyflink"
_FOLDERS = ("bin", "conf", "lib", "licenses", "opt", "plugins")
# left out: jars and plugins for Python jobs, the SQL shell, and metrics reporters other than Prometheus
_LEFT_OUT = ("opt/flink-python-", "opt/flink-sql-client-", "plugins/external-resource-gpu/")
_METRICS = "plugins/metrics-prometheus/"
# the folder of each jar of the list [maven.jars.flink]
TARGETS = {
    "flink-sql-gateway": "opt",
    "flink-sql-connector-kafka": "lib",
    "zstd-jni": "lib",
    "flink-s3-fs-hadoop": "plugins/s3-fs-hadoop",
}


def flink_image() -> Image:
    """JobManager and TaskManager of an application below /opt/flink, run as user 9999."""
    copies = [Copy(flink_home(), HOME), Copy(connector(), f"{HOME}/lib"), Copy(_FILES, "/")]
    return Image(
        f"{OURS}flink",
        (jre_base(), files_layer("flink", copies)),
        entrypoint=["/docker-entrypoint.sh"],
        # the official image's; etc/passwd names it, since the S3 client asks for its user's name
        user="9999",
        env={
            "FLINK_HOME": HOME,
            "PATH": f"{HOME}/bin:{PATH}",
        },
        workdir=HOME,
        version=pins()["flink"]["version"],
    )


def flink_home() -> Artefact:
    """The folder of Flink's distribution, with the connectors and plugins that the stream job needs."""
    inputs = {"wheels": distribution().key, "jars": jars("flink").key, "recipe": tree_digest(Path(__file__))}
    return Artefact("flink-home", inputs, _assemble, needs_gib=1)


def connector() -> Artefact:
    """The folder with the jar of our connector; the jar goes to Flink's ``lib``."""
    return project_jar(CONNECTOR_JAR, classes(PROJECTS / "stream-connector", (flink_home(),)))


def distribution() -> Artefact:
    """The folder with Flink's wheels, unchanged."""
    wheels: dict[str, str] = pins()["flink"]["wheels"]
    return Artefact("flink-wheels", {"wheels": wheels}, lambda out: _download(wheels, out), needs_gib=1)


def _download(wheels: dict[str, str], out: Path) -> None:
    say(f"fetching {', '.join(wheels)}")
    with tempfile.TemporaryDirectory(prefix="kafkalogs-flink-") as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{name} --hash=sha256:{checksum}\n" for name, checksum in wheels.items()))
        # There is a wheel for each Python version and processor; the files used here are the same in all.
        pip("download", listed, out, "3.12", ["manylinux1_x86_64"])


def _assemble(out: Path) -> None:
    for wheel in sorted(distribution().get().glob("*.whl")):
        unpack(wheel, out, _place)
    for file in (out / "bin").iterdir():
        if file.suffix != ".jar":
            file.chmod(0o755)
    for jar in sorted(jars("flink").get().iterdir()):
        folder = next(folder for name, folder in TARGETS.items() if jar.name.startswith(f"{name}-"))
        (out / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(jar, out / folder)


def _place(name: str) -> str | None:
    """The path of a wheel's file below Flink's folder; None for a file that is left out."""
    path = PurePosixPath(name)
    if len(path.parts) < 3 or path.parts[0] != _PACKAGE or path.parts[1] not in _FOLDERS:
        return None
    inside = str(path.relative_to(_PACKAGE))
    foreign = inside.startswith("plugins/metrics-") and not inside.startswith(_METRICS)
    return None if foreign or inside.startswith(_LEFT_OUT) else inside
