"""The server that answers errors in the place of another one."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import refuser
from tests.chaos.stand_in import S3, pod_manifest
from tests.support.tls import write_certificates


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    write_certificates(tmp_path)
    with socket.create_server(("localhost", 0)) as free:
        number = free.getsockname()[1]
    command = pod_manifest(S3, 503, "image")["spec"]["containers"][0]["command"]
    assert command[3:] == ["7070", "503", "/tls"]
    words = [sys.executable, "-c", command[2], str(number), "503", str(tmp_path)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("localhost", number)).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield number
        finally:
            running.terminate()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_each_request_has_the_same_answer(port: int, tmp_path: Path, method: str) -> None:
    trust = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    with socket.create_connection(("localhost", port)):  # a silent client, such as a probe
        connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=trust)
        connection.request(method, "/logs-archive/file", b"x" * 100_000 if method in ("PUT", "POST") else None)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (503, b"")


def test_a_pod_has_its_whole_text() -> None:
    text = pod_manifest(S3, 500, "image")["spec"]["containers"][0]["command"][2]
    assert text == Path(refuser.__file__).read_text()
