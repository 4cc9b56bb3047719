"""The platform that the campaign breaks, and the record of what each fault did."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.chaos.results import Results
from tests.support.platform import catalog, describe_failure, platform, reader

__all__ = ["catalog", "platform", "reader", "results"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/chaos/" in str(item.path):
            item.add_marker(pytest.mark.chaos)


@pytest.fixture(scope="session")
def results() -> Iterator[Results]:
    """What the campaign has seen; a campaign of all faults is written to docs/faults.md."""
    seen = Results()
    yield seen
    seen.write()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With each failure goes what the platform looked like then."""
    report = yield
    describe_failure(item, report)
    return report
