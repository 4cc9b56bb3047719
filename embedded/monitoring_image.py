"""The images of the monitoring: Prometheus and Alertmanager from Debian's packages, and our exporter."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from embedded.cache import Artefact, EmbeddedError
from embedded.debian import debian_layer
from embedded.images import REPOSITORY, python_image
from embedded.oci import Image
from embedded.pins import pins

_PACKAGES = ("prometheus", "prometheus-alertmanager", "ca-certificates")


def _layer() -> Artefact:
    return debian_layer("monitoring", pins()["debian"]["base"], _PACKAGES)


def monitoring_image() -> Image:
    """Prometheus and Alertmanager: a pod names which of the two it runs as its command."""
    return Image("localhost/kafkalogs/monitoring", (_layer(),), entrypoint=["/usr/bin/prometheus"], user="1001")


def exporter_image() -> Image:
    """What tells Prometheus about topics and consumer groups, and stands beside the log shipper."""
    apps = REPOSITORY / "apps"
    return python_image("exporter", apps / "exporter", apps / "requirements.txt", packages="shop")


def promtool() -> Path:
    """Prometheus' own checker of rules: the one on PATH, else the one in the layer of the image."""
    installed = shutil.which("promtool")
    if installed:
        return Path(installed)
    return _from_layer("promtool")


def amtool() -> Path:
    """Alertmanager's own checker of configurations: the one on PATH, else the one in the layer of the image."""
    installed = shutil.which("amtool")
    return Path(installed) if installed else _from_layer("amtool")


def _from_layer(name: str) -> Path:
    layer = _layer()

    def build(out: Path) -> None:
        with tarfile.open(layer.get() / "layer.tar") as archive:
            for member in archive:
                if member.name.removeprefix("./") == f"usr/bin/{name}":
                    member.name = name
                    archive.extract(member, out, filter="data")
                    return
        raise EmbeddedError(f"Debian's package of {name} has no /usr/bin/{name} any more; look where it is now.")

    return Artefact(name, {"layer": layer.key, "recipe": 1}, build, needs_gib=0.3).get() / name
