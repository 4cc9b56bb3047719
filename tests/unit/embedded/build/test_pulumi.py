"""Pulumi's release, fetched, and the pins of what is built instead."""

import hashlib
import importlib.metadata
import io
import re
import tarfile

import pytest

from embedded.build.cache import EmbeddedError
from embedded.build.go import MODULES, module_version
from embedded.build.pins import pins
from embedded.build.pulumi import fetch_release

VERSION = pins()["pulumi"]["version"]


class TestPins:
    def test_cli_sdk_and_host_are_of_one_version(self):
        assert importlib.metadata.version("pulumi") == VERSION
        for module in ("pkg", "sdk"):
            assert module_version("pulumi", f"github.com/pulumi/pulumi/{module}/v3") == f"v{VERSION}"

    def test_provider_points_nowhere_outside_its_module(self):
        text = (MODULES / "pulumi-kubernetes" / "go.mod").read_text()
        assert "module github.com/pulumi/pulumi-kubernetes/provider/v4" in text
        assert not re.search(r"=>\s*\.", text)

    def test_provider_has_a_checksum(self):
        assert re.fullmatch(r"h1:[A-Za-z0-9+/]{43}=", pins()["pulumi"]["kubernetes"]["sum"])


class TestRelease:
    @pytest.fixture
    def releases(self, tmp_path):
        """A folder like Pulumi's download site, with a release of two programs."""
        folder = tmp_path / "releases"
        folder.mkdir()
        archive = folder / "pulumi-v1.2.3-linux-x64.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name in ("pulumi", "pulumi-language-python"):
                entry = tarfile.TarInfo(f"pulumi/{name}")
                entry.mode, entry.size = 0o755, len(name)
                tar.addfile(entry, io.BytesIO(name.encode()))
        checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
        (folder / "pulumi-1.2.3-checksums.txt").write_text(f"{'0' * 64}  other.tar.gz\n{checksum}  {archive.name}\n")
        return folder

    def fetch(self, releases, out):
        out.mkdir()
        fetch_release("1.2.3", "linux-x64", out, releases.as_uri())

    def test_is_unpacked(self, releases, tmp_path):
        self.fetch(releases, tmp_path / "out")
        assert {f.name: f.read_text() for f in (tmp_path / "out").iterdir()} == {
            "pulumi": "pulumi",
            "pulumi-language-python": "pulumi-language-python",
        }
        assert (tmp_path / "out" / "pulumi").stat().st_mode & 0o111

    @pytest.mark.parametrize(
        "damage", [lambda data: data[:-1], lambda data: data[:9] + b"x" + data[10:], lambda data: b""]
    )
    def test_corrupt_download_is_refused(self, releases, tmp_path, damage):
        archive = releases / "pulumi-v1.2.3-linux-x64.tar.gz"
        archive.write_bytes(damage(archive.read_bytes()))
        with pytest.raises(EmbeddedError, match="SHA-256"):
            self.fetch(releases, tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())

    def test_no_network_is_said_with_the_way_out(self, tmp_path):
        with pytest.raises(EmbeddedError, match="KAFKALOGS_SOURCE=build"):
            self.fetch(tmp_path / "nothing", tmp_path / "out")
