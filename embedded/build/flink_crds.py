"""The definition of FlinkDeployment, from the published model of the Flink Kubernetes operator's API.

The newest published model is older than Flink 2: its list of Flink versions ends with v1_20. Newer operators add the
later versions and change nothing in the fields that the platform uses. So the later versions are added here; nothing
else differs from the published definition.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import yaml

from embedded.build.cache import Artefact, tree_digest
from embedded.build.maven import jars
from embedded.build.pins import pins
from embedded.build.progress import say

FILE = "flink-crds.yaml"
LATER_VERSIONS = ("v2_0", "v2_1", "v2_2", "v2_3")
_INSIDE = "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"


def flink_crds() -> Path:
    """The file with the definition of FlinkDeployment."""
    return _artefact().get() / FILE


def _artefact() -> Artefact:
    inputs = {"jars": jars("flink-operator").key, "recipe": tree_digest(Path(__file__))}
    return Artefact("flink-crds", inputs, _build, needs_gib=0.1)


def _build(out: Path) -> None:
    say(f"the Flink operator {pins()['flink']['operator']}'s custom resource definition")
    (jar,) = jars("flink-operator").get().glob("*.jar")
    with zipfile.ZipFile(jar) as archive:
        definition = yaml.safe_load(archive.read(_INSIDE))
    (out / FILE).write_text("---\n" + yaml.safe_dump(with_later_versions(definition), sort_keys=False))


def with_later_versions(definition: dict[str, Any]) -> dict[str, Any]:
    """Add the versions since Flink 2.0 to ``definition``, and return it."""
    (version,) = definition["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    known: list[str] = spec["flinkVersion"]["enum"]
    known += [name for name in LATER_VERSIONS if name not in known]
    return definition
