"""What is used where images can be pulled: kind's own node image, and Strimzi's; ``pulled_images`` has all others.

Written from the projects' documentation on a machine that reaches no image registry: it has been run with local images
in the place of those that are pulled, never with the real ones.
"""

from __future__ import annotations

from pathlib import Path

from embedded.cache import Artefact
from embedded.engine import Engine
from embedded.pins import pins
from embedded.progress import say


def node_image() -> str:
    """kind's node image, by digest."""
    return pins()["pull"]["node"]


def strimzi_kafka_image() -> str:
    """The image that Strimzi runs brokers with."""
    return pins()["pull"]["kafka"]


def kubectl(engine: Engine) -> Path:
    """kubectl, out of the node image: the version that fits the cluster."""

    def build(out: Path) -> None:
        say(f"taking kubectl out of {node_image()}")
        container = engine.run("create", node_image()).strip().splitlines()[-1]
        try:
            engine.run("cp", f"{container}:/usr/bin/kubectl", out / "kubectl")
        finally:
            engine.run("rm", "--force", "--volumes", container)

    return Artefact("pulled-kubectl", {"node": node_image()}, build, needs_gib=0.2).get() / "kubectl"
