"""The platform that all integration tests share."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.platform import catalog, describe_failure, platform, reader

__all__ = ["catalog", "platform", "reader"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/integration/" in str(item.path):
            item.add_marker(pytest.mark.integration)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With each failure goes what the platform looked like then."""
    report = yield
    describe_failure(item, report)
    return report
