"""The images of the platform's parts where images can be pulled: official ones, or our layers on official ones.

Our layers are those of the images that are made from packages, so that a pod is described alike for both. Written from
the projects' documentation on a machine that reaches no image registry, like ``pull``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from embedded.cache import Artefact, cache_root, digest
from embedded.catalog_image import catalog_image
from embedded.connect_image import connect_image
from embedded.engine import Engine
from embedded.filebeat_image import filebeat_image
from embedded.flink_image import HOME as FLINK_HOME
from embedded.flink_image import TARGETS, connector
from embedded.images import shop_image
from embedded.kafka_image import kafka_image
from embedded.maven import Jar, jars
from embedded.monitoring_image import exporter_image
from embedded.oci import Copy, Image, files_layer
from embedded.pager_image import pager_image, pagerduty_image
from embedded.pins import pins
from embedded.progress import say, step
from embedded.registry_image import registry_image, schemas_image
from embedded.s3_image import s3_image
from embedded.search_image import search_image
from embedded.search_setup_image import search_setup_image
from embedded.secrets_image import secrets_image

# where the Java image has its runtime
_JAVA_HOME = "/opt/java/openjdk"


def pulled_images(engine: Engine, *, parts: bool) -> dict[str, str]:
    """The references by the names that machine.json has for them; those below localhost/ the engine has.

    parts: also the images of what reads the logs, not the demo shop's alone.
    """
    base = pins()["pull"]
    python: Mapping[str, Callable[[], Image]] = {
        "secrets": secrets_image,
        "search-setup": search_setup_image,
        "schemas": schemas_image,
        "catalog": catalog_image,
        "pager": pager_image,
        "pagerduty": pagerduty_image,
        "exporter": exporter_image,
    }
    refs = {"shop": _on(engine, base["python"], shop_image())}
    if not parts:
        return refs
    refs |= {name: _on(engine, base["python"], image()) for name, image in python.items()}
    search = search_image()
    refs["registry"] = _on(engine, base["java"], registry_image())
    refs["search"] = _on(engine, base["java"], replace(search, env={**search.env, "ES_JAVA_HOME": _JAVA_HOME}))
    refs["connect"] = _extended(engine, "connect", base["kafka"], connect_image().layers[len(kafka_image().layers) :])
    refs["flink"] = _extended(engine, "flink", base["flink"], [flink_layer()])
    refs["monitoring"] = _build(engine, "localhost/kafkalogs/monitoring", monitoring_containerfile(), [])
    refs["database"] = base["database"]
    refs["s3"] = f"{base['s3']}:v{s3_image().version}"
    refs["shipper"] = f"{base['filebeat']}:{filebeat_image().version}"
    return refs


def flink_layer() -> Artefact:
    """What the official Flink image lacks: the connectors, their compression, and the S3 plugin in its own folder."""
    found = jars("flink")
    names = [Jar.parse(coordinates).file for coordinates in pins()["maven"]["jars"]["flink"]]
    copies = [
        Copy(found, f"{FLINK_HOME}/{folder}/{file}", inside=file)
        for file in names
        for start, folder in TARGETS.items()
        if file.startswith(f"{start}-")
    ]
    return files_layer("flink-jars", [*copies, Copy(connector(), f"{FLINK_HOME}/lib")])


def containerfile(base: str, layers: int, image: Image | None = None) -> str:
    """Layers, ``layer0.tar`` and so on, put on ``base``. image: what runs and how; as in the base when absent."""
    lines = [f"FROM {base}", *(f"ADD layer{number}.tar /" for number in range(layers))]
    if image:
        lines += [f"ENV {name}={json.dumps(value)}" for name, value in image.env.items()]
        lines += [f"WORKDIR {image.workdir}", f"USER {image.user}", f"STOPSIGNAL {image.stop_signal}"]
        lines += [f"ENTRYPOINT {json.dumps(list(image.entrypoint))}", "CMD []"]
    return "\n".join(lines) + "\n"


def monitoring_containerfile() -> str:
    """Prometheus and Alertmanager in one image, their programs where Debian's packages have them."""
    base = pins()["pull"]
    return (
        f"FROM {base['alertmanager']} AS alertmanager\n"
        f"FROM {base['prometheus']} AS prometheus\n"
        f"FROM {base['prometheus']}\n"
        "COPY --from=prometheus /bin/prometheus /usr/bin/prometheus\n"
        "COPY --from=alertmanager /bin/alertmanager /usr/bin/prometheus-alertmanager\n"
    )


def _on(engine: Engine, base: str, image: Image) -> str:
    """An image that is made from packages, with ``base`` in the place of its lowest layer."""
    layers = image.layers[1:]
    return _build(engine, image.name, containerfile(base, len(layers), image), layers)


def _extended(engine: Engine, name: str, base: str, layers: Sequence[Artefact]) -> str:
    """``base`` with more files; it runs what and as it did."""
    return _build(engine, f"localhost/kafkalogs/{name}", containerfile(base, len(layers)), layers)


def _build(engine: Engine, name: str, text: str, layers: Sequence[Artefact]) -> str:
    """Build an image unless the engine has it, and return its reference. It needs no network but for its base."""
    ref = f"{name}:{digest({'containerfile': text, 'layers': [layer.key for layer in layers]})}"
    if engine.has_image(ref):
        return ref
    scratch = cache_root() / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    with step(f"Image {name.rpartition('/')[2]}"), tempfile.TemporaryDirectory(dir=scratch) as folder:
        context = Path(folder)
        (context / "Containerfile").write_text(text)
        for number, layer in enumerate(layers):
            os.link(layer.get() / "layer.tar", context / f"layer{number}.tar")
        say(f"building {ref}")
        engine.run("build", "--tag", ref, "--file", context / "Containerfile", context)
    return ref
