"""The definition of FlinkDeployment, from the published model of the Flink Kubernetes operator's API.

The newest version of that model that is published is older than Flink 2: its list of Flink's versions ends with v1_20.
Newer operators add the later ones and change nothing about the fields that are used here, so they are added here too;
that is all in which this definition differs from the published one.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import yaml

from embedded.cache import Artefact, tree_digest
from embedded.maven import jars
from embedded.pins import pins
from embedded.progress import say

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
    """`definition`, which is changed, with Flink's versions since 2.0."""
    (version,) = definition["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    known: list[str] = spec["flinkVersion"]["enum"]
    known += [name for name in LATER_VERSIONS if name not in known]
    for column in version.get("additionalPrinterColumns", ()):
        # Kubernetes does not store the default, which would be a change in every preview.
        if column.get("priority") == 0:
            del column["priority"]
    return definition
