"""A cache of built artefacts. The key of an artefact is a digest of its inputs.

An artefact is a folder ``<root>/<name>/<key>``; the inputs are versions, checksums and recipes. A build fills a
temporary folder on the same file system, which is renamed when it is complete. So an interrupted build, a full disk
or a corrupt download never leaves half an artefact.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GIB = 1024**3


class EmbeddedError(Exception):
    """An error that a person can remedy; its text says what is wrong and how. Shown without a traceback."""


def cache_root() -> Path:
    """The folder of all artefacts: ``KAFKALOGS_CACHE``, else ``~/.cache/kafkalogs``."""
    configured = os.environ.get("KAFKALOGS_CACHE")
    return Path(configured).expanduser().resolve() if configured else Path.home() / ".cache" / "kafkalogs"


def scratch() -> Path:
    """A folder for temporary files, on the file system of the cache."""
    path = cache_root() / "tmp"
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(inputs: Mapping[str, Any]) -> str:
    """A short stable digest of ``inputs`` (anything JSON can hold); 16 hexadecimal digits."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tree_digest(*paths: Path) -> str:
    """A digest of the names and contents of files, and of all files below folders, without byte code.

    The place of a file or folder does not count.
    """
    sha = hashlib.sha256()
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" in file.parts:
                continue
            name = file.relative_to(path) if path.is_dir() else file.name
            sha.update(f"{name}\0{file.stat().st_size}\0".encode())
            sha.update(file.read_bytes())
    return sha.hexdigest()[:16]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_disk(path: Path, gib: float, why: str) -> None:
    """Raise EmbeddedError unless the file system of ``path`` has ``gib`` GiB free."""
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free / GIB
    if free < gib:
        raise EmbeddedError(
            f"not enough disk for {why}: {path} has {free:.1f} GiB free, {gib:.1f} GiB are needed. "
            "Free some space, or set KAFKALOGS_CACHE to a folder on a larger disk."
        )


@dataclass(frozen=True)
class Artefact:
    """A folder of the cache: what it is built from, and how.

    name: folder name in the cache; the progress display shows it too.
    inputs: everything that decides the content (versions, checksums, ``tree_digest`` of recipe files).
    build: called with an empty folder to fill; raises to abandon the build.
    needs_gib: free disk that the build needs at its peak, in GiB.
    """

    name: str
    inputs: Mapping[str, Any]
    build: Callable[[Path], None]
    needs_gib: float = 0.5

    @property
    def key(self) -> str:
        """The digest of name and inputs."""
        return digest({"name": self.name, **self.inputs})

    @property
    def path(self) -> Path:
        """Where the artefact is, or will be."""
        return cache_root() / self.name / self.key

    @property
    def ready(self) -> bool:
        """Whether the artefact is in the cache."""
        return self.path.is_dir()

    def get(self) -> Path:
        """The artefact's folder, built first if it is not in the cache. One process builds, others wait."""
        if self.ready:
            return self.path
        work = scratch() / f"{self.name}-{self.key}"
        with locked(f"{work.name}.lock"):
            if self.ready:
                return self.path
            require_disk(work.parent, self.needs_gib, f"building {self.name}")
            # a killed run may have left it; nobody else uses it while this process holds the lock
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            try:
                self.build(work)
                self.path.parent.mkdir(parents=True, exist_ok=True)
                work.rename(self.path)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return self.path


@contextmanager
def locked(name: str, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock ``name`` of this cache, shared by all processes. kind: as for ``fcntl.flock``."""
    with (scratch() / name).open("w") as file:
        fcntl.flock(file, kind)
        yield
