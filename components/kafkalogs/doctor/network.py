"""Whether the cluster enforces network policies: Kubernetes stores policies, and only a network plugin enforces them.

The check knows the DaemonSets of the usual plugins in the namespaces of plugins. It measures no traffic: the
doctor's connections are port-forwards, to which no policy applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..config.types import Environment
from .findings import Checked, Finding

FAMILY: Final = "network"

SPACE: Final = "kube-system"
"""The namespace in which network plugins run."""

CALICO_SPACE: Final = "calico-system"
"""The namespace of Calico if its own operator installed it; most clusters have no such namespace."""

ENFORCING: Final[Mapping[str, str]] = {
    "anetd": "Dataplane V2",
    "antrea-agent": "Antrea",
    "azure-npm": "Azure NPM",
    "calico-node": "Calico",
    "canal": "Canal",
    "cilium": "Cilium",
    "kindnet": "kindnet",
    "kube-network-policies": "kube-network-policies",
    "kube-router": "kube-router",
    "ovnkube-node": "OVN-Kubernetes",
    "weave-net": "Weave Net",
}
"""The DaemonSets of plugins that enforce policies as installed, each with the plugin's name."""

AWS: Final = "aws-node"
AWS_SWITCH: Final = "--enable-network-policy=true"
"""Amazon's VPC CNI enforces policies only with this argument of its agent
(https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html)."""

_REMEDY: Final = (
    "install a network plugin that enforces NetworkPolicies, or switch it on (for Amazon's VPC CNI: "
    "enableNetworkPolicy); until then each pod of the cluster can connect to each port"
)


@dataclass(frozen=True)
class Plugin:
    """A DaemonSet that may be a network plugin."""

    name: str
    arguments: Sequence[str] = field(default=())
    """The commands and arguments of all its containers."""


def enforcing(plugins: Iterable[Plugin]) -> list[str]:
    """The plugins among these that enforce network policies."""
    found: list[str] = []
    for plugin in plugins:
        if plugin.name in ENFORCING:
            found.append(ENFORCING[plugin.name])
        elif plugin.name == AWS and AWS_SWITCH in plugin.arguments:
            found.append("Amazon VPC CNI")
    return found


def check_network(environment: Environment, plugins: Sequence[Plugin] | str) -> Checked:
    """A finding if nothing is known to enforce the policies. plugins: or why they cannot be listed."""
    if environment == "local":
        return Checked(FAMILY, 0, skipped="environment local does not depend on network policies")
    if isinstance(plugins, str):
        return Checked(FAMILY, 0, skipped=f"nothing says whether network policies are enforced: {plugins}")
    if enforcing(plugins):
        return Checked(FAMILY, 1)
    names = ", ".join(sorted(plugin.name for plugin in plugins)) or "none"
    seen = f"no plugin that is known to enforce them; DaemonSets of {SPACE} and {CALICO_SPACE}: {names}"
    return Checked(
        FAMILY,
        1,
        [Finding("policies-unenforced", "the network policies", "a network plugin enforces them", seen, _REMEDY)],
    )
