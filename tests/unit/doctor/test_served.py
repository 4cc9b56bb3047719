"""The certificate that a server shows, not only the one in its Secret: a real TLS server on loopback."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from kafkalogs.client.reach import Reach
from kafkalogs.doctor import seen, tls
from kafkalogs.doctor.kubernetes import certificates_of
from kafkalogs.doctor.services import probe

from tests.support.tls import server_context, write_certificates

from .world import NOW, World


class Direct:
    """The way to a server on this machine."""

    def connect(self, url: str) -> socket.socket:
        parts = urlsplit(url)
        return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5)


class Server:
    """A server that reads its certificate when it starts, as Java's do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority, *_ = write_certificates(folder)
        self.trust = ssl.create_default_context(cafile=str(self.authority))
        self._listening = socket.create_server(("localhost", 0))
        self.url = f"https://localhost:{self._listening.getsockname()[1]}"
        self.restart()
        threading.Thread(target=self._serve, daemon=True).start()

    def restart(self) -> None:
        self._context = server_context(self.folder / "tls.crt", self.folder / "tls.key")

    def secret(self, folder: Path) -> list[seen.Certificate]:
        data = {"tls.crt": base64.b64encode((folder / "tls.crt").read_bytes()).decode()}
        return list(certificates_of("registry-tls", data))

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
                with self._context.wrap_socket(connection, server_side=True) as encrypted:
                    encrypted.recv(1)
            except ssl.SSLError:
                continue
            except OSError:
                return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def stale(server: Server, secret: list[seen.Certificate]) -> list[tuple[str, str, str]]:
    found = probe(cast("Reach", Direct()), "service registry:8443", server.url, server.trust, "registry-tls")
    assert (found.speaks, found.problem) == ("tls", "")
    world: Any = World()
    checked = tls.check_certificates(world.declared, secret, NOW, probes=[found])
    return [(one.rule, one.what, one.declared) for one in checked.findings if one.rule == "certificate-stale"]


def test_a_server_that_did_not_take_the_renewed_certificate_is_found(server: Server, tmp_path: Path):
    assert stale(server, server.secret(tmp_path)) == []
    renewed = tmp_path / "renewed"
    renewed.mkdir()
    write_certificates(renewed)
    found = stale(server, server.secret(renewed))
    wanted = "the certificate of Secret registry-tls"
    assert found == [("certificate-stale", "certificate of service registry:8443", wanted)]


def test_after_a_restart_it_is_well(server: Server, tmp_path: Path):
    write_certificates(tmp_path)
    server.restart()
    server.trust = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    assert stale(server, server.secret(tmp_path)) == []
