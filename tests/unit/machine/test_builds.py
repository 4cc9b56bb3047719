from __future__ import annotations

import os
import signal
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest

from embedded import go_builds, images
from embedded.cache import EmbeddedError
from embedded.debian import debian_layer
from embedded.go_builds import MODULES, go_build, go_environment, module_version
from embedded.images import python_packages
from embedded.progress import run, step
from tests.unit.machine.conftest import script


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
    pinned = tomllib.loads((MODULES.parent / "pins.toml").read_text())["go"]["version"]
    assert f"\ngo-bin=={pinned} " in (MODULES.parent.parent / "requirements.txt").read_text()


def test_failed_bootstrap_says_what_to_do_and_leaves_nothing(programs: Path, cache: Path) -> None:
    script(programs, "mmdebstrap", "echo Could not resolve the mirror >&2; exit 1")
    layer = debian_layer("x", "trixie", ("bash",))
    with pytest.raises(EmbeddedError, match=r"(?s)Could not resolve.*check the network"):
        layer.get()
    assert not layer.ready


def test_corrupt_download_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip compares hashes: a wheel that is not the pinned one fails the build."""
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not what was pinned")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"thing @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(images, "REPOSITORY", tmp_path)
    packages = python_packages("x", requirements)
    with pytest.raises(EmbeddedError, match="DO NOT MATCH THE HASHES"):
        packages.get()
    assert not packages.ready


def test_missing_requirements_are_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"requirements\.txt is missing"):
        python_packages("x", tmp_path / "requirements.txt")


def test_missing_program_is_named() -> None:
    with pytest.raises(EmbeddedError, match=r"no-such-program is not installed.*Install it"):
        run(["no-such-program"], remedy="Install it.")


def test_failure_shows_the_end_of_the_output_and_the_log(cache: Path) -> None:
    with step("A step"), pytest.raises(EmbeddedError) as error:
        run([sys.executable, "-c", "import sys; [print(i) for i in range(99)]; sys.exit('broken')"], remedy="Mend it.")
    message = str(error.value)
    assert "exit code 1" in message
    assert "98\nbroken\nMend it." in message
    log = Path(message.rsplit("Whole log: ", 1)[1])
    assert "\n0\n1\n" in log.read_text()


def test_timeout_ends_the_command() -> None:
    started = time.monotonic()
    with pytest.raises(EmbeddedError, match=r"did not end within 0 s"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
    assert time.monotonic() - started < 10


def test_interrupt_lets_the_command_tidy_up(tmp_path: Path) -> None:
    """A command that is stopped halfway removes what it made: it gets a signal that it can handle, and time."""
    started, tidy = tmp_path / "started", tmp_path / "tidy"
    command = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(tidy)!r}).touch(), sys.exit(1)))\n"
        f"pathlib.Path({str(started)!r}).touch()\n"
        "time.sleep(60)"
    )

    def interrupt() -> None:
        while not started.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", command])
    thread.join()
    assert tidy.exists()
