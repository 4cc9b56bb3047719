"""What Flink may do in Kubernetes: it keeps its leader and its last checkpoint in ConfigMaps, and nothing else.

A Role cannot limit `create` to names, and the name of a job's ConfigMap contains an id that the operator chooses. So
the Role allows ConfigMaps, and an admission policy allows writes to Flink's own names only. Without the policy, whoever
controls the job could change the start scripts of brokers and workers: these are in ConfigMaps of the same namespace.
"""

from typing import Final

from ..kube.resources import Manifest, known
from .args import FlinkJobArgs
from .record import STREAM

OWN_NAMES: Final = f"^{STREAM}-(cluster|[0-9a-f]{{32}})-config-map$"
"""The ConfigMaps of Flink's high availability (KubernetesLeaderElectionHaServices): the leaders', and each job's. The
script, the configuration and the catalog of the job have other names. A regular expression of RE2."""

LEADERS: Final = f"{STREAM}-cluster-config-map"
"""The one of them with the leaders."""


def role_rules() -> list[Manifest]:
    """The rights of Flink's service account."""
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
    return [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]


def guard_name(args: FlinkJobArgs) -> str:
    """The name of the admission policy and of its binding, which are in no namespace."""
    return f"{known(args.namespace)}-{STREAM}-configmaps"


def guard_manifest(args: FlinkJobArgs) -> Manifest:
    """The ValidatingAdmissionPolicy: of all ConfigMaps, Flink writes its own only."""
    namespace = known(args.namespace)
    return {
        "metadata": {"name": guard_name(args)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["*"],
                        "resources": ["configmaps"],
                        "operations": ["CREATE", "UPDATE", "DELETE"],
                    }
                ],
            },
            "matchConditions": [
                {
                    "name": "by-flink",
                    "expression": f"request.userInfo.username == 'system:serviceaccount:{namespace}:{STREAM}'",
                }
            ],
            "validations": [
                {
                    "expression": "(request.operation == 'DELETE' ? oldObject : object)"
                    f".metadata.name.matches('{OWN_NAMES}')",
                    "message": "Flink writes only the ConfigMaps of its own high availability",
                    "reason": "Forbidden",
                }
            ],
        },
    }


def guard_binding_manifest(args: FlinkJobArgs) -> Manifest:
    """What puts the admission policy into force."""
    name = guard_name(args)
    return {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
