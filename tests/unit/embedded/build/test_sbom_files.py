"""Which packages are found in the files of an image."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from embedded.build import inventory as inventories
from embedded.build.go_info import GoProgram, Module, go_program
from embedded.build.image_files import files
from embedded.build.inventory import Package, go_modules, inventory, jar
from embedded.build.maven import Jar

STATUS = """Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.37-2+b10
Description: GNU Bourne Again SHell
 Version: not a field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""


def layer(folder: Path, content: dict[str, bytes], mode: int = 0o644) -> Path:
    """A layer with these files."""
    path = folder / f"{len(list(folder.iterdir()))}.tar"
    with tarfile.open(path, "w") as tar:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return path


def zipped(content: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def pom(group: str, artifact: str, version: str) -> dict[str, bytes]:
    text = f"#Created\r\nartifactId={artifact}\r\ngroupId={group}\r\nversion={version}\r\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text.encode()}


def names(package: Package) -> tuple[str, str, str, str]:
    return package.kind, package.group, package.name, package.version


def test_upper_layers_replace_and_remove(tmp_path: Path) -> None:
    lower = layer(tmp_path, {"./a": b"1", "b/c": b"1", "d/e": b"1", "d/f/g": b"1", "h": b"1"})
    upper = layer(tmp_path, {"a": b"2", "b/.wh.c": b"", "d/.wh..wh..opq": b"", "d/i": b"2", "k/.wh.none": b""})
    found = [(path, content.read()) for path, _, content in files([lower, upper])]
    assert sorted(found) == [("a", b"2"), ("d/i", b"2"), ("h", b"1")]


def test_removed_folders_take_what_is_in_them(tmp_path: Path) -> None:
    lower = layer(tmp_path, {"lib/a.jar": b"1", "lib/x/b.jar": b"1", "library/c.jar": b"1"})
    assert [path for path, _, _ in files([lower, layer(tmp_path, {".wh.lib": b""})])] == ["library/c.jar"]


def test_a_jar_that_a_layer_removed_is_not_listed(tmp_path: Path) -> None:
    lower = layer(tmp_path, {"opt/a-1.0.jar": zipped({}), "opt/b-1.0.jar": zipped({})})
    found = inventory([lower, layer(tmp_path, {"opt/.wh.a-1.0.jar": b""})])
    assert [package.name for package in found.packages()] == ["b"]


def test_debian_packages_are_those_that_are_installed(tmp_path: Path) -> None:
    system = b'PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nVERSION_ID="24.04"\n'
    found = inventory([layer(tmp_path, {"var/lib/dpkg/status": STATUS.encode(), "etc/os-release": system})])
    (package,) = found.packages()
    assert names(package) == ("deb", "ubuntu", "bash", "5.2.37-2+b10")
    assert dict(package.qualifiers) == {"arch": "amd64", "distro": "ubuntu-24.04"}


def test_what_debian_packages_hold_is_not_listed_again(tmp_path: Path) -> None:
    content = {
        "var/lib/dpkg/info/tool.list": b"/.\n/usr/share/java/tool-1.jar\n",
        "usr/share/java/tool-1.jar": zipped({}),
        "opt/mine-2.jar": zipped({}),
    }
    assert [package.name for package in inventory([layer(tmp_path, content)]).packages()] == ["mine"]


@pytest.mark.parametrize(("path", "kind"), [("var/lib/rpm/rpmdb.sqlite", "RPM"), ("lib/apk/db/installed", "Alpine")])
def test_lists_of_other_systems_are_said_to_be_missing(tmp_path: Path, path: str, kind: str) -> None:
    assert inventory([layer(tmp_path, {path: b"1"})]).unlisted == {kind}


def test_python_distributions(tmp_path: Path) -> None:
    text = b"Metadata-Version: 2.1\nName: Confluent_Kafka\nVersion: 2.16.1\n\nVersion: 0 is not it\n"
    found = inventory([layer(tmp_path, {"opt/site/confluent_kafka-2.16.1.dist-info/METADATA": text})])
    assert [names(package) for package in found.packages()] == [("pypi", "", "confluent-kafka", "2.16.1")]


def test_jars_say_themselves_who_they_are() -> None:
    ((found, inside),) = jar("lib/thing-1.2.jar", io.BytesIO(zipped(pom("org.example", "thing", "1.2"))))
    assert names(found) == ("maven", "org.example", "thing", "1.2")
    assert inside == ()


def test_pinned_jars_are_known_by_their_content(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({"a.class": b"1"})
    pinned = {hashlib.sha256(data).hexdigest(): Jar("org.apache.kafka", "kafka-clients", "4.3.1")}
    monkeypatch.setattr(inventories, "_pinned", lambda: pinned)
    ((found, _),) = jar("libs/kafka-clients-4.3.1.jar", io.BytesIO(data))
    assert names(found) == ("maven", "org.apache.kafka", "kafka-clients", "4.3.1")
    ((other, _),) = jar("libs/kafka-clients-4.3.1.jar", io.BytesIO(zipped({"a.class": b"2"})))
    assert names(other) == ("generic", "", "kafka-clients", "4.3.1")


def test_libraries_inside_a_jar() -> None:
    shaded = pom("org.example", "bundle", "2.0") | pom("com.google", "guava", "33") | pom("io.netty", "netty", "4")
    nested = {"BOOT-INF/lib/deep-1.0.jar": zipped(pom("org.deep", "deep", "1.0"))}
    ((found, inside),) = jar("lib/bundle-2.0.jar", io.BytesIO(zipped(shaded | nested)))
    assert names(found) == ("maven", "org.example", "bundle", "2.0")
    assert {package.name for package in inside} == {"guava", "netty", "deep"}
    (deep,) = [package for package in inside if package.name == "deep"]
    assert deep.path == "lib/bundle-2.0.jar!/BOOT-INF/lib/deep-1.0.jar"


def test_a_jar_without_a_name_of_its_own() -> None:
    manifest = b"Manifest-Version: 1.0\r\nImplementation-Version: 3.4\r\n\r\n"
    ((found, _),) = jar("lib/tool.jar", io.BytesIO(zipped({"META-INF/MANIFEST.MF": manifest})))
    assert names(found) == ("generic", "", "tool", "3.4")


def test_a_jar_that_cannot_be_read_is_still_listed() -> None:
    ((found, _),) = jar("lib/broken.jar", io.BytesIO(b"no archive"))
    assert (found.name, found.sha256) == ("broken", hashlib.sha256(b"no archive").hexdigest())


def program(modules: str, flags: int = 2) -> bytes:
    """A program as the Go linker writes it, as far as it is read."""

    def text(value: bytes) -> bytes:
        length, out = len(value), b""
        while length >= 0x80:
            out, length = out + bytes([length & 0x7F | 0x80]), length >> 7
        return out + bytes([length]) + value

    header = b"\xff Go buildinf:\x08" + bytes([flags])
    mark = b"\xf0" * 16
    words = text(b"go1.27.3") + text(mark + modules.encode() + mark)
    return b"\x7fELF" + b"\0" * 12 + header.ljust(32, b"\0") + words


def test_go_modules_are_what_they_were_replaced_by() -> None:
    lines = (
        "path\texample.org/tool/cmd/tool\nmod\texample.org/tool\tv1.2.3\th1:x=\n"
        "dep\tgithub.com/Shopify/sarama\tv0.0.0\n=>\tgithub.com/elastic/sarama\tv1.19.1\th1:y=\n"
        "dep\tgolang.org/x/net\tv0.58.0\th1:z=\nbuild\t-trimpath=true\n"
    )
    assert go_program(program(lines)) == GoProgram(
        "go1.27.3",
        Module("example.org/tool", "v1.2.3"),
        (Module("github.com/elastic/sarama", "v1.19.1"), Module("golang.org/x/net", "v0.58.0")),
    )


def test_go_programs_only_where_they_can_be_executed(tmp_path: Path) -> None:
    content = {"usr/bin/tool": program("mod\texample.org/tool\tv1.2.3\th1:x=\n")}
    found = list(inventory([layer(tmp_path, content, 0o755)]).packages())
    assert [names(package) for package in found] == [
        ("golang", "example.org", "tool", "v1.2.3"),
        ("golang", "", "stdlib", "1.27.3"),
    ]
    assert not list(inventory([layer(tmp_path, content)]).packages())


@pytest.mark.parametrize("content", [b"\x7fELF", program("", flags=0), program("mod\ta\tb\n")[:60]])
def test_other_programs_have_no_go_modules(content: bytes) -> None:
    assert list(go_modules("usr/bin/tool", io.BytesIO(content))) == []
