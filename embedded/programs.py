"""The programs for a person's shell and for Pulumi: kind and kubectl, used if installed, else built."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from embedded.cache import cache_root
from embedded.go_builds import go_artefact
from embedded.progress import run, say

# the first that knows Kubernetes 1.34 (https://github.com/kubernetes-sigs/kind/releases)
OLDEST_KIND = (0, 30)


def installed(name: str) -> Path | None:
    """The program on PATH, unless it is one of our own cache."""
    found = shutil.which(name)
    if found is None or Path(found).resolve().is_relative_to(cache_root().resolve()):
        return None
    return Path(found).resolve()


def kind() -> Path:
    """The kind on PATH if it is new enough, else one built from its Go module (seconds)."""
    found = installed("kind")
    if found:
        version = re.search(r"v(\d+)\.(\d+)\.", run([found, "version"]))
        if version and (int(version[1]), int(version[2])) >= OLDEST_KIND:
            say(f"using the installed {found}")
            return found
    return go_artefact("kind").get() / "kind"
