"""The stream job on a Flink of this process's own, with files in place of Kafka."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafkalogs.stream import script as stream_script

from embedded.build.images.flink import distribution, flink_home

JOBS = Path(__file__).resolve().parents[3] / "jobs"
HERE = Path(__file__).parent
PATIENCE = 120.0

SETTINGS = {
    "watermark_delay": 10,
    "discovery_interval": 10,
    "sampled_below": stream_script.sampled_below(0.5),
    "late_interval": 2,
    # what the records of the tests claim
    "writers": stream_script.shared(
        {"logs.shop": ["*"], "logs.audit": ["billing", "auth"], "logs.own": ["own"], "custom": ["named"]}
    ),
}


def columns(tables: str) -> dict[str, str]:
    """The columns of each sink, by its table's name."""
    found = re.findall(r"CREATE TABLE (\w+) \(\n((?:  `.*\n)+)\) WITH \(\n  \{\{ sink", tables)
    return {name: " ".join(body.split()).replace(" METADATA", "") for name, body in found}


def script(folder: Path) -> str:
    """The job's own script, but for its tables."""
    tables = (JOBS / "tables.sql").read_text()
    parts = ((JOBS / "macros.sql"), HERE / "tables.sql", JOBS / "logs.sql")
    return stream_script.render(
        "\n".join(part.read_text() for part in parts), folder=folder, sinks=columns(tables), **SETTINGS
    )


@dataclass
class Job:
    """A running job. folder: where its tables are."""

    folder: Path
    process: subprocess.Popen[bytes] = field(init=False)
    files: int = 0

    def start(self) -> None:
        for name in ("records", "catalog-topic", *columns((JOBS / "tables.sql").read_text())):
            (self.folder / name).mkdir(parents=True)
        settings = {
            "execution.target": "local",
            "parallelism.default": "1",
            "execution.checkpointing.interval": "1 s",
            "table.local-time-zone": "UTC",
            "table.dml-sync": "true",
            "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
            "taskmanager.memory.managed.size": "32m",
            "taskmanager.memory.network.max": "32m",
        }
        head = "".join(f"SET '{key}' = '{value}';\n" for key, value in settings.items())
        (self.folder / "job.sql").write_text(head + script(self.folder))
        (self.folder / "conf").mkdir()
        (self.folder / "conf" / "config.yaml").write_text("parallelism.default: 1\n")
        home = flink_home().get()
        with zipfile.ZipFile(next(distribution().get().glob("apache_flink_libraries-*.whl"))) as wheel:
            client = [
                wheel.extract(n, self.folder) for n in wheel.namelist() if re.search(r"opt/flink-(sql-cli|pyt)", n)
            ]
        opens = re.findall(r"--add-opens=\S+", (home / "conf" / "config.yaml").read_text())
        java = shutil.which("java")
        assert java, "no Java runtime on PATH; apt-get install default-jre-headless"
        with (self.folder / "flink.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(java, "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *opens),
                    f"-Dlog4j.configurationFile={HERE / 'log4j.properties'}",
                    f"-Djava.io.tmpdir={self.folder}",  # what it leaves goes with the folder
                    *("-cp", ":".join([f"{home}/lib/*", f"{home}/opt/*", *client])),
                    *("org.apache.flink.table.client.SqlClient", "embedded", "-f", str(self.folder / "job.sql")),
                ],
                env={
                    "FLINK_CONF_DIR": str(self.folder / "conf"),
                    "FLINK_OPT_DIR": f"{home}/opt",
                    "HOME": str(self.folder),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def add(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Append rows to a source."""
        self.files += 1
        hidden = self.folder / table / f".{self.files:06d}"
        hidden.write_text("".join(json.dumps(row) + "\n" for row in rows))
        hidden.rename(self.folder / table / f"{self.files:06d}")

    def rows(self, table: str) -> list[dict[str, Any]]:
        """What a sink has got, in the order of its checkpoints."""
        files = [path for path in (self.folder / table).rglob("*") if path.is_file() and path.name[0] not in "._"]
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def wait(self, done: Callable[[], bool], every: float = 0.3) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            if self.process.poll() is not None or time.monotonic() > deadline:
                lines = (self.folder / "flink.log").read_text(errors="replace").splitlines()
                log = "\n".join(line for line in lines if not line.startswith("\t"))
                raise AssertionError(f"the job did not get there:\n{log[-6000:]}")
            time.sleep(every)


def decoded(value: str | None) -> bytes | None:
    """Bytes as Flink writes them to JSON."""
    return None if value is None else base64.b64decode(value)
