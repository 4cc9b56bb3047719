"""Checks that the specifications of all kinds have in common. Pure.

A specification may ask for something that the embedded operator cannot do. This is an error if the result would differ
from the specification, and a warning if only an addition is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from embedded_operator.common.names import Obj, dig

UNSUPPORTED = "UnsupportedByEmbeddedOperator"
"""Reason of a warning about a field that has no effect."""


class InvalidSpecError(Exception):
    """A specification that cannot be carried out; `reason` is a condition's."""

    def __init__(self, reason: str, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.reason = reason


@dataclass(frozen=True)
class Program:
    """Version and image of a Kafka program, and the problems in the part of a resource that describes the program."""

    version: str
    image: str
    problems: list[str]
    warnings: list[Obj]


def program(
    resource: Obj, at: str, images: Mapping[str, str], unsupported: Mapping[str, str], refused: Mapping[str, str]
) -> Program:
    """Check the part of a resource at the path `at`, which names version, image, logging and metrics.

    `images` maps Kafka versions to image references. `unsupported` maps paths to what is missing, `refused` maps paths
    to a remedy.
    """
    part = dig(resource, *at.split("."))
    warnings = [
        {"reason": UNSUPPORTED, "message": f"{path} is ignored by the embedded operator: {missing}"}
        for path, missing in unsupported.items()
        if dig(resource, *path.split(".")) is not None
    ]
    problems = [
        f"{path} is not supported by the embedded operator: {remedy}"
        for path, remedy in refused.items()
        if dig(resource, *path.split(".")) not in (None, [])
    ]
    kind = dig(part, "metricsConfig", "type")
    if kind not in (None, "jmxPrometheusExporter"):
        message = f"{at}.metricsConfig.type: {kind} is ignored by the embedded operator: use jmxPrometheusExporter"
        warnings.append({"reason": UNSUPPORTED, "message": message})
    version = str(part.get("version") or max(images, default=""))
    if version not in images and not part.get("image"):
        problems.append(f"{at}.version: {version} is not supported; supported versions: {sorted(images)}")
    if dig(part, "logging", "type") == "external":
        problems.append(f"{at}.logging.type: external is not supported by the embedded operator: use inline")
    return Program(version, part.get("image") or images.get(version, ""), problems, warnings)
