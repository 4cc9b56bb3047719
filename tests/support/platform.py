"""One platform for all tests of a session, on a kind cluster of its own that is removed whatever happens."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.settings import Catalog

from tests.support import pipeline
from tests.support.diagnosis import diagnosis
from tests.support.sandbox import Sandbox

# While tests are written: KAFKALOGS_TEST_KEEP=.kafkalogs runs them on the platform that `make up` made, and leaves it.
KEPT = os.environ.get("KAFKALOGS_TEST_KEEP")
# Beside `local` (32090-32093), in Kubernetes' NodePort range.
PORT = int(os.environ.get("KAFKALOGS_PORT", "32090")) if KEPT else 32190
PROBE = {"team": "quality", "tier": 1, "rate": "256KiB/s", "partitionBy": "trace_id", "retention": "1h"}
QUOTA_SERVICE = {"team": "quality", "rate": "256KiB/s", "partitionBy": "instance_id", "retention": "30m"}


def _for_tests(platform: dict[str, Any]) -> None:
    """Ports beside those of `local`, and services of the tests' own: for quotas, for what the pipeline must find."""
    platform["kafka"]["external"]["port"] = PORT
    platform["services"]["quota-probe"] = dict(QUOTA_SERVICE)
    platform["services"]["pipeline-probe"] = dict(PROBE)


@pytest.fixture(scope="session")
def platform() -> Iterator[Sandbox]:
    """The platform, up by the command of the README; what that printed is in the folder's up.txt."""
    state = Path(KEPT).resolve() if KEPT else Path(tempfile.mkdtemp(prefix="kafkalogs-test-"))
    # Names of containers allow no underscore at this place.
    sandbox = Sandbox(state, state.name.lower().strip(".").replace("_", "x"), PORT)
    report = state / "up.txt"
    try:
        if not report.exists():
            sandbox.edit(_for_tests)
            report.write_text(sandbox.embedded("up").text)
        sandbox.load_env()
        yield sandbox
    finally:
        if not KEPT:
            sandbox.embedded("down", "--force", check=False)
            shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def catalog(platform: Sandbox) -> Catalog:
    """What the platform says of itself."""
    return ClusterAccess(platform.state / "kubeconfig", "kafkalogs").catalog()


@pytest.fixture(scope="module")
def reader(platform: Sandbox) -> Iterator[str]:
    """A user that may read everything, for what no team reads."""
    with pipeline.inspector(platform) as user:
        yield user


def describe_failure(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add to a failed test's report what the platform looked like then."""
    sandbox = getattr(item, "funcargs", {}).get("platform")
    if report.failed and isinstance(sandbox, Sandbox):
        report.sections.append(("the platform then", diagnosis(sandbox)))
