"""`make bench`: measure the figures on this machine, print them, and keep them in bench/results.md.

Without arguments everything but `cold` is measured, on a platform of its own that is removed afterwards. Parts:

    cold      the first `make up`, with an empty cache (takes the longest)
    start     `make up` with a filled cache, until Kafka is ready, memory
    preview   `pulumi preview`: of `local`, and of 1,000 services
    load      what the whole pipeline sustains, beside Kafka's own limit
    latency   from produce to errors.critical, PagerDuty, search and S3
    produce   what one producer gets acknowledged, with mTLS and RF 3, and in plaintext with RF 1
    pipeline  load and latency

With --here, load and latency are measured on this checkout's platform that is up; its services' quotas bound the load.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import pipeline
from bench.figures import RESULTS, Figure, machine, merged
from bench.preview import local_seconds, thousand_services
from bench.produce import plaintext_rate, secure_rate
from embedded.machine import state
from tests.support.sandbox import Sandbox

PORT = 32290
# The order matters: `produce` adds a listener, which restarts the brokers.
PARTS = ("start", "preview", "load", "latency", "produce")
PIPELINE = ("load", "latency")
console = Console()


def _for_bench(config: dict[str, Any]) -> None:
    """Set another port, and quotas of the services above every rate that is tried, so that no quota is the limit.

    Kafka enforces the rate of a service, and Kafka's disks must hold that rate for the retention. So the retention is
    short here. The volumes do not really have this size.
    """
    config["kafka"]["external"]["port"] = PORT
    config["kafka"]["pools"]["kafka"]["storage"]["size"] = "100Gi"
    config["retention"] = {**config.get("retention", {}), "access": "10m", "application": "10m", "audit": "10m"}
    for service in config["services"].values():
        service["rate"] = "2MiB/s"
        service.pop("retention", None)


def _sandbox(cache: Path | None = None) -> Sandbox:
    sandbox = Sandbox(Path(tempfile.mkdtemp(prefix="kafkalogs-bench-")), "kafkalogs-bench", PORT)
    sandbox.edit(_for_bench)
    if cache:
        sandbox.env["KAFKALOGS_CACHE"] = str(cache)
    return sandbox


def _remove(sandbox: Sandbox) -> None:
    sandbox.embedded("down", "--force", check=False)
    shutil.rmtree(sandbox.state, ignore_errors=True)


@contextlib.contextmanager
def _here() -> Iterator[Sandbox]:
    """The running platform of this checkout; the benchmark does not change it."""
    with tempfile.TemporaryDirectory(prefix="kafkalogs-bench-") as folder:
        sandbox = Sandbox(Path(folder), state.cluster_name(), state.first_port())
        sandbox.state = state.state_dir()
        sandbox.env["KAFKALOGS_STATE"] = str(sandbox.state)
        sandbox.load_env()
        yield sandbox


def cold() -> list[Figure]:
    """The first `make up`, with an empty cache."""
    cache = Path(tempfile.mkdtemp(prefix="kafkalogs-bench-cache-", dir=Path.home()))
    sandbox = _sandbox(cache)
    try:
        minutes = sandbox.embedded("up", timeout=5400).seconds / 60
    finally:
        _remove(sandbox)
        shutil.rmtree(cache, ignore_errors=True)
    return [Figure.at_most("first `make up`, empty cache", minutes, 30, "min")]


def seconds_to_ready(sandbox: Sandbox) -> float:
    """Seconds from the creation of the Kafka resource to its condition Ready, as Kubernetes recorded both."""
    kafka = sandbox.get("kafka", "logs")
    ready = next(c for c in kafka["status"]["conditions"] if c["type"] == "Ready" and c["status"] == "True")
    created, since = (
        datetime.datetime.fromisoformat(text)
        for text in (kafka["metadata"]["creationTimestamp"], ready["lastTransitionTime"])
    )
    return (since - created).total_seconds()


def start(sandbox: Sandbox, minutes: float) -> list[Figure]:
    """The figures of a platform that has just started."""
    used, limits = pipeline.pods_memory(sandbox)
    return [
        Figure.at_most("`make up`, warm, everything on", minutes, 6, "min"),
        Figure.at_most("Kafka ready after its resources are applied", seconds_to_ready(sandbox), 90, "s"),
        Figure.at_most("memory of all pods of `local` (working sets)", used, 14, "GiB"),
        Figure.at_most("memory limits of the platform's pods, summed", limits, 14, "GiB"),
    ]


def preview(sandbox: Sandbox) -> list[Figure]:
    """The figures of previews."""
    local = Figure.at_most("`pulumi preview` of `local`", local_seconds(sandbox), 6, "s")
    platform, plain, count = thousand_services(sandbox)
    what = (
        f"`pulumi preview` of 1,000 services ({platform:.1f} s) beside {count:,} plain custom resources "
        f"({plain:.1f} s), as a ratio"
    )
    return [local, Figure.at_most(what, platform / plain, 1.5, "times")]


def produce(sandbox: Sandbox) -> list[Figure]:
    """The figures of the records that Kafka acknowledges to one producer."""
    secure, plaintext = secure_rate(sandbox), plaintext_rate(sandbox)
    what = "one producer, 200 B records, acks=all"
    return [
        Figure.at_least(f"{what}: RF 3, mTLS", secure, 60_000, "records/s"),
        Figure(f"{what}: RF 1, plaintext", f"{plaintext:,.0f} records/s"),
        Figure("RF 3 over mTLS as a ratio of RF 1 in plaintext", f"{secure / plaintext:.2f}"),
    ]


def of_pipeline(sandbox: Sandbox, parts: tuple[str, ...]) -> dict[str, list[Figure]]:
    """The figures of load and latency, or of one of them."""
    measured: dict[str, list[Figure]] = {}
    background = pipeline.BACKGROUND
    with pipeline.bench(sandbox) as on:
        if "load" in parts:
            measured["load"], sustained = pipeline.load(on)
            background = sustained / 2 or background
        if "latency" in parts:
            measured["latency"] = pipeline.late(on, background)
    return measured


def warm(parts: tuple[str, ...]) -> dict[str, list[Figure]]:
    """All figures of a platform that starts with a filled cache."""
    measured: dict[str, list[Figure]] = {}
    sandbox = _sandbox()
    try:
        minutes = sandbox.embedded("up").seconds / 60
        sandbox.load_env()
        if "start" in parts:
            measured["start"] = start(sandbox, minutes)
        if "preview" in parts:
            measured["preview"] = preview(sandbox)
        if set(PIPELINE) & set(parts):
            measured |= of_pipeline(sandbox, parts)
        if "produce" in parts:
            measured["produce"] = produce(sandbox)
        return measured
    finally:
        _remove(sandbox)


def _asked() -> tuple[tuple[str, ...], bool]:
    """The parts to measure, in their order, and whether to use the running platform."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=["cold", *PARTS, "pipeline"], metavar="PART")
    parser.add_argument("--here", action="store_true", help="on the platform that is up")
    parser.add_argument("--cold", action="store_true", default=bool(os.environ.get("COLD")), help="`cold` too")
    given = parser.parse_args()
    asked = set(given.parts or (PIPELINE if given.here else PARTS))
    asked |= (set(PIPELINE) if "pipeline" in asked else set()) | ({"cold"} if given.cold else set())
    parts = tuple(part for part in ("cold", *PARTS) if part in asked)
    if given.here and not set(parts) <= set(PIPELINE):
        parser.error("--here is for load and latency")
    return parts, given.here


def main() -> int:
    """Measure, print and store the figures; returns 1 if a figure missed its target."""
    parts, here = _asked()
    measured: dict[str, list[Figure]] = {}
    if here:
        with _here() as sandbox:
            measured |= of_pipeline(sandbox, parts)
    else:
        measured |= {"cold": cold()} if "cold" in parts else {}
        measured |= warm(parts) if set(parts) - {"cold"} else {}
    RESULTS.write_text(merged(RESULTS.read_text(), measured, datetime.date.today().isoformat()))
    figures = [figure for part in measured.values() for figure in part]
    table = Table("figure", "measured", "target", "", title=machine())
    for figure in figures:
        table.add_row(
            figure.what, figure.value, figure.target,
            "" if figure.met is None else "[green]met[/green]" if figure.met else "[red]missed[/red]",
        )  # fmt: skip
    console.print(table)
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
