"""What the tests of the pager and of its stand-in share: the stand-in for PagerDuty over HTTPS on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pagerduty.server import Server

from .pager.world import KEY, TOKEN, Tls, make_tls


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def pagerduty(tls: Tls) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), tls.certificate, tls.key, lambda: {KEY}, lambda: TOKEN)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)
