"""What is used where images can be pulled: kind's own node image, Strimzi's images, and our shop on an official base.

Written from the projects' documentation on a machine that reaches no image registry: it has been run with local images
in the place of those that are pulled, never with the real ones.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from embedded.cache import Artefact, digest, tree_digest
from embedded.engine import Engine
from embedded.images import REPOSITORY, python_packages
from embedded.pins import pins
from embedded.progress import say

CONTAINERFILE = REPOSITORY / "images" / "shop" / "Containerfile"


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


def shop_image(engine: Engine) -> str:
    """Build the shop's image with the engine and return its reference. The build needs no network but for its base."""
    packages = python_packages("shop", REPOSITORY / "apps" / "requirements.txt")
    shop = REPOSITORY / "apps" / "shop"
    base = pins()["pull"]["python"]
    key = digest({"base": base, "packages": packages.key, "shop": tree_digest(shop, CONTAINERFILE)})
    ref = f"localhost/kafkalogs/shop:{key}"
    if not engine.has_image(ref):
        with tempfile.TemporaryDirectory(prefix="kafkalogs-shop-") as folder:
            context = Path(folder)
            shutil.copytree(packages.get(), context / "site")
            shutil.copytree(shop, context / "app" / "shop", ignore=shutil.ignore_patterns("__pycache__"))
            say(f"building {ref}")
            engine.run("build", "--build-arg", f"BASE={base}", "--tag", ref, "--file", CONTAINERFILE, context)
    return ref
