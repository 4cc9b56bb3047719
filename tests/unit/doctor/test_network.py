"""Which clusters enforce network policies, as far as the doctor can see."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.doctor import examine, kubernetes
from kafkalogs.doctor.network import AWS_SWITCH, Plugin, check_network

OTHERS = [Plugin("kube-proxy"), Plugin("ebs-csi-node")]


@pytest.mark.parametrize(
    ("plugins", "enforced"),
    [
        ([], False),
        ([Plugin("kube-flannel-ds")], False),
        ([Plugin("calico-node")], True),
        ([Plugin("cilium")], True),
        ([Plugin("kindnet")], True),
        ([Plugin("aws-node")], False),
        ([Plugin("aws-node", ["--enable-network-policy=false"])], False),
        ([Plugin("aws-node", ["--enable-ipv6=false", AWS_SWITCH])], True),
        ([Plugin("other", [AWS_SWITCH])], False),
    ],
)
def test_plugins_that_enforce(plugins: list[Plugin], enforced: bool) -> None:
    found = check_network("prod", [*OTHERS, *plugins])
    assert (not found.findings, found.count) == (enforced, 1)
    for finding in found.findings:
        assert "kube-proxy" in finding.seen
        assert "enableNetworkPolicy" in finding.remedy


def test_what_cannot_be_seen_is_no_finding() -> None:
    found = check_network("prod", "Kubernetes does not show the DaemonSets")
    assert not found.findings
    assert "does not show the DaemonSets" in str(found.skipped)


def test_local_does_not_depend_on_policies() -> None:
    found = check_network("local", OTHERS)
    assert not found.findings
    assert found.skipped


def _reader(call: Any) -> kubernetes.KubernetesReader:
    one = kubernetes.KubernetesReader.__new__(kubernetes.KubernetesReader)
    one._apps = SimpleNamespace(list_namespaced_daemon_set=lambda space: space)
    one._access = SimpleNamespace(call=call)
    return one


def test_daemon_sets_are_read_with_the_arguments_of_all_containers() -> None:
    def container(command: list[str] | None, args: list[str] | None) -> Any:
        return SimpleNamespace(command=command, args=args)

    def call(listing: Any, what: str, remedy: str, space: str) -> Any:
        made = SimpleNamespace(
            metadata=SimpleNamespace(name=f"aws-node-{space}"),
            spec=SimpleNamespace(
                template=SimpleNamespace(
                    spec=SimpleNamespace(containers=[container(None, ["a"]), container(["b"], [AWS_SWITCH])])
                )
            ),
        )
        return SimpleNamespace(items=[made])

    assert _reader(call).plugins() == [
        Plugin("aws-node-kube-system", ["a", "b", AWS_SWITCH]),
        Plugin("aws-node-calico-system", ["a", "b", AWS_SWITCH]),
    ]


def test_a_namespace_of_calico_that_cannot_be_seen_is_left_out() -> None:
    def call(listing: Any, what: str, remedy: str, space: str) -> Any:
        if space == "calico-system":
            raise AccessError("no right")
        return SimpleNamespace(items=[])

    assert _reader(call).plugins() == []


def test_a_missing_right_is_told() -> None:
    def call(*_: Any) -> Any:
        raise AccessError("Kubernetes does not show the DaemonSets of namespace kube-system")

    assert examine._plugins(_reader(call)) == "Kubernetes does not show the DaemonSets of namespace kube-system"
