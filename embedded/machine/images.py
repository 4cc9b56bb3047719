"""The images of the platform, built or pulled: the first step of `make up`, and all of `make images`."""

from __future__ import annotations

from embedded.build.cache import cache_root, require_disk
from embedded.build.crds import crds
from embedded.build.go import drop_caches
from embedded.build.images.node import node_image
from embedded.build.images.table import images
from embedded.build.oci import Image
from embedded.build.progress import console, step
from embedded.machine.choices import building, engine, tools
from embedded.machine.deploy import stack_has_parts
from embedded.machine.prefetch import prefetch
from embedded.machine.publish import bills, publish
from embedded.machine.pull import pulled_images

# GiB that an empty cache grows to while everything is built, with a margin (measured: Go's caches 9.7, artefacts 3.5)
BUILD_GIB = 16.0
# GiB that the engine's images, the node and the platform's volumes add
RUN_GIB = 8.0


def check_disk() -> None:
    """Raise EmbeddedError before the first build, not after half of the builds, if the disk is too small."""
    if building() and not all(layer.ready for layer in node_image().layers):
        require_disk(cache_root(), BUILD_GIB, "building everything from packages")
    else:
        require_disk(cache_root(), RUN_GIB, "the cluster and its images")


def platform_images() -> dict[str, Image]:
    """The images that the stack `local` runs, by their names in machine.json."""
    return images(parts=stack_has_parts())


def make_images() -> None:
    """Build all images of the stack `local`, and load the node's image; or build those that cannot be pulled."""
    check_disk()
    if not building():
        pulled_images(engine(), parts=stack_has_parts())
        return
    runs, node, others = engine(), node_image(), platform_images()
    tasks = [node.layers[0].get, *(image.build for image in others.values()), crds]
    with step("Node image"), prefetch(tasks):
        runs.load(node)
    _build(others)


def publish_images(registry: str) -> None:
    """Push all images that a platform may need to ``registry``, and pin them for the stacks."""
    check_disk()
    runs = engine()
    publish(runs, images(parts=True) if building() else pulled_images(runs, parts=True), registry)
    console.print(f"pinned in stacks/images.yaml; bills of materials in {bills()}", markup=False)


def prepare() -> None:
    """Make everything that the tests need: programs, images, CRDs; no cluster."""
    make_images()
    if building():
        _build(images(parts=True))
    tools()
    make_crds()
    drop_caches()


def make_crds() -> None:
    """Generate Strimzi's CRDs and print the path of the file."""
    with step("Strimzi's CRDs"):
        path = crds()
    console.print(str(path), markup=False)


def _build(made: dict[str, Image]) -> None:
    for name, image in made.items():
        with step(f"Image {name}"):
            image.build()
