"""The real `pulumi up` of a resource that does not become ready: the end of it has the operator's reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.sandbox import REPO, Sandbox
from tests.support.stub_flink import stub_flink

pytestmark = pytest.mark.engine

PROGRAM = """
import sys
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

sys.path += [{infra!r}, {components!r}]
import waiting

pulumi.runtime.register_stack_transformation(waiting.Reasons(None).add)
CustomResource(
    "stream",
    api_version="flink.apache.org/v1beta1",
    kind="FlinkDeployment",
    metadata={{
        "name": "stream",
        "namespace": "kafkalogs",
        "annotations": {{"pulumi.com/waitFor": "jsonpath={{.status.lifecycleState}}=STABLE"}},
    }},
    spec={{"mode": "standalone"}},
    opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="4s")),
)
"""


def test_the_reason_is_in_the_resource_and_shown(tmp_path: Path) -> None:
    box = Sandbox(tmp_path / "state", "kafkalogs-none", 32490)
    box.load_env()
    folder = tmp_path / "program"
    folder.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": str(REPO / ".venv")}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "waiting", "runtime": runtime}))
    text = PROGRAM.format(infra=str(REPO / "infra"), components=str(REPO / "components"))
    (folder / "__main__.py").write_text(text)
    refused = json.dumps({"type": "ReconciliationException", "message": "Overlapping key prefixes detected"})
    pulumi = ("pulumi", "-C", str(folder))
    box.run(*pulumi, "stack", "init", "dev", "--non-interactive")
    with stub_flink({"lifecycleState": "UPGRADING", "error": refused}) as kubeconfig:
        (tmp_path / "kubeconfig").write_text(kubeconfig)
        box.env["KUBECONFIG"] = str(tmp_path / "kubeconfig")
        words = ("up", "-s", "dev", "--yes", "--skip-preview", "--non-interactive", "--color", "never")
        done = box.run(*pulumi, *words, timeout=120, check=False)
    assert done.code != 0
    said = " ".join(done.text.split())
    assert "FlinkDeployment kafkalogs/stream: UPGRADING: Overlapping key prefixes detected" in said
    assert "timed out waiting for the condition" in said  # Pulumi's own words stay
    assert "Traceback" not in said
