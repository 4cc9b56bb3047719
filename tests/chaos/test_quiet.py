"""A healthy platform is quiet: in an hour of normal running under load no part reports an error."""

from __future__ import annotations

import time

import pytest
from kafkalogs.client.settings import Catalog

from tests.chaos.campaign import WHOLE_SECONDS
from tests.chaos.load import Load
from tests.chaos.state import whole
from tests.support.quiet import error_lines
from tests.support.sandbox import Sandbox

SECONDS = 3600


@pytest.mark.timeout(SECONDS + 1800)
def test_an_hour_without_an_error(platform: Sandbox, catalog: Catalog) -> None:
    platform.wait("the platform is whole", lambda: whole(platform), WHOLE_SECONDS)
    time.sleep(60)  # what restarted just now may still say so
    with Load(platform, catalog, 0):
        time.sleep(SECONDS)
        assert error_lines(platform, SECONDS) == {}
