"""What the tests of a Deployment with one container share."""

from __future__ import annotations

from typing import Any


def container(made: dict[str, Any]) -> dict[str, Any]:
    (only,) = made["spec"]["template"]["spec"]["containers"]
    return only


def env(made: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(made)["env"] if "value" in entry}


def assert_restricted(made: dict[str, Any]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    pod, only = made["spec"]["template"]["spec"], container(made)
    assert pod["automountServiceAccountToken"] is False
    context = only["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["runAsNonRoot"] is pod["securityContext"]["runAsNonRoot"] is True
    assert context["readOnlyRootFilesystem"] is True
    assert only["imagePullPolicy"] == "IfNotPresent"
    assert only["resources"].keys() == {"requests", "limits"}
    assert only["livenessProbe"]
    assert only["readinessProbe"]
    for volume in pod["volumes"]:
        assert volume["secret"]["defaultMode"] == 0o440
        assert volume["secret"]["items"], "only what is read"
    assert all(mount["readOnly"] for mount in only["volumeMounts"])
