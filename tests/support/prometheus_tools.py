"""Prometheus' own checkers: those on PATH, else those in the layer of the monitoring image."""

from __future__ import annotations

import shutil
from pathlib import Path

from embedded.build.archives import unpack
from embedded.build.cache import Artefact
from embedded.build.images.servers import monitoring_layer


def promtool() -> Path:
    """Prometheus' checker of rules and configurations."""
    return _tool("promtool")


def amtool() -> Path:
    """Alertmanager's checker of configurations."""
    return _tool("amtool")


def prometheus() -> Path:
    """Prometheus itself."""
    return _tool("prometheus")


def _tool(name: str) -> Path:
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    layer = monitoring_layer()

    def build(out: Path) -> None:
        archive = layer.get() / "layer.tar"
        unpack(archive, out, lambda path: name if path.removeprefix("./") == f"usr/bin/{name}" else None)
        assert (out / name).exists(), f"Debian's package of {name} has no /usr/bin/{name}; look where it is now"

    return Artefact(name, {"layer": layer.key, "recipe": 1}, build, needs_gib=0.3).get() / name
