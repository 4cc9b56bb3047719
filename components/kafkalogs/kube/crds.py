"""`StrimziCrds`: Strimzi's custom resource definitions, without its chart.

Helm does not upgrade CRDs. If they are templates of the chart, Helm can delete them, and all clusters with them. Here
the CRDs are applied before the operator, upgraded like any resource, and kept on destroy unless `keep` is false.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi
from pulumi_kubernetes.yaml.v2 import ConfigFile

from .resources import Manifest, typed

STRIMZI_VERSION: Final = "1.2.0"

CRDS_URL: Final = (
    "https://github.com/strimzi/strimzi-kafka-operator/releases/download/"
    f"{STRIMZI_VERSION}/strimzi-crds-{STRIMZI_VERSION}.yaml"
)
"""The definitions in Strimzi's release."""

_LONGEST_DELETION: Final = "30s"
"""Like `resources.LONGEST_DELETION`. The definitions are deleted last, without objects of their kinds: this takes 1
s."""


@dataclass(frozen=True)
class StrimziCrdsArgs:
    """What `StrimziCrds` applies."""

    source: str = CRDS_URL
    """The file or URL of the definitions."""

    keep: bool = True
    """Whether they stay in Kubernetes when the stack is destroyed. Deleting them deletes all clusters and topics."""


def as_stored(value: Any) -> Any:
    """`value` as Kubernetes stores it: without empty `properties`, and without `priority: 0` of a printer column. Each
    would be a change in every preview. No field of a schema has this form: there, `priority` is a mapping."""
    if isinstance(value, dict):
        kept = {key: as_stored(item) for key, item in cast("Manifest", value).items()}
        return {key: item for key, item in kept.items() if not _dropped(key, item)}
    return [as_stored(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _dropped(key: str, item: Any) -> bool:
    return (key == "properties" and not item) or (key == "priority" and item == 0)


def options_of_each(args: StrimziCrdsArgs) -> pulumi.ResourceTransform:
    """The options of every definition in the file. The children of a ConfigFile do not inherit them."""

    def transform(child: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        props = cast("Manifest", child.props)
        about: Manifest = {**props.get("metadata", {})}
        # Take over definitions that an earlier stack kept, or that kubectl or the chart applied.
        about["annotations"] = {**about.get("annotations", {}), "pulumi.com/patchForce": "true"}
        timeouts = pulumi.CustomTimeouts(delete=_LONGEST_DELETION)
        own = pulumi.ResourceOptions(retain_on_delete=args.keep or None, custom_timeouts=timeouts)
        opts = pulumi.ResourceOptions.merge(child.opts, own)
        adapted = {**props, "spec": as_stored(props.get("spec")), "metadata": about}
        return pulumi.ResourceTransformResult(adapted, opts)

    return transform


class StrimziCrds(pulumi.ComponentResource):
    """Strimzi's custom resource definitions."""

    source: pulumi.Output[str]
    """The file or URL that was applied."""

    def __init__(self, name: str, args: StrimziCrdsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(StrimziCrdsArgs, args)
        super().__init__("kafkalogs:index:StrimziCrds", name, {}, opts)
        ConfigFile(
            name,
            file=args.source,
            opts=pulumi.ResourceOptions(parent=self, transforms=[options_of_each(args)]),
        )
        self.source = pulumi.Output.from_input(args.source)
        self.register_outputs({"source": self.source})
