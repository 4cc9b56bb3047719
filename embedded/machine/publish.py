"""Images for clusters that pull: pushed to a registry with their bills of materials, and pinned by digest.

The container engine pushes, with the user's login at the registry. Images that were pulled from another registry are
pinned too, but not pushed.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from embedded import REPOSITORY
from embedded.build.archives import unpack
from embedded.build.cache import EmbeddedError, scratch
from embedded.build.inventory import inventory
from embedded.build.oci import OURS, Image
from embedded.build.progress import say, step
from embedded.build.sbom import sbom
from embedded.machine.engine import Engine
from embedded.machine.state import state_dir

PINS = REPOSITORY / "stacks" / "images.yaml"
"""The file of images that all stacks read, except those with `operator: auto`."""

_HEAD = "# Written by `make images REGISTRY=...`: the images of clusters that pull.\n"
_REGISTRY = re.compile(r"(?P<host>[a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?(/[a-z0-9._-]+)*")
_LOCAL = {"localhost", "127.0.0.1", "[::1]"}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Published:
    """An image in a registry. repository: e.g. ``registry.example.com/logs/shop``. digest: of the manifest."""

    repository: str
    tag: str
    digest: str

    @property
    def ref(self) -> str:
        """Name, tag and digest."""
        return f"{self.repository}:{self.tag}@{self.digest}"


def publish(engine: Engine, images: Mapping[str, Image | str], registry: str, pinned: Path = PINS) -> dict[str, str]:
    """Push images to ``registry``, and write their bills of materials and ``pinned``; return the references by name.

    images: by the names in the stacks; a text is the reference of an image that the engine has or can pull.
    registry: host, port and the path under which the images go. Without TLS only on localhost.
    Raises EmbeddedError if an image cannot be pushed; ``pinned`` then stays as it is.
    """
    registry = registry.rstrip("/")
    if not _REGISTRY.fullmatch(registry):
        raise EmbeddedError(
            f"REGISTRY={registry!r} is no registry: write it like registry.example.com/kafkalogs, in small "
            "letters and without https://."
        )
    refs: dict[str, str] = {}
    for name, image in images.items():
        with step(f"Publishing {name}"):
            refs[name] = _publish(engine, image, registry).ref
            say(refs[name])
    temporary = pinned.with_suffix(".new")
    temporary.write_text(_HEAD + yaml.safe_dump(refs, width=1000))
    temporary.rename(pinned)
    return refs


def bills() -> Path:
    """The folder of the bills of materials: ``<image>.cdx.json``."""
    path = state_dir() / "sbom"
    path.mkdir(exist_ok=True)
    return path


def _publish(engine: Engine, image: Image | str, registry: str) -> Published:
    if isinstance(image, Image):
        engine.load(image)
        made = _push(engine, image.ref, registry)
        found = inventory([layer.get() / "layer.tar" for layer in image.layers])
    else:
        if not engine.has_image(image):
            say(f"pulling {image}")
            engine.run("pull", image)
        made = _push(engine, image, registry) if image.startswith(OURS) else _pulled(engine, image)
        with _saved(engine, image) as layers:
            found = inventory(layers)
    name = made.repository.rpartition("/")[2]
    (bills() / f"{name}.cdx.json").write_text(sbom(found, name, made.tag, made.digest, made.repository) + "\n")
    return made


def _push(engine: Engine, ref: str, registry: str) -> Published:
    name, _, tag = ref.rpartition("/")[2].partition(":")
    repository = f"{registry}/{name}"
    target = f"{repository}:{tag}"
    engine.run("tag", ref, target)
    try:
        digest = _push_podman(engine, target) if engine.name == "podman" else engine.run("push", target)
    finally:
        # removes only this name; the image keeps its first name
        engine.run("rmi", target)
    if not (found := _DIGEST.search(digest)):
        raise EmbeddedError(f"`{engine.name} push {target}` did not say the digest of what it pushed: {digest.strip()}")
    return Published(repository, tag, found[0])


def _push_podman(engine: Engine, target: str) -> str:
    host = _REGISTRY.match(target)
    # docker needs no option for localhost without TLS
    local = ["--tls-verify=false"] if host and host["host"] in _LOCAL else []
    with tempfile.TemporaryDirectory(prefix="kafkalogs-push-") as folder:
        digest = Path(folder) / "digest"
        engine.run("push", *local, "--digestfile", digest, target)
        return digest.read_text()


def _pulled(engine: Engine, ref: str) -> Published:
    """An image from another registry, with the digest from that registry."""
    name, _, pinned = ref.partition("@")
    repository, _, tag = name.rpartition(":")
    known: list[str] = json.loads(engine.run("image", "inspect", "--format", "{{json .RepoDigests}}", ref))
    digest = pinned or next((found[0] for text in known if (found := _DIGEST.search(text))), "")
    if not digest:
        raise EmbeddedError(f"{engine.name} does not know the digest of {ref}: remove that image and run it again.")
    return Published(repository, tag, digest)


@contextmanager
def _saved(engine: Engine, ref: str) -> Iterator[list[Path]]:
    """The layers of an image that the engine has, as files."""
    with tempfile.TemporaryDirectory(prefix="save-", dir=scratch()) as folder:
        archive = Path(folder) / "image.tar"
        engine.run("save", "--output", archive, ref)
        unpack(archive, Path(folder))
        (described,) = json.loads((Path(folder) / "manifest.json").read_text())
        yield [Path(folder) / layer for layer in described["Layers"]]
