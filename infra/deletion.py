"""How long Pulumi waits for the end of a deletion, see `kafkalogs.kube.resources.LONGEST_DELETION`.

Pulumi's default is ten minutes. Without a shorter limit, one missed event costs all of them.
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
        *("admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy" + kind for kind in ("", "Binding")),
        *("policy/v1:PodDisruptionBudget", "batch/v1:CronJob", "storage.k8s.io/v1:StorageClass"),
        *("kafka.strimzi.io/v1:KafkaTopic", "kafka.strimzi.io/v1:KafkaUser", "kafka.strimzi.io/v1:KafkaConnector"),
    )
)
"""The types of resources that Kubernetes deletes at once, because no pod or disk must end first."""


def limit(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A transformation of the stack: set a short time limit for the deletion of the types in QUICK."""
    if args.type_ not in QUICK or args.opts.custom_timeouts:
        return None
    timeouts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete=LONGEST_DELETION))
    return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, timeouts))
