from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from embedded.build.cache import EmbeddedError
from embedded.machine import cluster
from embedded.machine.cluster import Cluster, kind_config
from embedded.machine.engine import Engine
from embedded.machine.state import cluster_name, first_port, forget, kubeconfig, machine_file, state_dir
from tests.unit.embedded.conftest import script

KIND = 'echo "$*" >> "{log}"; case "$1" in create) cat > "{log}.config"; exit {code};; get) echo kafkalogs other;; esac'
PODMAN = """
case "$1 $*" in
  *"container inspect"*) [ -f "{state}" ] && read state < "{state}" && echo "$state" || exit 1 ;;
  start*) echo running > "{state}" ;;
  *"get nodes"*) [ -f "{ready}" ] && echo True || exit 1 ;;
esac
"""


class Machine:
    """A fake kind and podman. log: what kind was asked; state: of the node's container; ready: whether it answers."""

    def __init__(self, folder: Path, programs: Path, code: int = 0) -> None:
        self.log, self.state, self.ready = folder / "log", folder / "container", folder / "ready"
        script(programs, "cat", '[ -t 0 ] || while read -r line; do echo "$line"; done')
        script(programs, "kind", KIND.format(log=self.log, code=code))
        script(programs, "podman", PODMAN.format(state=self.state, ready=self.ready))
        self.cluster = Cluster(Engine("podman"), programs / "kind")

    def asked(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [" ".join(line.split()[:2]) for line in lines]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "READY_SECONDS", 0.2)
    monkeypatch.setattr(cluster, "REUSE_SECONDS", 0.2)
    with socket.socket() as probe:  # four ports that are most likely free
        probe.bind(("127.0.0.1", 0))
    monkeypatch.setenv("KAFKALOGS_PORT", "30990")


def test_is_made_when_there_is_none(tmp_path: Path, programs: Path) -> None:
    machine = Machine(tmp_path, programs)
    machine.ready.touch()
    machine.cluster.ensure("node:1", kind_config(built=False))
    assert machine.asked() == ["create cluster"]
    assert f"--kubeconfig {kubeconfig()}" in machine.log.read_text()


def test_healthy_one_is_reused(tmp_path: Path, programs: Path) -> None:
    machine = Machine(tmp_path, programs)
    machine.state.write_text("running\n")
    machine.ready.touch()
    machine.cluster.ensure("node:1", kind_config(built=False))
    assert machine.asked() == ["export kubeconfig"]


def test_stopped_one_is_started(tmp_path: Path, programs: Path) -> None:
    machine = Machine(tmp_path, programs)
    machine.state.write_text("exited\n")
    machine.ready.touch()
    machine.cluster.ensure("node:1", kind_config(built=False))
    assert machine.asked() == ["export kubeconfig"]
    assert machine.state.read_text() == "running\n"


def test_broken_one_is_made_anew(tmp_path: Path, programs: Path) -> None:
    machine = Machine(tmp_path, programs)
    machine.state.write_text("running\n")
    with pytest.raises(EmbeddedError, match="did not become Ready"):
        machine.cluster.ensure("node:1", kind_config(built=False))
    assert machine.asked() == ["export kubeconfig", "delete cluster", "create cluster", "delete cluster"]


def test_failed_one_is_removed(tmp_path: Path, programs: Path) -> None:
    machine = Machine(tmp_path, programs, code=1)
    with pytest.raises(EmbeddedError, match="kind create cluster"):
        machine.cluster.ensure("node:1", kind_config(built=False))
    assert machine.asked() == ["create cluster", "delete cluster"]
    assert not kubeconfig().exists()


def test_others_of_the_engine(tmp_path: Path, programs: Path) -> None:
    assert Machine(tmp_path, programs).cluster.others() == ["other"]


def test_port_in_use_is_told_before_kind_runs(tmp_path: Path, programs: Path) -> None:
    machine = Machine(tmp_path, programs)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first_port() + 2))
        taken.listen()
        with pytest.raises(EmbeddedError, match=f"port {first_port() + 2} .* KAFKALOGS_PORT"):
            machine.cluster.ensure("node:1", kind_config(built=False))
    assert not machine.asked()


def patches(config: dict[str, Any]) -> dict[str, Any]:
    return {patch["kind"]: patch for patch in map(json.loads, config["kubeadmConfigPatches"])}


def test_only_localhost_reaches_the_node_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKALOGS_PORT", "32190")
    mappings = kind_config(built=True)["nodes"][0]["extraPortMappings"]
    assert [m["hostPort"] for m in mappings] == [m["containerPort"] for m in mappings] == [32190, 32191, 32192, 32193]
    assert {m["listenAddress"] for m in mappings} == {"127.0.0.1"}


def test_built_node_brings_its_own_network_and_versions() -> None:
    built, pulled = kind_config(built=True), kind_config(built=False)
    assert built["networking"]["disableDefaultCNI"] is True
    assert patches(built)["ClusterConfiguration"]["dns"]["imageTag"].startswith("v1.")
    assert "networking" not in pulled
    assert set(patches(pulled)) == {"KubeletConfiguration"}
    assert patches(pulled)["KubeletConfiguration"]["failCgroupV1"] is False


@pytest.mark.parametrize("port", ["", "abc", "80", "32765", "-1", "32090.5"])
def test_bad_port(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKALOGS_PORT", port)
    with pytest.raises(EmbeddedError, match="choose a number from 30000 to 32764"):
        first_port()


@pytest.mark.parametrize("name", ["", "Kafka", "a_b", "-a", "a" * 41])
def test_bad_cluster_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKALOGS_CLUSTER", name)
    with pytest.raises(EmbeddedError, match="KAFKALOGS_CLUSTER"):
        cluster_name()


def test_forgetting_leaves_what_others_put_there() -> None:
    machine_file().write_text("{}")
    (state_dir() / "state").mkdir()
    folder = state_dir()
    (folder / "mine").write_text("x")
    forget()
    assert [p.name for p in folder.iterdir()] == ["mine"]
    (folder / "mine").unlink()
    forget()
    assert not folder.exists()
