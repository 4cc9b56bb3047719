"""One platform for all integration tests, on a cluster of its own that is removed whatever happens."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Sandbox

# Beside `local` (32090-32093), in Kubernetes' NodePort range.
PORT = 32190
QUOTA_SERVICE = {"team": "quality", "rate": "1MiB/s", "partitionBy": "instance_id", "retention": "30m"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/integration/" in str(item.path):
            item.add_marker(pytest.mark.integration)


def _only_what_tests_need(platform: dict[str, Any]) -> None:
    """The shop off, so that counts are exact; a service of the tests' own for quotas."""
    platform["kafka"]["external"]["port"] = PORT
    platform["shop"]["enabled"] = False
    platform["services"]["quota-probe"] = dict(QUOTA_SERVICE)


@pytest.fixture(scope="session")
def platform() -> Iterator[Sandbox]:
    """The platform, up; its `up_seconds` are in the sandbox's state for the reports."""
    # A terminated run must clean up as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    state = Path(tempfile.mkdtemp(prefix="kafkalogs-test-"))
    # Names of containers allow no underscore at this place.
    cluster = state.name.lower().replace("_", "x")
    sandbox = Sandbox(state, cluster, PORT)
    sandbox.edit(_only_what_tests_need)
    try:
        sandbox.embedded("cluster")
        sandbox.load_env()
        sandbox.up()
        yield sandbox
    finally:
        sandbox.embedded("down", "--force", check=False)
        shutil.rmtree(state, ignore_errors=True)
