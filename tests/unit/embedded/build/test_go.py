from __future__ import annotations

from pathlib import Path

import pytest

from embedded import REPOSITORY
from embedded.build import go as go_builds
from embedded.build.cache import EmbeddedError
from embedded.build.go import MODULES, go_build, go_environment, module_version
from embedded.build.pins import pins
from tests.unit.embedded.conftest import script


def test_go_compares_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "go", f'echo "$* [$GOFLAGS]" > {tmp_path}/asked; pwd >> {tmp_path}/asked')
    monkeypatch.setattr(go_builds, "go", lambda: tmp_path / "go")
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    go_build("kind", ["tool"], version_flags={"example.org/version.Version": "1.2"}, out=tmp_path / "out")
    asked, folder = (tmp_path / "asked").read_text().splitlines()
    assert "-mod=readonly" in asked
    assert "-X=example.org/version.Version=1.2" in asked
    assert "-mod=mod" not in asked
    assert folder == str(MODULES / "kind")


def test_downloads_and_compiled_packages_are_in_the_cache(cache: Path) -> None:
    assert {go_environment()[name] for name in ("GOMODCACHE", "GOCACHE")} == {f"{cache}/go/mod", f"{cache}/go/build"}


@pytest.mark.parametrize("module", sorted(p.name for p in MODULES.iterdir() if p.name != "pause"))
def test_every_module_has_its_checksums(module: str) -> None:
    sums = (MODULES / module / "go.sum").read_text()
    assert sums.count(" h1:") == len(sums.splitlines()) > 0


def test_versions_come_from_go_mod() -> None:
    assert module_version("kubernetes", "k8s.io/kubernetes").startswith("v1.34.")
    with pytest.raises(EmbeddedError, match=r"does not require example\.org/none"):
        module_version("kubernetes", "example.org/none")


def test_pinned_go_is_the_wheel_in_the_requirements() -> None:
    pinned = pins()["go"]["version"]
    assert f"\ngo-bin=={pinned} " in (REPOSITORY / "requirements.txt").read_text()
