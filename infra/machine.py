"""The record of this machine, which `make cluster` writes for stacks with `operator: auto`."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml
from kafkalogs.kube.crds import CRDS_URL
from pulumi_kubernetes import Provider


@dataclass(frozen=True)
class Machine:
    """The target cluster, and the operator that runs Kafka there. Without a record: the ambient kubeconfig, Strimzi."""

    operator: str = "auto"
    """`strimzi` or `embedded`; `auto` without a record."""

    kubeconfig: str | None = None
    """The path of the kubeconfig; None for the ambient one."""

    context: str | None = None
    """The context in the kubeconfig."""

    crds: str = CRDS_URL
    """The file or URL of Strimzi's custom resource definitions."""

    images: Mapping[str, str] = field(default_factory=dict[str, str])
    """The references of the images: those of this machine, or those that `make images REGISTRY=...` pinned."""

    def resolve(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The stack's configuration with the operator of this machine in place of `operator: auto`."""
        operator = self.operator if config.get("operator") == "auto" else config.get("operator")
        return {**config, "operator": operator} if operator else dict(config)

    def options(self) -> pulumi.ResourceOptions:
        """The options of resources: the recorded cluster, else the cluster that kubectl uses."""
        if self.kubeconfig is None:
            return pulumi.ResourceOptions()
        return pulumi.ResourceOptions(providers=[Provider("cluster", kubeconfig=self.kubeconfig, context=self.context)])


def state_folder() -> Path:
    """The state of this checkout: `KAFKALOGS_STATE`, else `.kafkalogs` at its root."""
    configured = os.environ.get("KAFKALOGS_STATE")
    return Path(configured) if configured else Path(__file__).resolve().parents[1] / ".kafkalogs"


def pinned_images() -> dict[str, str]:
    """The images that `make images REGISTRY=...` pinned by digest; none if it has not run."""
    file = Path(__file__).resolve().parents[1] / "stacks" / "images.yaml"
    return cast("dict[str, str]", yaml.safe_load(file.read_text())) if file.exists() else {}


def read(config: Mapping[str, Any]) -> Machine:
    """The record of `make cluster` for `operator: auto`; for other operators only the pinned images."""
    record = state_folder() / "machine.json"
    if config.get("operator") != "auto":
        return Machine(images=pinned_images())
    if not record.exists():
        return Machine()
    try:
        found = cast("dict[str, Any]", json.loads(record.read_text()))
        return Machine(found["operator"], found["kubeconfig"], found["context"], found["crds"], found["images"])
    except (ValueError, KeyError, TypeError) as error:
        raise pulumi.RunError(f"{record} is not what make cluster writes ({error}); run make cluster again") from error
