"""`make down` and `make clean`: remove the results of `make up`."""

from __future__ import annotations

import shutil

from embedded.build.cache import cache_root
from embedded.build.oci import OURS
from embedded.build.progress import console, say, step
from embedded.machine import programs
from embedded.machine.choices import tools
from embedded.machine.cluster import Cluster
from embedded.machine.deploy import STACK, pulumi_destroy
from embedded.machine.engine import candidates
from embedded.machine.state import forget, machine_file


def down(*, force: bool = False) -> None:
    """Remove the platform, the cluster and the engine's images; the cache stays.

    force: skip `pulumi destroy`, because the platform is deleted with its cluster.
    """
    # `make up` may have used another engine than the one that works now. Of podman's two settings the last, ours, wins.
    engines = {found.name: found for found in candidates() if found.answers()}
    if not engines:
        console.print("no container engine answers: there is only this checkout's state to remove")
    for found in engines.values():
        _take_down(Cluster(found, programs.kind()), force=force)
    forget()


def _take_down(made: Cluster, *, force: bool) -> None:
    if made.running() and machine_file().exists() and not force:
        with step(f"pulumi destroy --stack {STACK}"):
            pulumi_destroy(tools())
    with step(f"Removing cluster {made.name} from {made.engine.name}"):
        made.delete()
        if not made.others():
            say("removing images and network")
            made.engine.remove_images(OURS)
            made.engine.remove_network("kind")


def clean() -> None:
    """Remove the cache."""
    if cache_root().exists():
        with step("Removing the cache"):
            say(str(cache_root()))
            shutil.rmtree(cache_root())
