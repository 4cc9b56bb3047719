"""Jars from Maven repositories: exactly those that ``pins.toml`` lists, each with its checksum.

The host's ``mvn`` fetches them, so a mirror or proxy in the user's ``settings.xml`` is used. Maven resolves no
dependencies: the lists in ``pins.toml`` are complete. One call fetches all jars of a list, since Maven starts slowly.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from embedded.build.archives import unpack
from embedded.build.cache import Artefact, EmbeddedError, cache_root, sha256
from embedded.build.pins import pins
from embedded.build.progress import run, say

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin"


@dataclass(frozen=True)
class Jar:
    """One jar, or another file of a Maven repository, by its coordinates.

    type: the ending of the file's name, e.g. ``tar.gz``. classifier: distinguishes files of the same version and type.
    """

    group: str
    artifact: str
    version: str
    type: str = "jar"
    classifier: str = ""

    @classmethod
    def parse(cls, coordinates: str) -> Jar:
        """Parse ``group:artifact:version[:type[:classifier]]``. Raises EmbeddedError for anything else."""
        parts = coordinates.split(":")
        if not 3 <= len(parts) <= 5 or not all(parts):
            raise EmbeddedError(
                f"embedded/build/pins.toml: {coordinates!r} names no jar. "
                "Write it as group:artifact:version, or group:artifact:version:type:classifier."
            )
        return cls(*parts)

    @property
    def file(self) -> str:
        """The file's name."""
        name = "-".join(filter(None, (self.artifact, self.version, self.classifier)))
        return f"{name}.{self.type}"

    @property
    def folder(self) -> str:
        """The file's folder in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}"

    def __str__(self) -> str:
        type_ = "" if self.type == "jar" and not self.classifier else self.type
        return ":".join(filter(None, (self.group, self.artifact, self.version, type_, self.classifier)))


def jars(name: str) -> Artefact:
    """The folder with all jars of the list ``[maven.jars.<name>]`` of ``pins.toml``."""
    sums: dict[str, str] = pins()["maven"]["jars"][name]
    return Artefact(f"jars-{name}", {"jars": sums}, lambda out: fetch(sums, out), needs_gib=0.5)


def only_jar(name: str) -> Jar:
    """The one file of the list ``[maven.jars.<name>]``."""
    (coordinates,) = pins()["maven"]["jars"][name]
    return Jar.parse(coordinates)


def unpacked(name: str) -> Artefact:
    """The folder with the content of the one archive of the list ``[maven.jars.<name>]``."""
    published = jars(name)
    inputs = {"archive": published.key, "recipe": 1}
    return Artefact(name, inputs, lambda out: unpack(published.get() / only_jar(name).file, out), needs_gib=0.5)


def local_repository() -> Path:
    """Maven's store of downloads for this project, not the user's, so that a wrong jar can be removed from it."""
    return cache_root() / "maven"


def fetch(sums: Mapping[str, str], out: Path) -> None:
    """Fetch the jars that ``sums`` names into the folder ``out`` and verify them.

    sums: SHA-256 in hexadecimal by coordinates, see ``Jar.parse``.
    Raises EmbeddedError if ``mvn`` is missing or fails, or if a jar is not the pinned one.
    """
    wanted = {Jar.parse(coordinates): checksum for coordinates, checksum in sums.items()}
    if shutil.which("mvn") is None:
        raise EmbeddedError(
            "Maven's `mvn` is not installed or not on PATH. Install it (Debian and Ubuntu: `apt-get install maven`)."
        )
    say(f"fetching {len(wanted)} jars with mvn")
    with tempfile.TemporaryDirectory(prefix="kafkalogs-mvn-") as folder:
        project = Path(folder) / "pom.xml"
        project.write_text(pom(list(wanted), out))
        run(
            [
                "mvn",
                "--batch-mode",
                "--no-transfer-progress",
                "--strict-checksums",
                f"--file={project}",
                f"-Dmaven.repo.local={local_repository()}",
                f"{PLUGIN}:{pins()['maven']['dependency_plugin']}:copy",
            ],
            remedy="Maven says above what it could not fetch. Is your mirror or proxy in ~/.m2/settings.xml? "
            "Run it again: complete downloads are kept.",
        )
    verify(wanted, out)


def verify(wanted: Mapping[Jar, str], folder: Path) -> None:
    """Raise EmbeddedError that names every jar in ``folder`` that is missing or does not have its pinned checksum.

    Wrong jars are removed from Maven's store, so that the next run fetches them again.
    """
    problems: list[str] = []
    for jar, pinned in wanted.items():
        file = folder / jar.file
        if not file.is_file():
            problems.append(f"{jar}: Maven reported success, but did not deliver it")
        elif (found := sha256(file)) != pinned:
            problems.append(f"{jar}: SHA-256 is {found}, pinned is {pinned}")
            shutil.rmtree(local_repository() / jar.folder, ignore_errors=True)
    if problems:
        raise EmbeddedError(
            "jars that are not the pinned ones (embedded/build/pins.toml):\n  "
            + "\n  ".join(problems)
            + "\nThey were removed. Run it again. If the same sums come back, your Maven mirror serves changed jars: "
            "ask who runs the mirror, and do not change the pins."
        )


def pom(wanted: list[Jar], out: Path) -> str:
    """A Maven project that only lists the jars which the dependency plugin's goal ``copy`` puts into ``out``."""
    items = "".join(
        f"<artifactItem><groupId>{escape(jar.group)}</groupId><artifactId>{escape(jar.artifact)}</artifactId>"
        f"<version>{escape(jar.version)}</version><type>{escape(jar.type)}</type>"
        f"<classifier>{escape(jar.classifier)}</classifier></artifactItem>\n"
        for jar in wanted
    )
    group, artifact = PLUGIN.split(":")
    return f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>kafkalogs</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>
<build><plugins><plugin>
<groupId>{group}</groupId><artifactId>{artifact}</artifactId>
<configuration><outputDirectory>{escape(str(out))}</outputDirectory><artifactItems>
{items}</artifactItems></configuration>
</plugin></plugins></build>
</project>
"""
