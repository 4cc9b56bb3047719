"""The whole pipeline on this machine: its sustained load, its latency and its memory.

`load`: the demo shop's events are written at 1,000 per second, then at twice that rate, and so on, STEP seconds each,
until a consumer group falls behind. The share of records that the slowest group read gives the rate to hold. This rate
is held for HOLD seconds; if a lag grows (see `bench.lag`), a lower rate is tried. The figure comes from Kafka's offsets
of the services' topics and includes the events of the running shop. Writer, platform and benchmark share the machine.

`latency`: see `bench.latency`; other events are written at half of the sustained rate.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.settings import Catalog
from kafkalogs.parts import GROUPS
from kubernetes.utils.quantity import parse_quantity
from rich.console import Console

from bench import latency, produce
from bench.events import Template, Writer, mean_bytes, templates
from bench.figures import Figure
from bench.lag import Lags, Sample, behind, growing, rate, reading_share
from tests.support import kafka
from tests.support import pipeline as support
from tests.support.sandbox import Sandbox

FIRST, LAST = 1_000.0, 32_000.0
"""The first and the highest rate; events per second."""
STEP, SETTLE, HOLD = 60.0, 20.0, 180.0
HOLDS = 3
LESS = 0.85
"""The first held rate is this share of the rate that the slowest group read; each next one, of the one before."""
BEHIND = 10.0
"""Seconds that a group may be behind at the end of a step."""
NEAR, DRAIN = 500, 300.0
"""The lag (records) that every group must reach without load, and the time for this (seconds)."""
BACKGROUND = 300.0
"""Events per second beside the markers if the sustained rate is not known."""
LIMIT_RECORDS = 200_000

console = Console()


def say(text: str) -> None:
    """Print a line with the time."""
    console.print(f"{time.strftime('%H:%M:%S')} {text}", highlight=False, markup=False)


@dataclass(frozen=True)
class Bench:
    """The objects that all measurements use. user: may read every topic and describe every group."""

    sandbox: Sandbox
    access: ClusterAccess
    catalog: Catalog
    events: list[Template]
    user: str

    def lags(self) -> Lags:
        """The lags of all groups."""
        topics = {name: topic.partitions for name, topic in self.catalog.topics.items()}
        return Lags(kafka.settings(self.sandbox, self.user), topics)

    def writer(self) -> Writer:
        """A writer of events into the topics."""
        return Writer(self.access, self.catalog, self.events)


@contextmanager
def bench(sandbox: Sandbox) -> Iterator[Bench]:
    """The platform of a sandbox, with a user that may read everything and exists until the block ends."""
    access = ClusterAccess(Path(sandbox.env["KUBECONFIG"]), produce.NAMESPACE)
    catalog = access.catalog()
    with support.inspector(sandbox) as user:
        yield Bench(sandbox, access, catalog, templates(catalog), user)


def pods_memory(sandbox: Sandbox) -> tuple[float, float]:
    """GiB that all pods of the cluster use (working sets), and the sum of the platform's memory limits."""
    node = json.loads(sandbox.kubectl("get", "nodes", "-o", "json"))["items"][0]["metadata"]["name"]
    summary = json.loads(sandbox.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    used = sum(pod.get("memory", {}).get("workingSetBytes", 0) for pod in summary["pods"])
    limits = sum(
        float(parse_quantity(limit))
        for pod in sandbox.get("pods")["items"]
        if pod["status"]["phase"] == "Running"
        for container in pod["spec"]["containers"]
        if (limit := container["resources"].get("limits", {}).get("memory"))
    )
    return used / 1024**3, limits / 1024**3


# -- load


@dataclass(frozen=True)
class Trial:
    """A trial of a rate. asked, came: events per second; slow: the parts that did not keep up, or why the trial
    failed."""

    asked: float
    came: float
    slow: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.came:,.0f}/s ({', '.join(self.slow) or 'all kept up'})"


def _trial(writer: Writer, lags: Lags, asked: float, samples: list[Sample], slow: list[str]) -> Trial:
    came = rate(samples, lags.written)
    if came < asked * 0.95:
        held = f", its quotas held it back {writer.throttled} times" if writer.throttled else ""
        slow = [*slow, f"the writer came to {came:,.0f} only{held}"]
    if writer.failed:
        slow = [*slow, f"Kafka refused {writer.failed} records"]
    return Trial(asked, came, tuple(slow))


def drain(writer: Writer, lags: Lags) -> list[str]:
    """Write nothing until no group is behind; return the parts that still are after DRAIN seconds."""
    writer.rate = 0
    left, until = dict(GROUPS), time.monotonic() + DRAIN
    while left and time.monotonic() < until:
        time.sleep(1)
        sample = lags.read()
        left = {part: group for part, group in left.items() if sample.lag(group) > NEAR}
    return list(left)


