"""The machine under the platform: kind's one node, by the container engine, and the network between its pods."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from embedded.machine.engine import Engine, find_engine
from tests.support.sandbox import Sandbox

READY_SECONDS = 300


@functools.cache
def engine() -> Engine:
    """The container engine that runs the node."""
    return find_engine(building=False)


def name(platform: Sandbox) -> str:
    """The container of the node."""
    return f"{platform.cluster}-control-plane"


def on_node(platform: Sandbox, *words: str, check: bool = True) -> str:
    """Run a command on the node, and return its output."""
    done = subprocess.run(
        [engine().name, "exec", "--privileged", name(platform), *words],
        env={**os.environ, **engine().env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 or not check, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def restart(platform: Sandbox, away: float) -> None:
    """Kill the node's container, wait, and start it again; ends when the API answers."""
    engine().run("kill", name(platform), timeout=60)
    time.sleep(away)
    engine().run("start", name(platform), timeout=60)
    platform.wait("the API", lambda: platform.run("kubectl", "get", "nodes", check=False).code == 0, READY_SECONDS)


def addresses(platform: Sandbox, prefix: str) -> list[str]:
    """The addresses of the pods whose names begin so."""
    pods = platform.get("pods")["items"]
    return [p["status"]["podIP"] for p in pods if p["metadata"]["name"].startswith(prefix)]


def volume(platform: Sandbox, claim: str) -> str:
    """The folder of the node that is the volume of a claim."""
    name = platform.get("persistentvolumeclaim", claim)["spec"]["volumeName"]
    spec = platform.get("persistentvolume", name)["spec"]
    folder: str = (spec.get("hostPath") or spec["local"])["path"]
    return folder


@contextmanager
def dropped(platform: Sandbox, pairs: list[tuple[str, str]]) -> Iterator[None]:
    """The node forwards no packet from the first to the second address of each pair."""
    rules = [("FORWARD", "-s", source, "-d", target, "-j", "DROP") for source, target in pairs]
    with _rules(platform, rules):
        yield


@contextmanager
def lossy(platform: Sandbox, share: float) -> Iterator[None]:
    """The node loses this share of the packets that it forwards between pods."""
    with _rules(
        platform, [("FORWARD", "-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")]
    ):
        yield


@contextmanager
def _rules(platform: Sandbox, rules: list[tuple[str, ...]]) -> Iterator[None]:
    made: list[tuple[str, ...]] = []
    try:
        for rule in rules:
            on_node(platform, "iptables", "-w", "-I", *rule)
            made.append(rule)
        yield
    finally:
        for rule in made:
            on_node(platform, "iptables", "-w", "-D", *rule)
