"""Which pulumi is used."""

import sys
from pathlib import Path

import pytest

from embedded.build.pulumi import OLDEST
from embedded.machine.toolchain import host_script, installed_pulumi


class TestInstalled:
    @pytest.fixture
    def install(self, tmp_path, monkeypatch):
        monkeypatch.setenv("KAFKALOGS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

        def write(version: str, *, host: bool, folder: Path = tmp_path / "bin") -> Path:
            folder.mkdir(parents=True)
            (folder / "pulumi").write_text(f"#!/bin/sh\necho {version}\n")
            (folder / "pulumi").chmod(0o755)
            if host:
                (folder / "pulumi-language-python").write_text("#!/bin/sh\n")
                (folder / "pulumi-language-python").chmod(0o755)
            return folder / "pulumi"

        return write

    def test_none(self, install):
        assert installed_pulumi() is None

    @pytest.mark.parametrize("version", [f"v{OLDEST[0]}.{OLDEST[1]}.0", "v3.245.0", "3.300.1-dev", "v4.0.0"])
    def test_new_enough(self, install, version):
        program = install(version, host=True)
        assert installed_pulumi() == program

    @pytest.mark.parametrize("version", ["v3.199.9", "v2.300.0", "unknown"])
    def test_too_old(self, install, version):
        install(version, host=True)
        assert installed_pulumi() is None

    def test_without_language_host(self, install):
        install("v3.245.0", host=False)
        assert installed_pulumi() is None

    def test_one_of_our_own_is_not_an_installed_one(self, install, tmp_path, monkeypatch):
        program = install("v3.245.0", host=True, folder=tmp_path / "cache" / "toolchain" / "key")
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        assert installed_pulumi() is None


def test_host_script_runs_this_environment():
    lines = host_script(Path("/somewhere/pulumi-language-python-exec")).splitlines()
    assert lines[0] == f"#!{sys.executable}"
    assert "/somewhere/pulumi-language-python-exec" in lines[-1]
