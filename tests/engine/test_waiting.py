"""The real `pulumi up` of a resource that does not become ready: the end of it has the operator's reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.sandbox import REPO, Result, Sandbox
from tests.support.stub_flink import stub_flink

pytestmark = pytest.mark.engine

PROGRAM = """
import sys
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

sys.path += [{infra!r}, {components!r}]
import waiting

pulumi.runtime.register_stack_transformation(waiting.Reasons(None).add)
waiting.PATIENCE = 6.0
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
    opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="{seconds}s")),
)
"""


def up(folder: Path, status: dict[str, str], seconds: int) -> Result:
    """`pulumi up` of a FlinkDeployment that has this status, and seconds to become STABLE."""
    box = Sandbox(folder / "state", "kafkalogs-none", 32490)
    box.load_env()
    program = folder / "program"
    program.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": str(REPO / ".venv")}}
    (program / "Pulumi.yaml").write_text(json.dumps({"name": "waiting", "runtime": runtime}))
    values = {"infra": str(REPO / "infra"), "components": str(REPO / "components"), "seconds": seconds}
    (program / "__main__.py").write_text(PROGRAM.format(**values))
    pulumi = ("pulumi", "-C", str(program))
    box.run(*pulumi, "stack", "init", "dev", "--non-interactive")
    with stub_flink(status) as kubeconfig:
        (folder / "kubeconfig").write_text(kubeconfig)
        box.env["KUBECONFIG"] = str(folder / "kubeconfig")
        words = ("up", "-s", "dev", "--yes", "--skip-preview", "--non-interactive", "--color", "never")
        return box.run(*pulumi, *words, timeout=200, check=False)


def error(message: str) -> str:
    return json.dumps({"type": "ReconciliationException", "message": message})


def test_the_reason_is_in_the_resource_and_shown(tmp_path: Path) -> None:
    done = up(tmp_path, {"lifecycleState": "UPGRADING", "error": error("Overlapping key prefixes detected")}, 4)
    assert done.code != 0
    said = " ".join(done.text.split())
    assert "FlinkDeployment kafkalogs/stream: UPGRADING: Overlapping key prefixes detected" in said
    assert "timed out waiting for the condition" in said  # Pulumi's own words stay
    assert "Traceback" not in said


def test_a_job_that_has_failed_for_good_is_not_waited_for(tmp_path: Path) -> None:
    done = up(tmp_path, {"lifecycleState": "FAILED", "error": error("no such table")}, 180)
    assert done.code != 0
    assert done.seconds < 100, f"{done.seconds:.0f} s"
    said = " ".join(done.text.split())
    assert "FlinkDeployment kafkalogs/stream has failed for good" in said
    assert "FlinkDeployment kafkalogs/stream: FAILED: no such table" in said
    assert "Traceback" not in said


def test_a_job_that_becomes_stable_is_not_disturbed(tmp_path: Path) -> None:
    done = up(tmp_path, {"lifecycleState": "STABLE"}, 60)
    assert done.code == 0, done.text[-3000:]
    assert "failed" not in done.text
