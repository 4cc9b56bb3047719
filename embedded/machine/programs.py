"""Programs of the machine: those on PATH, and kind, which is built if the installed one is missing or too old."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from embedded.build.cache import cache_root
from embedded.build.go import go_artefact
from embedded.build.progress import run, say

# the first version that knows Kubernetes 1.34 (https://github.com/kubernetes-sigs/kind/releases)
OLDEST_KIND = (0, 30)


def installed(name: str) -> Path | None:
    """The program on PATH, unless it comes from our cache."""
    found = shutil.which(name)
    path = Path(found).resolve() if found else None
    return None if path is None or path.is_relative_to(cache_root().resolve()) else path


def is_new_enough(program: Path, oldest: tuple[int, int]) -> bool:
    """Whether ``program version`` prints a version of at least ``oldest``: major and minor."""
    found = re.search(r"\bv?(\d+)\.(\d+)\.", run([program, "version"]))
    return found is not None and (int(found[1]), int(found[2])) >= oldest


def kind() -> Path:
    """The kind on PATH if it is new enough, else one built from its Go module (takes seconds)."""
    found = installed("kind")
    if found and is_new_enough(found, OLDEST_KIND):
        say(f"using the installed {found}")
        return found
    return go_artefact("kind").get() / "kind"
