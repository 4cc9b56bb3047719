"""The Flink image: laid out as the official one, from Flink's published wheels and jars on a Java 21 runtime.

Flink's distribution is published as archive and image only. But its wheels for Python hold all of it: the jars and
plugins in one, the scripts and the default configuration in the other. What they leave out is on Maven repositories.
Our connector, whose Java is in ``embedded/stream-connector``, is added.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from embedded.cache import Artefact, tree_digest
from embedded.images import image_from, jre_base
from embedded.java import compile_project, compiler, write_jar
from embedded.maven import jars
from embedded.oci import Copy, Image
from embedded.pins import pins
from embedded.progress import run, say

HOME = "/opt/flink"
RECIPE = Path(__file__).parent / "flink"
CONNECTOR = Path(__file__).parent / "stream-connector"
CONNECTOR_JAR = "kafkalogs-stream.jar"
USER = "9999"  # of the official image; etc/passwd names it, as the S3 client asks who it is

_PACKAGE = "pyflink"
_FOLDERS = ("bin", "conf", "lib", "licenses", "opt", "plugins")
# Python jobs, and what reports metrics to services that nobody here has
_LEFT_OUT = ("opt/flink-python-", "opt/flink-sql-client-", "plugins/external-resource-gpu/")
_METRICS = "plugins/metrics-prometheus/"
# where each jar of the list [maven.jars.flink] goes
TARGETS = {
    "flink-sql-gateway": "opt",
    "flink-sql-connector-kafka": "lib",
    "zstd-jni": "lib",
    "flink-s3-fs-hadoop": "plugins/s3-fs-hadoop",
}


def flink_image() -> Image:
    """JobManager and TaskManager of an application below /opt/flink, run as user 9999."""
    return image_from(
        "flink",
        jre_base(),
        [Copy(flink_home(), HOME), Copy(connector(), f"{HOME}/lib"), Copy(RECIPE, "/")],
        entrypoint=["/docker-entrypoint.sh"],
        user=USER,
        env={
            "FLINK_HOME": HOME,
            "FLINK_LOG_DIR": "/tmp",  # noqa: S108 - the container's own
            "PATH": f"{HOME}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        },
        workdir=HOME,
        version=pins()["flink"]["version"],
    )


def flink_home() -> Artefact:
    """The folder of Flink's distribution, with the connectors and plugins that the platform's job needs."""
    inputs = {"wheels": distribution().key, "jars": jars("flink").key, "recipe": tree_digest(Path(__file__))}
    return Artefact("flink-home", inputs, _assemble, needs_gib=1)


def connector() -> Artefact:
    """The folder with the jar of the stream job's own connector; it goes to Flink's lib."""
    home = flink_home()
    inputs = {"sources": tree_digest(CONNECTOR), "flink": home.key, "compiler": compiler().key, "recipe": 1}

    def build(out: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="kafkalogs-stream-") as folder:
            compile_project(CONNECTOR, [home.get() / "lib"], Path(folder))
            write_jar(Path(folder), out / CONNECTOR_JAR)

    return Artefact("stream-connector", inputs, build, needs_gib=0.1)


def distribution() -> Artefact:
    """The folder with Flink's wheels, as they are."""
    wheels: dict[str, str] = pins()["flink"]["wheels"]
    return Artefact("flink-wheels", {"wheels": wheels}, lambda out: _download(wheels, out), needs_gib=1)


def _download(wheels: dict[str, str], out: Path) -> None:
    say(f"fetching {', '.join(wheels)}")
    with tempfile.TemporaryDirectory(prefix="kafkalogs-flink-") as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{name} --hash=sha256:{checksum}\n" for name, checksum in wheels.items()))
        run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
                # One of the wheels is made for each Python and processor; what is taken out of it is the same in all.
                *("--only-binary=:all:", "--implementation=cp", "--python-version=3.12"),
                *("--platform=manylinux1_x86_64", "--dest", out, "--requirement", listed),
            ],
            remedy="If a download failed or was corrupt, run it again.",
        )


def _assemble(out: Path) -> None:
    for wheel in sorted(distribution().get().glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if (inside := _inside(name)) is not None:
                    target = out / inside
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(name) as source, target.open("wb") as file:
                        shutil.copyfileobj(source, file)
                    if target.parent.name == "bin" and target.suffix != ".jar":
                        target.chmod(0o755)
    for jar in sorted(jars("flink").get().iterdir()):
        folder = next(folder for name, folder in TARGETS.items() if jar.name.startswith(f"{name}-"))
        (out / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(jar, out / folder)


def _inside(name: str) -> PurePosixPath | None:
    """Where a file of a wheel goes below Flink's folder; None if nowhere."""
    path = PurePosixPath(name)
    if name.endswith("/") or len(path.parts) < 3 or path.parts[0] != _PACKAGE or path.parts[1] not in _FOLDERS:
        return None
    inside = path.relative_to(_PACKAGE)
    text = str(inside)
    foreign = text.startswith("plugins/metrics-") and not text.startswith(_METRICS)
    return None if foreign or text.startswith(_LEFT_OUT) else inside
