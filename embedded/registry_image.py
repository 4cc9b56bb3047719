"""The images of the schema registry: Apicurio Registry, and the small program that registers schemas in it."""

from __future__ import annotations

import tarfile
from pathlib import Path

from embedded.cache import Artefact
from embedded.images import REPOSITORY, image_from, jre_base, python_image
from embedded.maven import Jar, jars
from embedded.oci import Copy, Image
from embedded.pins import pins

HOME = "/opt/registry"


def registry_image() -> Image:
    """Apicurio Registry as it is published, on a Java 21 runtime."""
    return image_from(
        "registry",
        jre_base(),
        [Copy(registry(), HOME)],
        entrypoint=["java", "-jar", f"{HOME}/quarkus-run.jar"],
        workdir=HOME,
        version=_archive().version,
    )


def schemas_image() -> Image:
    """What registers schemas; it needs nothing but Python."""
    return python_image("schemas", REPOSITORY / "apps" / "schemas")


def registry() -> Artefact:
    """The registry's folder, with quarkus-run.jar."""
    published = jars("registry")
    inputs = {"archive": published.key, "recipe": 1}
    return Artefact("registry", inputs, lambda out: _unpack(published.get() / _archive().file, out), needs_gib=0.5)


def _archive() -> Jar:
    """The one archive of the list."""
    (coordinates,) = pins()["maven"]["jars"]["registry"]
    return Jar.parse(coordinates)


def _unpack(file: Path, out: Path) -> None:
    with tarfile.open(file) as archive:
        archive.extractall(out, filter="data")
