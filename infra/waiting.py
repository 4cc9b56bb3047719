"""Why a resource that Pulumi has waited for in vain is not ready, in the words of its operator.

Pulumi says only "timed out waiting for the condition". The reason is in the resource's status.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import pulumi
from kafkalogs.client.cluster_access import AccessError, ClusterAccess, find_kubeconfig
from kafkalogs.kube.status import why_not_ready
from pulumi.resource_hooks import ErrorHook, ErrorHookArgs, ResourceHookBinding

_STRIMZI: Final = ("Kafka", "KafkaTopic", "KafkaUser", "KafkaConnect", "KafkaConnector")
WAITED_FOR: Final = frozenset(
    {"kubernetes:flink.apache.org/v1beta1:FlinkDeployment"}
    | {f"kubernetes:kafka.strimzi.io/v1:{kind}" for kind in _STRIMZI}
)
"""The types of resources that have a status with a reason."""


class Reasons:
    """Tells the reason of each wait that fails. kubeconfig: None for the one that kubectl uses."""

    def __init__(self, kubeconfig: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._hook: ErrorHook | None = None

    def add(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        """A transformation of the stack: ask a resource of the types in WAITED_FOR for the reason when it fails."""
        if args.type_ not in WAITED_FOR:
            return None
        self._hook = self._hook or ErrorHook("why-not-ready", self.tell)
        hooks = pulumi.ResourceOptions(hooks=ResourceHookBinding(on_error=[self._hook]))
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, hooks))

    def tell(self, args: ErrorHookArgs) -> bool:
        """Show the reason. Pulumi does not try again: a second creation would belong to another field manager."""
        inputs = args.new_inputs or {}
        about = cast("Mapping[str, Any]", inputs.get("metadata") or {})
        _, group, kind = args.type.split(":")
        name, namespace = str(about.get("name")), str(about.get("namespace"))
        what = f"{kind} {namespace}/{name}"
        try:
            found = self._read(group, f"{kind.lower()}s", namespace, name)
            reason = why_not_ready({**found, "kind": kind}) or "ready by now; run `pulumi up` again"
        except AccessError as error:
            reason = str(error)
        pulumi.log.error(f"{what}: {reason}")
        return False

    def _read(self, group: str, plural: str, namespace: str, name: str) -> dict[str, Any]:
        from kubernetes import client

        access = ClusterAccess(Path(self._kubeconfig) if self._kubeconfig else find_kubeconfig(None), namespace)
        custom: Any = client.CustomObjectsApi(access.core.api_client)
        api, _, version = group.partition("/")
        get = custom.get_namespaced_custom_object
        remedy = "run `pulumi up` again"
        found: dict[str, Any] = access.call(
            get, f"{plural} {namespace}/{name}", remedy, api, version, namespace, plural, name
        )
        return found
