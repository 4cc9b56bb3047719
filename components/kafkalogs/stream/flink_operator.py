"""`FlinkOperator`: what turns a FlinkDeployment into a running Flink where images can be pulled, by its official chart.

Where they cannot, the embedded operator does (`StrimziOperator`).
"""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_kubernetes.yaml.v2 import ConfigFile

from ..kube.crds import StrimziCrdsArgs, options_of_each
from ..kube.pods import resources
from ..kube.resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, after, known, manifest_of, typed

FLINK_OPERATOR_VERSION: Final = "1.16.0"
"""The first that runs Flink 2.3."""

CHART: Final = "flink-kubernetes-operator"
# The mirrors keep the newest release only; here are all of them.
REPOSITORY: Final = f"https://archive.apache.org/dist/flink/flink-kubernetes-operator-{FLINK_OPERATOR_VERSION}/"
_SOURCES: Final = f"https://raw.githubusercontent.com/apache/flink-kubernetes-operator/release-{FLINK_OPERATOR_VERSION}"
_KINDS: Final = ("flinkdeployments", "flinksessionjobs", "flinkstatesnapshots", "flinkbluegreendeployments")

# The user of the operator's image.
_USER: Final = 9999


@dataclass(frozen=True)
class FlinkOperatorArgs:
    """What a `FlinkOperator` is made of. There is one in a namespace."""

    namespace: pulumi.Input[str]
    """The namespace that it runs in and watches."""

    memory: pulumi.Input[str] = "768Mi"
    """Requested and limited for the operator."""

    keep_crds: bool = True
    """Whether its custom resource definitions stay in Kubernetes when the stack is destroyed; without them go all
    Flink jobs."""


def crd_urls() -> list[str]:
    """The custom resource definitions of the release, a file each."""
    folder = f"{_SOURCES}/helm/{CHART}/crds"
    return [f"{folder}/{kind}.flink.apache.org-v1.yml" for kind in _KINDS]


def flink_chart_values(args: FlinkOperatorArgs) -> Manifest:
    """The values of the chart (its values.yaml)."""
    memory = known(args.memory)
    return {
        # Its rights are in this namespace only.
        "watchNamespaces": [known(args.namespace)],
        # Would need cert-manager; what it checks is checked again when the operator reconciles.
        "webhook": {"create": False},
        # `FlinkJob` makes its own, with fewer rights.
        "jobServiceAccount": {"create": False},
        "rbac": {"jobRole": {"create": False}, "jobRoleBinding": {"create": False}},
        "podSecurityContext": {**RESTRICTED_POD, "runAsUser": _USER, "runAsGroup": _USER},
        "operatorSecurityContext": RESTRICTED_CONTAINER,
        "operatorPod": {"resources": resources("50m", memory, "1", memory)},
    }


class FlinkOperator(pulumi.ComponentResource):
    """The Flink Kubernetes operator with its custom resource definitions."""

    version: pulumi.Output[str]
    """The version of the operator, known when it runs."""

    def __init__(self, name: str, args: FlinkOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # Here because loading it takes long, and only clusters that pull need it.
        from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

        args = typed(FlinkOperatorArgs, args)
        super().__init__("kafkalogs:index:FlinkOperator", name, {}, opts)
        # As with Strimzi's, apart from the chart: Helm never upgrades them.
        adapted = [options_of_each(StrimziCrdsArgs(keep=args.keep_crds))]
        crds = [
            ConfigFile(f"{name}-{kind}", file=url, opts=pulumi.ResourceOptions(parent=self, transforms=adapted))
            for kind, url in zip(_KINDS, crd_urls(), strict=True)
        ]
        release = Release(
            name,
            chart=CHART,
            version=FLINK_OPERATOR_VERSION,
            repository_opts=RepositoryOptsArgs(repo=REPOSITORY),
            name=CHART,
            namespace=args.namespace,
            skip_crds=True,
            values=manifest_of(flink_chart_values, args),
            opts=after(self, crds, minutes=10, delete="5m"),
        )
        self.version = release.id.apply(lambda _: FLINK_OPERATOR_VERSION)
        self.register_outputs({"version": self.version})
