"""`make bench`: measure the figures on this machine, print them, and keep them in bench/results.md.

With `--cold` the first `make up` with an empty cache is measured too (it takes the longest).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import RESULTS, Figure, machine, page
from bench.preview import local_seconds, thousand_services
from bench.produce import produce_rates
from tests.support.sandbox import Sandbox

PORT = 32290
console = Console()


def _external_port(config: dict[str, Any]) -> None:
    config["kafka"]["external"]["port"] = PORT


def _sandbox(cache: Path | None = None) -> Sandbox:
    sandbox = Sandbox(Path(tempfile.mkdtemp(prefix="kafkalogs-bench-")), "kafkalogs-bench", PORT)
    sandbox.edit(_external_port)
    if cache:
        sandbox.env["KAFKALOGS_CACHE"] = str(cache)
    return sandbox


def _remove(sandbox: Sandbox) -> None:
    sandbox.embedded("down", "--force", check=False)
    shutil.rmtree(sandbox.state, ignore_errors=True)


def cold() -> list[Figure]:
    """The first `make up`: nothing in the cache."""
    cache = Path(tempfile.mkdtemp(prefix="kafkalogs-bench-cache-", dir=Path.home()))
    sandbox = _sandbox(cache)
    try:
        minutes = sandbox.embedded("up", timeout=5400).seconds / 60
    finally:
        _remove(sandbox)
        shutil.rmtree(cache, ignore_errors=True)
    return [Figure.at_most("first `make up`, empty cache", minutes, 30, "min")]


def seconds_to_ready(sandbox: Sandbox) -> float:
    """From the creation of the Kafka resource to its condition Ready, as Kubernetes recorded both."""
    kafka = sandbox.get("kafka", "logs")
    ready = next(c for c in kafka["status"]["conditions"] if c["type"] == "Ready" and c["status"] == "True")
    created, since = (
        datetime.datetime.fromisoformat(text)
        for text in (kafka["metadata"]["creationTimestamp"], ready["lastTransitionTime"])
    )
    return (since - created).total_seconds()


def pods_memory(sandbox: Sandbox) -> tuple[float, float]:
    """GiB that all pods of the cluster use (working sets), and the sum of the platform's memory limits."""
    node = json.loads(sandbox.kubectl("get", "nodes", "-o", "json"))["items"][0]["metadata"]["name"]
    summary = json.loads(sandbox.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    used = sum(pod.get("memory", {}).get("workingSetBytes", 0) for pod in summary["pods"])
    units = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
    limits = sum(
        float(limit[:-2]) * units[limit[-2:]]
        for pod in sandbox.get("pods")["items"]
        for container in pod["spec"]["containers"]
        if (limit := container["resources"].get("limits", {}).get("memory"))
    )
    return used / 1024**3, limits / 1024**3


def warm() -> list[Figure]:
    """Everything that is measured on a platform that comes up from a filled cache."""
    sandbox = _sandbox()
    try:
        minutes = sandbox.embedded("up").seconds / 60
        figures = [Figure.at_most("`make up`, warm", minutes, 4, "min")]
        sandbox.load_env()
        figures.append(
            Figure.at_most("Kafka ready after its resources are applied", seconds_to_ready(sandbox), 90, "s")
        )
        used, limits = pods_memory(sandbox)
        figures.append(Figure.at_most("memory of all pods of `local` (working sets)", used, 8, "GiB"))
        figures.append(Figure.at_most("memory limits of the platform's pods, summed", limits, 8, "GiB"))
        figures.append(Figure.at_most("`pulumi preview` of `local`", local_seconds(sandbox), 6, "s"))
        platform, plain, count = thousand_services(sandbox)
        figures.append(
            Figure.at_most(
                f"`pulumi preview` of 1,000 services ({platform:.1f} s) beside {count:,} plain custom resources "
                f"({plain:.1f} s), as a ratio", platform / plain, 1.5, "times",
            )
        )  # fmt: skip
        secure, plaintext = produce_rates(sandbox)
        what = "one producer, 200 B records, acks=all"
        figures.append(Figure.at_least(f"{what}: RF 3, mTLS", secure, 60_000, "records/s"))
        figures.append(Figure(f"{what}: RF 1, plaintext", f"{plaintext:,.0f} records/s"))
        figures.append(Figure("RF 3 over mTLS as a ratio of RF 1 in plaintext", f"{secure / plaintext:.2f}"))
        return figures
    finally:
        _remove(sandbox)


def main() -> int:
    """Measure, print, keep; 1 if a figure missed its target."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cold", action="store_true", default=bool(os.environ.get("COLD")))
    figures = (cold() if parser.parse_args().cold else []) + warm()
    RESULTS.write_text(page(figures, datetime.date.today().isoformat()))
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
