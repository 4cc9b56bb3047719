from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.build import cache
from embedded.build.cache import Artefact, EmbeddedError, digest, require_disk, sha256, tree_digest

Usage = namedtuple("Usage", "total used free")


def write(text: str):
    def build(out: Path) -> None:
        (out / "file").write_text(text)

    return build


def leftovers(root: Path) -> list[str]:
    return [p.name for p in (root / "tmp").iterdir() if p.suffix != ".lock"]


def test_builds_once_and_keeps_it(cache: Path) -> None:
    builds: list[Path] = []
    artefact = Artefact("thing", {"version": 1}, builds.append, needs_gib=0)
    assert artefact.get() == artefact.get() == cache / "thing" / artefact.key
    assert len(builds) == 1
    assert not leftovers(cache)


def test_other_inputs_are_another_artefact() -> None:
    one, two = Artefact("thing", {"version": 1}, write("1"), 0), Artefact("thing", {"version": 2}, write("2"), 0)
    assert (one.get() / "file").read_text() == "1"
    assert (two.get() / "file").read_text() == "2"
    assert (one.get() / "file").read_text() == "1"


def test_readable_by_containers_of_other_users() -> None:
    old = os.umask(0o022)
    try:
        assert Artefact("thing", {}, write("x"), 0).get().stat().st_mode & 0o777 == 0o755
    finally:
        os.umask(old)


@pytest.mark.parametrize("failure", [EmbeddedError("no"), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_build_leaves_nothing(cache: Path, failure: BaseException) -> None:
    def fails(out: Path) -> None:
        (out / "half").write_text("half")
        raise failure

    artefact = Artefact("thing", {}, fails, 0)
    with pytest.raises(type(failure)):
        artefact.get()
    assert not artefact.ready
    assert not leftovers(cache)
    assert (Artefact("thing", {}, write("whole"), 0).get() / "file").read_text() == "whole"


def _hang(root: str, started: str) -> None:
    os.environ["KAFKALOGS_CACHE"] = root

    def build(out: Path) -> None:
        (out / "half").write_text("half")
        Path(started).touch()
        time.sleep(60)

    Artefact("thing", {}, build, 0).get()


def test_killed_build_is_begun_anew(cache: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    process = multiprocessing.Process(target=_hang, args=(str(cache), str(started)))
    process.start()
    while not started.exists():
        time.sleep(0.01)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    artefact = Artefact("thing", {}, write("whole"), 0)
    assert not artefact.ready
    assert [p.name for p in artefact.get().iterdir()] == ["file"]
    assert not leftovers(cache)


def _count(root: str, counter: str) -> None:
    os.environ["KAFKALOGS_CACHE"] = root

    def build(out: Path) -> None:
        with Path(counter).open("a") as file:
            file.write("x")
        time.sleep(0.2)

    Artefact("thing", {}, build, 0).get()


def test_processes_build_it_once(cache: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    processes = [multiprocessing.Process(target=_count, args=(str(cache), str(counter))) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert counter.read_text() == "x"


def test_full_disk_is_told_before_building(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 * cache.GIB, 99 * cache.GIB, cache.GIB))
    built: list[Path] = []
    with pytest.raises(EmbeddedError, match=r"1\.0 GiB free, 7\.5 GiB are needed"):
        Artefact("thing", {}, built.append, needs_gib=7.5).get()
    assert not built
    require_disk(tmp_path, 0.9, "less")


def test_disk_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    require_disk(tmp_path / "not" / "there", 0, "nothing")


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_digest_ignores_order(inputs: dict[str, int | str]) -> None:
    assert digest(inputs) == digest(dict(reversed(inputs.items())))


def test_tree_digest_sees_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "a").write_text("1")
    first = tree_digest(folder)
    (folder / "__pycache__" / "a.pyc").write_text("compiled")
    assert tree_digest(folder) == first
    (folder / "a").write_text("2")
    second = tree_digest(folder)
    (folder / "a").rename(folder / "b")
    assert len({first, second, tree_digest(folder)}) == 3


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert sha256(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
