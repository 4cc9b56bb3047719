from __future__ import annotations

from pathlib import Path

import pytest

from embedded.machine import down
from embedded.machine.state import machine_file, state_dir
from tests.unit.embedded.conftest import script

# an engine that answers; the second has the cluster's node, and two images of which one is ours
ENGINE = """
echo "$(basename $0) $*" >> "{log}"
case "$1 $*" in
  *"container inspect"*) [ {has} = 1 ] && echo running || exit 1 ;;
  images*) [ {has} = 1 ] && echo localhost/kafkalogs/node:1 localhost/mine:1 ;;
esac
exit 0
"""


@pytest.fixture
def log(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script(programs, "basename", 'echo "${1##*/}"')
    script(programs, "docker", ENGINE.format(log=tmp_path / "log", has=0))
    script(programs, "podman", ENGINE.format(log=tmp_path / "log", has=1))
    script(programs, "kind", f'echo "kind $* [$KIND_EXPERIMENTAL_PROVIDER]" >> {tmp_path / "log"}')
    monkeypatch.setattr(down.programs, "kind", lambda: programs / "kind")
    return tmp_path / "log"


def test_removes_the_cluster_from_whichever_engine_has_it(log: Path) -> None:
    folder = state_dir()
    down.down(force=True)
    asked = log.read_text()
    for provider in ("docker", "podman"):
        assert f"kind delete cluster --name kafkalogs --kubeconfig {folder}/kubeconfig [{provider}]" in asked
    assert not folder.exists()


def test_removes_our_images_only(log: Path) -> None:
    down.down(force=True)
    assert "podman rmi --force localhost/kafkalogs/node:1" in log.read_text()
    assert "localhost/mine" not in log.read_text().replace("images", "")


def test_leaves_images_that_another_cluster_runs_on(log: Path, programs: Path) -> None:
    script(programs, "kind", '[ "$1" = get ] && echo other; exit 0')
    down.down(force=True)
    assert "rmi" not in log.read_text()
    assert "network rm" not in log.read_text()


def test_destroys_first_unless_forced(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destroyed: list[Path] = []
    monkeypatch.setattr(down, "tools", lambda: Path("/tools"))
    monkeypatch.setattr(down, "pulumi_destroy", destroyed.append)
    machine_file().write_text("{}")
    down.down()
    assert destroyed == [Path("/tools")]
    machine_file().parent.mkdir(exist_ok=True)
    machine_file().write_text("{}")
    down.down(force=True)
    assert destroyed == [Path("/tools")]