def step(writer: Writer, lags: Lags, asked: float) -> tuple[Trial, float]:
    """Write at a rate for STEP seconds; return the trial, and the rate that the slowest group can read."""
    writer.rate = asked
    samples = lags.watch(STEP)
    slow = behind(samples, BEHIND)
    trial = _trial(writer, lags, asked, samples, slow)
    shares = [share for part in slow if (share := reading_share(samples, part)) is not None]
    # without two commits of a group that is behind: 0.7 of the rate, about half way down to the step before
    return trial, trial.came * min([1.0, *shares] if shares or not slow else [0.7])


def hold(writer: Writer, lags: Lags, asked: float) -> Trial:
    """Write at a rate for HOLD seconds, after SETTLE seconds that do not count."""
    writer.rate = asked
    lags.watch(SETTLE)
    samples = lags.watch(HOLD)
    return _trial(writer, lags, asked, samples, growing(samples))


def sustained(writer: Writer, lags: Lags) -> tuple[Trial | None, list[Trial]]:
    """The trial of the rate that was held without a growing lag, and all trials."""
    tried: list[Trial] = []
    asked, borne = FIRST, FIRST
    while asked <= LAST:
        say(f"{asked:,.0f} events/s for {STEP:.0f} s")
        trial, borne = step(writer, lags, asked)
        tried.append(trial)
        say(f"  {trial}")
        if trial.slow:
            borne *= LESS
            break
        asked *= 2
    for _ in range(HOLDS):
        if stuck := drain(writer, lags):
            slow = f"{', '.join(stuck)} not at the end after {DRAIN:.0f} s without load"
            return None, [*tried, Trial(0, 0, (slow,))]
        say(f"holding {borne:,.0f} events/s for {SETTLE:.0f} + {HOLD:.0f} s")
        trial = hold(writer, lags, borne)
        tried.append(trial)
        say(f"  {trial}")
        if not trial.slow:
            return trial, tried
        borne *= LESS
    return None, tried


def load(of: Bench) -> tuple[list[Figure], float]:
    """The figures of the load, and the sustained rate (0 if none)."""
    size = round(mean_bytes(of.events))
    say(f"Kafka's own limit: one producer, {size} B records")
    limit = produce.secure_rate(of.sandbox, LIMIT_RECORDS, size)
    say(f"  {limit:,.0f}/s")
    with of.writer() as writer:
        held, tried = sustained(writer, of.lags())
        used, limits = pods_memory(of.sandbox)
    parts = ", ".join(GROUPS)
    minutes = HOLD / 60
    what = f"everything on: records/s that leave no lag ({parts}) growing for {minutes:g} min"
    found = held.came if held else 0.0
    others = "; ".join(str(trial) for trial in tried if trial.slow)
    return [
        Figure(what, f"{found:,.0f} records/s" if held else "none of those tried", met=None if held else False),
        Figure("tried besides, and what fell behind", others or "nothing did"),
        Figure(
            f"Kafka's own limit in the same run, everything on: one producer, {size} B records (the mean of these), "
            "uncompressed, acks=all, RF 3, mTLS", f"{limit:,.0f} records/s",
        ),
        Figure("sustained as a share of that limit", f"{found / limit:.1%}"),
        Figure.at_most("memory of all pods after that (working sets)", used, 14, "GiB"),
        Figure.at_most("memory limits of the platform's pods, summed", limits, 14, "GiB"),
    ], found  # fmt: skip


# -- latency


def late(of: Bench, background: float) -> list[Figure]:
    """The figures of `bench.latency`. background: other events per second."""
    lags = of.lags()
    with of.writer() as writer:
        writer.rate = background
        lags.watch(SETTLE)
        say(f"{latency.MARKERS} critical events among {background:,.0f} events/s")
        before = lags.read()
        marks = latency.measure(of.sandbox, of.user, writer)
        came = rate([before, lags.read()], lags.written)
    figures: list[Figure] = []
    for where in ("errors.critical", "PagerDuty", "search", "S3"):
        seconds = marks.seconds(where)
        count, missing = len(marks.written), len(marks.missing(where))
        what = f"from produce to {where}, p50 / p99 of {count} critical events among {came:,.0f} records/s"
        value = "none arrived"
        if seconds:
            value = f"{latency.quantile(seconds, 0.5):.1f} s / {latency.quantile(seconds, 0.99):.1f} s"
        figures.append(
            Figure(what, value + (f"; {missing} not within {latency.PATIENCE:.0f} s" if missing else ""),
                   met=False if missing else None)
        )  # fmt: skip
        say(f"{where}: {figures[-1].value}")
    return figures
