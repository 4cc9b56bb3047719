from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from embedded.build.cache import Artefact, EmbeddedError
from embedded.machine import engine
from embedded.machine.engine import find_engine
from embedded.machine.state import state_dir
from tests.unit.embedded.conftest import script

WORKS = 'echo "$(basename $0) $* [$CONTAINERS_CONF]" >> "{log}"; exit 0'
NO_DAEMON = "echo Cannot connect to the daemon >&2; exit 1"
NO_PRIVILEGES = 'case "$1" in run) echo operation not permitted >&2; exit 126;; *) exit 0;; esac'
NEEDS_SETTINGS = 'case "$1$CONTAINERS_CONF" in run) exit 126;; *) exit 0;; esac'


def tiny_program(out: Path) -> None:
    (out / "pause").write_text("")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    """Nothing is installed, nobody is root, and the probe's program needs no compiler."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(engine, "pause", lambda: Artefact("pause", {}, tiny_program, 0))
    script(programs, "basename", 'echo "${1##*/}"')


def test_docker_that_works_is_used(programs: Path) -> None:
    script(programs, "docker", "exit 0")
    script(programs, "podman", "exit 0")
    found = find_engine(building=False)
    assert (found.name, found.env) == ("docker", {"KIND_EXPERIMENTAL_PROVIDER": "docker"})


def test_a_privileged_container_really_runs(programs: Path, tmp_path: Path) -> None:
    script(programs, "docker", WORKS.format(log=tmp_path / "log"))
    find_engine(building=False)
    assert any(" run --rm --privileged " in line for line in (tmp_path / "log").read_text().splitlines())


@pytest.mark.parametrize("docker", [NO_DAEMON, NO_PRIVILEGES, None])
def test_podman_where_docker_cannot(docker: str | None, programs: Path) -> None:
    if docker:
        script(programs, "docker", docker)
    script(programs, "podman", "exit 0")
    found = find_engine(building=False)
    assert (found.name, found.env["KIND_EXPERIMENTAL_PROVIDER"]) == ("podman", "podman")
    assert "CONTAINERS_CONF" not in found.env


def test_podman_with_our_settings_where_its_own_do_not_work(programs: Path) -> None:
    script(programs, "podman", NEEDS_SETTINGS)
    found = find_engine(building=False)
    settings = state_dir() / "containers.conf"
    assert found.env["CONTAINERS_CONF"] == str(settings)
    assert 'runtime = "runc"' in settings.read_text()
    assert "default_ulimits = []" in settings.read_text()


@pytest.mark.parametrize("own", ["exit 0", NEEDS_SETTINGS])
def test_podman_puts_no_limit_on_the_processes_of_a_node(own: str, programs: Path) -> None:
    script(programs, "podman", own)
    env = find_engine(building=False).env
    settings = [tomllib.loads(Path(env[name]).read_text()) for name in env if name.startswith("CONTAINERS_CONF")]
    assert settings
    assert all(one["containers"]["pids_limit"] == 0 for one in settings)


def test_without_an_engine_one_message_says_what_to_install(programs: Path) -> None:
    script(programs, "docker", NO_DAEMON)
    with pytest.raises(EmbeddedError) as error:
        find_engine(building=True)
    message = str(error.value)
    assert "docker is installed, but no privileged container ran" in message
    assert "podman with runc" in message
    assert "mmdebstrap" in message
    assert "maven" in message


def test_pulling_needs_no_build_packages(programs: Path) -> None:
    script(programs, "docker", "exit 0")
    find_engine(building=False)
    with pytest.raises(EmbeddedError, match="please install the Debian packages mmdebstrap"):
        find_engine(building=True)


def test_root_on_debian_gets_podman(monkeypatch: pytest.MonkeyPatch, programs: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "MODULES", tmp_path / "modules")
    podman = programs / "podman"
    made = f"printf '#!/bin/sh\\nexit 0\\n' > {podman}; /bin/chmod 755 {podman}"
    script(programs, "apt-get", f'echo "$*" >> {tmp_path / "apt"}; case "$1" in install) {made};; esac')
    assert find_engine(building=False).name == "podman"
    update, install = (tmp_path / "apt").read_text().splitlines()
    assert update.startswith("update")
    assert {"podman", "runc", "containernetworking-plugins", "iptables"} <= set(install.split())
    assert "mmdebstrap" not in install


def test_working_engine_is_left_alone(monkeypatch: pytest.MonkeyPatch, programs: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "MODULES", tmp_path / "modules")
    script(programs, "docker", "exit 0")
    script(programs, "apt-get", "exit 1")
    for name in ("mmdebstrap", "mvn"):
        script(programs, name, "exit 0")
    assert find_engine(building=True).name == "docker"
