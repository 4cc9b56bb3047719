"""How long Pulumi waits for the end of what is deleted, see `kafkalogs.resources.LONGEST_DELETION`.

Most resources leave it at Pulumi's ten minutes, which one missed event costs.
"""

from typing import Final

import pulumi
from kafkalogs.kube.resources import LONGEST_DELETION

QUICK: Final = frozenset(
    f"kubernetes:{kind}"
    for kind in (
        *("core/v1:ConfigMap", "core/v1:Secret", "core/v1:Service", "core/v1:ServiceAccount"),
        *("rbac.authorization.k8s.io/v1:" + kind for kind in ("Role", "RoleBinding", "ClusterRole")),
        *("rbac.authorization.k8s.io/v1:ClusterRoleBinding", "networking.k8s.io/v1:NetworkPolicy"),
        *("policy/v1:PodDisruptionBudget", "batch/v1:CronJob", "storage.k8s.io/v1:StorageClass"),
        *("kafka.strimzi.io/v1:KafkaTopic", "kafka.strimzi.io/v1:KafkaUser", "kafka.strimzi.io/v1:KafkaConnector"),
    )
)
"""What nothing else has to end for: no pods, no disks."""


def limit(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A transformation of the stack: what goes quickly has little time for it."""
    if args.type_ not in QUICK or args.opts.custom_timeouts:
        return None
    timeouts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete=LONGEST_DELETION))
    return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, timeouts))
