"""The images of a machine that can pull: official ones, or our layers on official ones.

Our layers are the same as in the images that are built from packages, so that the same pod runs both. This module
follows the projects' documentation, since it was written on a machine that reaches no image registry. So far it has
run only with local images in place of the official ones.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from embedded.build.cache import Artefact, digest, scratch
from embedded.build.images import flink
from embedded.build.images.kafka import kafka_image
from embedded.build.images.table import IMAGES, PROGRAMS
from embedded.build.maven import Jar, jars
from embedded.build.oci import OURS, Copy, Image, files_layer
from embedded.build.pins import pins
from embedded.build.progress import say, step
from embedded.machine.engine import Engine

# the folder of the runtime in the official Java image
_JAVA_HOME = "/opt/java/openjdk"


def node_image() -> str:
    """kind's node image, by digest."""
    return pins()["pull"]["node"]


def strimzi_kafka_image() -> str:
    """The image in which Strimzi runs brokers."""
    return pins()["pull"]["kafka"]


def kubectl(engine: Engine) -> Path:
    """kubectl from the node image, so that its version fits the cluster."""

    def build(out: Path) -> None:
        say(f"taking kubectl out of {node_image()}")
        container = engine.run("create", node_image()).strip().splitlines()[-1]
        try:
            engine.run("cp", f"{container}:/usr/bin/kubectl", out / "kubectl")
        finally:
            engine.run("rm", "--force", "--volumes", container)

    return Artefact("pulled-kubectl", {"node": node_image()}, build, needs_gib=0.2).get() / "kubectl"


def pulled_images(engine: Engine, *, parts: bool) -> dict[str, str]:
    """The references by the images' names in machine.json; images below localhost/ are in the engine.

    parts: also the images of the parts that read the logs, not only the demo shop's.
    """
    base = pins()["pull"]
    if not parts:
        return {"shop": _on(engine, base["python"], IMAGES["shop"]())}
    # Strimzi's operator comes with its chart
    refs = {name: _on(engine, base["python"], IMAGES[name]()) for name in PROGRAMS if name != "operator"}
    search, connect = IMAGES["search"](), IMAGES["connect"]()
    refs["registry"] = _on(engine, base["java"], IMAGES["registry"]())
    refs["search"] = _on(engine, base["java"], replace(search, env={**search.env, "ES_JAVA_HOME": _JAVA_HOME}))
    refs["connect"] = _extended(engine, "connect", base["kafka"], connect.layers[len(kafka_image().layers) :])
    refs["flink"] = _extended(engine, "flink", base["flink"], [flink_layer()])
    refs["monitoring"] = _build(engine, f"{OURS}monitoring", monitoring_containerfile(), [])
    refs["database"] = base["database"]
    refs["s3"] = f"{base['s3']}:v{IMAGES['s3']().version}"
    refs["shipper"] = f"{base['filebeat']}:{IMAGES['shipper']().version}"
    return refs


def flink_layer() -> Artefact:
    """The files that the official Flink image lacks: connectors, their compression, and the S3 plugin in its folder."""
    found = jars("flink")
    names = [Jar.parse(coordinates).file for coordinates in pins()["maven"]["jars"]["flink"]]
    copies = [
        Copy(found, f"{flink.HOME}/{folder}/{file}", inside=file)
        for file in names
        for start, folder in flink.TARGETS.items()
        if file.startswith(f"{start}-")
    ]
    return files_layer("flink-jars", [*copies, Copy(flink.connector(), f"{flink.HOME}/lib")])


def containerfile(base: str, layers: int, image: Image | None = None) -> str:
    """A recipe that puts layers, ``layer0.tar`` and so on, on ``base``.

    image: sets the command, the user and so on; without an image they are those of ``base``.
    """
    lines = [f"FROM {base}", *(f"ADD layer{number}.tar /" for number in range(layers))]
    if image:
        lines += [f"ENV {name}={json.dumps(value)}" for name, value in image.env.items()]
        lines += [f"WORKDIR {image.workdir}", f"USER {image.user}", f"STOPSIGNAL {image.stop_signal}"]
        lines += [f"ENTRYPOINT {json.dumps(list(image.entrypoint))}", "CMD []"]
    return "\n".join(lines) + "\n"


def monitoring_containerfile() -> str:
    """A recipe for Prometheus and Alertmanager in one image, their programs at the paths of Debian's packages."""
    base = pins()["pull"]
    return (
        f"FROM {base['alertmanager']} AS alertmanager\n"
        f"FROM {base['prometheus']} AS prometheus\n"
        f"FROM {base['prometheus']}\n"
        "COPY --from=prometheus /bin/prometheus /usr/bin/prometheus\n"
        "COPY --from=alertmanager /bin/alertmanager /usr/bin/prometheus-alertmanager\n"
    )


def _on(engine: Engine, base: str, image: Image) -> str:
    """An image that is built from packages, with ``base`` in place of its lowest layer."""
    layers = image.layers[1:]
    return _build(engine, image.name, containerfile(base, len(layers), image), layers)


def _extended(engine: Engine, name: str, base: str, layers: Sequence[Artefact]) -> str:
    """``base`` with more files and the same command."""
    return _build(engine, OURS + name, containerfile(base, len(layers)), layers)


def _build(engine: Engine, name: str, text: str, layers: Sequence[Artefact]) -> str:
    """Build an image unless the engine has it, and return its reference. Only the base needs the network."""
    ref = f"{name}:{digest({'containerfile': text, 'layers': [layer.key for layer in layers]})}"
    if engine.has_image(ref):
        return ref
    with step(f"Image {name.rpartition('/')[2]}"), tempfile.TemporaryDirectory(dir=scratch()) as folder:
        context = Path(folder)
        (context / "Containerfile").write_text(text)
        for number, layer in enumerate(layers):
            os.link(layer.get() / "layer.tar", context / f"layer{number}.tar")
        say(f"building {ref}")
        engine.run("build", "--tag", ref, "--file", context / "Containerfile", context)
    return ref
