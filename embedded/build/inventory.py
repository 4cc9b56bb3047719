"""The packages in an image, found in its files: Debian's, jars, Python distributions, Go modules."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import HeaderParser
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from embedded.build.go_info import go_program
from embedded.build.image_files import files
from embedded.build.maven import Jar
from embedded.build.pins import pins

Kind = Literal["deb", "maven", "pypi", "golang", "generic"]

_STATUS = "var/lib/dpkg/status"
_LISTS = re.compile(r"var/lib/dpkg/info/[^/]+\.list")
_DISTRIBUTION = re.compile(r".*\.(dist-info/METADATA|egg-info/PKG-INFO|egg-info)")
# Package lists of other systems. No code here reads them, and a bill of materials must report that.
_OTHERS = {"var/lib/rpm/": "RPM", "usr/lib/sysimage/rpm/": "RPM", "lib/apk/db/installed": "Alpine"}
_JAR_NAME = re.compile(r"(?P<name>.+?)-(?P<version>\d[\w.+-]*)")


@dataclass(frozen=True)
class Package:
    """A package. kind, group (may be empty), name, version: as in a package URL, https://github.com/package-url.

    path: the file that lists the package. sha256: of that file, if the file is the package. qualifiers: of the URL.
    """

    kind: Kind
    group: str
    name: str
    version: str
    path: str
    sha256: str = ""
    qualifiers: tuple[tuple[str, str], ...] = ()


@dataclass
class Inventory:
    """The packages of an image.

    contents: each package, with the packages inside it. unlisted: the kinds of package lists that were not read.
    """

    contents: list[tuple[Package, tuple[Package, ...]]] = field(
        default_factory=list[tuple[Package, tuple[Package, ...]]]
    )
    unlisted: set[str] = field(default_factory=set[str])

    def packages(self) -> Iterator[Package]:
        """All packages, with those inside others."""
        for package, inside in self.contents:
            yield package
            yield from inside


def inventory(layers: Sequence[Path]) -> Inventory:
    """The packages of an image. layers: tar files, the lowest first.

    A file that belongs to a Debian package is not listed on its own.
    """
    found = Inventory()
    debian, system, owned = "", {"ID": "debian"}, set[str]()
    others: list[tuple[Package, tuple[Package, ...]]] = []
    for path, executable, content in files(layers):
        if path == _STATUS:
            debian = content.read().decode()
        elif path in {"etc/os-release", "usr/lib/os-release"}:
            system |= dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', content.read().decode(), re.MULTILINE))
        elif _LISTS.fullmatch(path):
            owned |= {line.lstrip("/") for line in content.read().decode().splitlines()}
        elif path.endswith(".jar"):
            others += jar(path, content)
        elif _DISTRIBUTION.fullmatch(path):
            others += ((package, ()) for package in python_distribution(path, content.read().decode()))
        elif executable and content.read(4) == b"\x7fELF":
            others += go_modules(path, content)
        found.unlisted |= {kind for prefix, kind in _OTHERS.items() if path.startswith(prefix)}
    found.contents = [(package, ()) for package in debian_packages(debian, system)]
    found.contents += [item for item in others if item[0].path not in owned]
    return found


def debian_packages(status: str, system: Mapping[str, str]) -> Iterator[Package]:
    """The packages that dpkg's status file says are installed. system: the values of os-release."""
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version|Architecture): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            distro = "-".join(filter(None, (system["ID"], system.get("VERSION_ID"))))
            qualifiers = (("arch", fields["Architecture"]), ("distro", distro))
            yield Package("deb", system["ID"], fields["Package"], fields["Version"], _STATUS, "", qualifiers)


def python_distribution(path: str, text: str) -> Iterator[Package]:
    """The Python distribution of a METADATA file."""
    fields = HeaderParser().parsestr(text)
    if fields["Name"] and fields["Version"]:
        # https://packaging.python.org/en/latest/specifications/name-normalization/
        name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
        yield Package("pypi", "", name, fields["Version"], path)


def go_modules(path: str, content: IO[bytes]) -> Iterator[tuple[Package, tuple[Package, ...]]]:
    """A Go program: its own module with all others, Go's library among them; nothing for other programs."""
    content.seek(0)
    data = content.read()
    program = go_program(data)
    if program is None:
        return
    inside = [Package("golang", "", "stdlib", program.go.removeprefix("go").split()[0], path)]
    for module in program.modules:
        inside.append(Package("golang", *_split(module.path), module.version, path))
    checksum = hashlib.sha256(data).hexdigest()
    if program.main is None:
        yield Package("generic", "", PurePosixPath(path).name, "", path, checksum), tuple(inside)
    else:
        yield Package("golang", *_split(program.main.path), program.main.version, path, checksum), tuple(inside)


def jar(path: str, content: IO[bytes]) -> Iterator[tuple[Package, tuple[Package, ...]]]:
    """A jar, with the libraries that were merged into it and the jars inside it."""
    data = content.read()
    checksum = hashlib.sha256(data).hexdigest()
    stem = PurePosixPath(path).stem
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        yield Package("generic", "", stem, "", path, checksum), ()
        return
    with archive:
        names = archive.namelist()
        poms = [
            known
            for name in names
            if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.properties", name)
            and {"groupId", "artifactId", "version"} <= (known := _properties(archive.read(name))).keys()
        ]
        own = next((pom for pom in poms if stem.startswith(f"{pom['artifactId']}-{pom['version']}")), None)
        if own is None and len(poms) == 1 and stem.startswith(poms[0]["artifactId"]):
            own = poms[0]
        pinned = _pinned().get(checksum)
        if pinned:
            package = Package("maven", pinned.group, pinned.artifact, pinned.version, path, checksum)
        elif own:
            package = Package("maven", own["groupId"], own["artifactId"], own["version"], path, checksum)
        else:
            manifest = archive.read("META-INF/MANIFEST.MF") if "META-INF/MANIFEST.MF" in names else b""
            package = Package("generic", "", *_named(stem, manifest), path, checksum)
        inside = [
            Package("maven", pom["groupId"], pom["artifactId"], pom["version"], path)
            for pom in poms
            if (pom["groupId"], pom["artifactId"]) != (package.group, package.name) and pom is not own
        ]
        for name in names:
            if name.endswith(".jar"):
                for nested, libraries in jar(f"{path}!/{name}", io.BytesIO(archive.read(name))):
                    inside += [nested, *libraries]
    yield package, tuple(inside)


@cache
def _pinned() -> dict[str, Jar]:
    """The coordinates of the jars of pins.toml by their checksums, since many jars do not name themselves."""
    lists: Iterable[Mapping[str, str]] = pins()["maven"]["jars"].values()
    return {checksum: Jar.parse(coordinates) for sums in lists for coordinates, checksum in sums.items()}


def _properties(text: bytes) -> dict[str, str]:
    found: list[tuple[str, str]] = re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", text.decode(errors="replace"), re.MULTILINE)
    return dict(found)


def _named(stem: str, manifest: bytes) -> tuple[str, str]:
    """Name and version of a jar, by its file's name, else by its manifest."""
    if found := _JAR_NAME.fullmatch(stem):
        return found["name"], found["version"]
    fields = HeaderParser().parsestr(manifest.decode(errors="replace").replace("\r\n", "\n"))
    return stem, (fields["Implementation-Version"] or fields["Bundle-Version"] or "").strip()


def _split(path: str) -> tuple[str, str]:
    """A module's path as group and name."""
    group, _, name = path.rpartition("/")
    return group, name
