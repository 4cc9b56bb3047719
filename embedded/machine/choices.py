"""The choices of this run, each made and printed once: pulled or built images, the container engine, the programs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from embedded.build.images.node import kubernetes
from embedded.build.progress import console, say, step
from embedded.machine import programs, pull
from embedded.machine.engine import Engine, find_engine
from embedded.machine.source import Source, choose_source
from embedded.machine.toolchain import toolchain


@cache
def source() -> Source:
    """Pull or build."""
    chosen = choose_source()
    console.print(f"source: [bold]{chosen.kind}[/bold] ({chosen.reason})", markup=True)
    return chosen


def building() -> bool:
    """Whether images are built from packages."""
    return source().kind == "build"


@cache
def engine() -> Engine:
    """The container engine."""
    with step("Container engine"):
        found = find_engine(building=building())
        say(f"{found.name} runs privileged containers")
        return found


@cache
def tools() -> Path:
    """The folder with pulumi, its plugins, kind and kubectl."""
    with step("Programs: pulumi, kind, kubectl"):
        kubectl = programs.installed("kubectl")
        if kubectl is None:
            kubectl = kubernetes().get() / "kubectl" if building() else pull.kubectl(engine())
        return toolchain(pull=not building(), others={"kind": programs.kind(), "kubectl": kubectl})
