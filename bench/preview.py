"""The time of `pulumi preview`: of `local`, and of 1,000 services beside the same number of plain custom resources."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from kafkalogs.parts import IMAGES

from tests.support.sandbox import REPO, Sandbox

SERVICES = 1_000
RUNS = 3

# For comparison: the same custom resources without components, catalog or checks.
PLAIN_PROGRAM = """
import json
from pathlib import Path

from pulumi_kubernetes.apiextensions import CustomResource

for manifest in json.loads(Path(__file__).with_name("manifests.json").read_text()):
    CustomResource(
        manifest["metadata"]["name"] + "-" + manifest["kind"].lower(),
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=manifest["metadata"],
        spec=manifest["spec"],
    )
"""


def local_seconds(sandbox: Sandbox) -> float:
    """The median time of a preview of the running `local`, in seconds."""
    return statistics.median(sandbox.pulumi("preview").seconds for _ in range(RUNS))


def _thousand_services(config: dict[str, Any]) -> None:
    config["shop"]["enabled"] = False
    config["services"] = {
        f"service-{number:04}": {"team": "bench", "rate": "1KiB/s", "retention": "1h"} for number in range(SERVICES)
    }
    config["teams"] = {}
    # The program for comparison has only Kafka's resources.
    for key in ("topics", *IMAGES):
        config.pop(key, None)


def thousand_services(sandbox: Sandbox) -> tuple[float, float, int]:
    """Seconds of a preview of 1,000 services, of the same number of plain custom resources, and that number.

    Both are previewed as new stacks against the sandbox's cluster.
    """
    sandbox.pulumi("stack", "init", "thousand")
    # Pulumi writes a file with the new stack's salt beside the files of the real stacks.
    (REPO / "stacks" / "Pulumi.thousand.yaml").unlink(missing_ok=True)
    state = sandbox.state / "thousand"
    state.mkdir(exist_ok=True)
    with sandbox.edited(_thousand_services):
        platform = sandbox.run(
            "pulumi", "preview", "-s", "thousand", "--config-file", str(sandbox.stack_file), "--json", timeout=900
        )
    plan = json.loads(platform.out[platform.out.index("{") :])
    custom = [
        step["newState"]["inputs"]
        for step in plan["steps"]
        if step["newState"]["type"].startswith("kubernetes:kafka.strimzi.io")
    ]
    assert len(custom) >= 2 * SERVICES, len(custom)
    write_plain_project(state, custom)
    sandbox.run("pulumi", "stack", "init", "plain", "-C", str(state))
    plain = sandbox.run("pulumi", "preview", "-s", "plain", "-C", str(state), "--json", timeout=900)
    created = json.loads(plain.out[plain.out.index("{") :])["changeSummary"]["create"]
    assert created >= len(custom), created
    return platform.seconds, plain.seconds, len(custom)


def write_plain_project(folder: Path, manifests: list[dict[str, Any]]) -> None:
    """Write a Pulumi program that only declares the manifests."""
    (folder / "Pulumi.yaml").write_text(
        f"name: plain\nruntime:\n  name: python\n  options:\n    virtualenv: {REPO / '.venv'}\n"
    )
    (folder / "manifests.json").write_text(json.dumps(manifests))
    (folder / "__main__.py").write_text(PLAIN_PROGRAM)
