"""The platform's own images: their bases, and what is put into them.

Nothing is installed while an image is assembled: Debian packages come with the base, Python packages are installed on
this machine into a folder that becomes a layer.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedded.cache import Artefact, EmbeddedError, sha256
from embedded.debian import debian_layer
from embedded.oci import Copy, Image, architecture, files_layer
from embedded.pins import pins
from embedded.progress import run, say

REPOSITORY = Path(__file__).parent.parent
USER = "1001"
_SITE = "/opt/site"
_APP = "/opt/app"


def jre_base() -> Artefact:
    """A layer: Debian with a Java 21 runtime, ``bash`` and ``coreutils``."""
    return debian_layer("jre", pins()["debian"]["base"], ("openjdk-21-jre-headless",))


def python_base() -> Artefact:
    """A layer: Debian with Python, and certificates to verify others with."""
    return debian_layer("python", pins()["debian"]["base"], ("python3", "ca-certificates"))


def image_from(
    name: str,
    base: Artefact,
    copies: Sequence[Copy],
    *,
    entrypoint: Sequence[str],
    user: str = USER,
    env: Mapping[str, str] | None = None,
    workdir: str = "/",
    version: str = "",
) -> Image:
    """The image ``localhost/kafkalogs/<name>``: files on a base layer.

    user: uid that the container runs as. version: put before the content key in the tag, e.g. ``4.3.1``.
    """
    layer = files_layer(name, copies)
    return Image(
        f"localhost/kafkalogs/{name}",
        (base, layer),
        entrypoint=entrypoint,
        user=user,
        env=env or {},
        workdir=workdir,
        version=version,
    )


def python_packages(name: str, requirements: Path) -> Artefact:
    """What ``requirements`` lists (exact versions, with hashes), for an image's Python; wheels only."""
    if not requirements.exists():
        raise EmbeddedError(f"{requirements} is missing: it lists the Python packages of the image {name}.")
    version = pins()["debian"]["python"]
    inputs = {"requirements": sha256(requirements), "python": version, "machine": architecture()}
    return Artefact(f"python-{name}", inputs, lambda out: _install(out, requirements, version), needs_gib=0.5)


def operator_image() -> Image:
    """The embedded operator."""
    folder = REPOSITORY / "embedded" / "operator"
    return python_image("operator", folder / "embedded_operator", folder / "requirements.txt")


def shop_image() -> Image:
    """The demo shop, whose services log into the platform."""
    return python_image("shop", REPOSITORY / "apps" / "shop", REPOSITORY / "apps" / "requirements.txt")


def python_image(name: str, package: Path, requirements: Path | None = None, *, packages: str | None = None) -> Image:
    """A program of ours: ``python3 -m <package>``, run as user 1001.

    requirements: what it needs besides Python. packages: the name under which these are kept, for those that share a
    file; ``name`` when absent.
    """
    needed = [Copy(python_packages(packages or name, requirements), _SITE)] if requirements else []
    return image_from(
        name,
        python_base(),
        [*needed, Copy(package, f"{_APP}/{package.name}")],
        entrypoint=["python3", "-m", package.name],
        env={
            "PYTHONPATH": f"{_APP}:{_SITE}" if requirements else _APP,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        workdir=_APP,
    )


def _install(out: Path, requirements: Path, version: str) -> None:
    say(f"Python packages of {requirements.relative_to(REPOSITORY)}")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(architecture(), architecture())
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in ("2_34", "2_28", "2_17")]
    run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={version}", *platforms),
            *(f"--platform=manylinux2014_{machine}", "--target", out, "--requirement", requirements),
        ],
        remedy="If a download failed or was corrupt, run it again.",
    )
