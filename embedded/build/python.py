"""Fetches Python packages with pip: wheels only, in exact versions with hashes, for the Python of an image."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from embedded.build.cache import Artefact, EmbeddedError, sha256
from embedded.build.oci import architecture
from embedded.build.pins import pins
from embedded.build.progress import run, say


def python_packages(requirements: Path) -> Artefact:
    """The folder with the installed packages that the file ``requirements`` lists."""
    if not requirements.exists():
        raise EmbeddedError(f"{requirements} is missing: it lists the Python packages of an image.")
    version = pins()["debian"]["python"]
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(architecture(), architecture())
    platforms = [f"manylinux{glibc}_{machine}" for glibc in ("_2_34", "_2_28", "_2_17", "2014")]

    def build(out: Path) -> None:
        say(f"installing the Python packages of {requirements}")
        pip("install", requirements, out, version, platforms)

    inputs = {"requirements": sha256(requirements), "python": version, "machine": architecture()}
    return Artefact(f"python-{requirements.parent.name}", inputs, build, needs_gib=0.5)


def pip(
    command: Literal["install", "download"], requirements: Path, out: Path, python: str, platforms: Sequence[str]
) -> None:
    """Install the packages that ``requirements`` lists into the folder ``out``, or download their wheels there.

    python: version of the Python that uses them, e.g. ``3.13``. platforms: names of wheels' platforms, the best first.
    Raises EmbeddedError if a package cannot be downloaded or has a different hash.
    """
    place = ("--no-compile", "--target", out) if command == "install" else ("--dest", out)
    run(
        [
            *(sys.executable, "-m", "pip", command, "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"),
            *("--implementation=cp", f"--python-version={python}", *(f"--platform={name}" for name in platforms)),
            *(*place, "--requirement", requirements),
        ],
        remedy="If a download failed or was corrupt, run it again.",
    )
