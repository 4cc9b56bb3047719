"""A cache of built artefacts, keyed by what goes into them.

An artefact is a folder ``<root>/<name>/<key>``; the key is a digest of the inputs (versions, checksums, recipe). It
is built in a temporary folder on the same file system and renamed when complete, so that an interrupted build, a full
disk or a corrupt download never leaves one half made.
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
    """Something that a person has to change; its text says what and how. Shown without a traceback."""


def cache_root() -> Path:
    """The folder of all artefacts: ``KAFKALOGS_CACHE``, else ``~/.cache/kafkalogs``."""
    configured = os.environ.get("KAFKALOGS_CACHE")
    return Path(configured).expanduser().resolve() if configured else Path.home() / ".cache" / "kafkalogs"


def digest(inputs: Mapping[str, Any]) -> str:
    """A short stable digest of ``inputs`` (anything JSON can hold); 16 hexadecimal digits."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tree_digest(*paths: Path) -> str:
    """A digest of the names and contents of files and of all files below folders, byte code left out."""
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
    """What is built, from what, and how.

    name: folder name in the cache; also what the progress display shows.
    inputs: everything that decides the content (versions, checksums, ``tree_digest`` of recipe files).
    build: called with an empty folder to fill; raises to abandon it.
    needs_gib: free disk that the build needs at its peak, in GiB.
    """

    name: str
    inputs: Mapping[str, Any]
    build: Callable[[Path], None]
    needs_gib: float = 0.5

    @property
    def key(self) -> str:
        return digest({"name": self.name, **self.inputs})

    @property
    def path(self) -> Path:
        return cache_root() / self.name / self.key

    @property
    def ready(self) -> bool:
        return self.path.is_dir()

    def get(self) -> Path:
        """The artefact's folder, built first if it is not in the cache. One process builds, others wait."""
        if self.ready:
            return self.path
        root = cache_root()
        (root / "tmp").mkdir(parents=True, exist_ok=True)
        with _lock(root / "tmp" / f"{self.name}-{self.key}.lock"):
            if self.ready:
                return self.path
            require_disk(root, self.needs_gib, f"building {self.name}")
            work = root / "tmp" / f"{self.name}-{self.key}"
            # left by a run that was killed; nobody else works on it while we hold the lock
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
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
