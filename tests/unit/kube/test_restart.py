"""Parts that read certificates only when they start: the very commands of their containers, run on this machine."""

from __future__ import annotations

import http.server
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafkalogs.schemas.registry import SchemaRegistryArgs, registry_manifest
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.manifests import flink_manifest

from embedded.build.images.flink import HOME, connector
from tests.support.tls import write_certificates
from tests.unit.stream.test_trust import run as with_java

LONGEST = 600
"""Seconds within which a part has to take a renewed certificate."""
MOUNT = 120
"""Seconds within which Kubernetes replaces the files of a mounted Secret."""
START = 180
"""Seconds for which a part may start."""


class Answers(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/live" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    handler = type("Handler", (Answers,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


class Container:
    """A container whose folders are below a folder of this machine, and whose port is another."""

    def __init__(self, made: dict[str, Any], folder: Path, ports: tuple[int, int]) -> None:
        self._made, self._folder, self._ports = made, folder, ports
        (folder / "tmp").mkdir()

    def _run(self, command: list[str]) -> bool:
        assert command[:2] == ["bash", "-c"]
        text = command[2].replace(f"/{self._ports[0]}", f"/{self._ports[1]}")
        # the root of the container is a folder of this machine
        text = re.sub(r"(?<![\w.-])/(?=(?:etc|opt|tmp)\b)", f"{self._folder}/", text)
        return with_java(["env", "HOSTNAME=localhost", "bash", "-c", text]).returncode == 0

    def start(self) -> None:
        assert self._run(self._made["lifecycle"]["postStart"]["exec"]["command"])

    def alive(self) -> bool:
        return self._run(self._made["livenessProbe"]["exec"]["command"])

    @property
    def tries(self) -> int:
        """How often the probe fails in a row before Kubernetes restarts the container."""
        return self._made["livenessProbe"].get("failureThreshold", 3)

    def seconds(self) -> int:
        """The longest time until Kubernetes ends it, after the files have changed."""
        probe = self._made["livenessProbe"]
        return probe.get("initialDelaySeconds", 0) + self.tries * (probe["periodSeconds"] + probe["timeoutSeconds"])


def registry(folder: Path, port: int) -> tuple[Container, list[Path]]:
    (made,) = registry_manifest(SchemaRegistryArgs("ns", "logs", "registry:1"))["spec"]["template"]["spec"][
        "containers"
    ]
    names = ("etc/kafka/ca/ca.crt", "etc/kafka/user/user.p12", "etc/tls/tls.crt", "etc/tls/tls.key")
    return Container(made, folder, (9000, port)), written(folder, names)


def flink(folder: Path, port: int, part: str, own_port: int, **more: Any) -> tuple[Container, list[Path]]:
    spec = flink_manifest(FlinkJobArgs("ns", "logs", "flink:1", "catalog:1", "", {}, **more))["spec"]
    (made,) = spec[part]["podTemplate"]["spec"]["containers"]
    names = ("opt/kafkalogs/user/user.p12", "opt/kafkalogs/ca/ca.crt")
    return Container(made, folder, (own_port, port)), written(folder, names)


def written(folder: Path, names: tuple[str, ...]) -> list[Path]:
    files = [folder / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("first")
    return files


PARTS = {
    "registry": registry,
    "job manager": lambda folder, port: flink(folder, port, "jobManager", 8081),
    "task manager": lambda folder, port: flink(folder, port, "taskManager", 6122),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_replaced_file_restarts_the_container(part: str, tmp_path: Path, server: http.server.HTTPServer):
    container, files = PARTS[part](tmp_path, server.server_port)
    container.start()
    assert container.alive()
    for file in files:
        file.write_text("second")
        assert not container.alive()
        container.start()  # a container that is restarted reads what is there now
        assert container.alive()
    assert MOUNT + container.seconds() + START <= LONGEST


@pytest.mark.parametrize("part", PARTS)
def test_a_process_that_does_not_answer_is_restarted(part: str, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    container, _ = PARTS[part](tmp_path, port)
    container.start()
    assert not container.alive()


def test_a_registry_that_is_not_well_is_restarted(tmp_path: Path, server: http.server.HTTPServer):
    container, _ = registry(tmp_path, server.server_port)
    container.start()
    server.RequestHandlerClass.status = 503  # type: ignore[attr-defined]
    assert not container.alive()


def test_flink_makes_its_trust_store_anew_before_it_is_restarted(tmp_path: Path, server: http.server.HTTPServer):
    s3 = {"s3_endpoint": "https://s3", "s3_credentials_secret": "s3-credentials", "s3_ca_secret": "store-ca"}
    container, _ = flink(tmp_path, server.server_port, "taskManager", 6122, **s3)
    store, authority = tmp_path / "opt/trust/trust.p12", tmp_path / "opt/kafkalogs/s3-ca"
    store.parent.mkdir(parents=True)
    (tmp_path / HOME[1:]).mkdir()
    (tmp_path / HOME[1:] / "lib").symlink_to(connector().get())
    store.write_bytes(b"the first store")
    authority.mkdir()
    write_certificates(authority)
    container.start()
    assert container.alive()
    write_certificates(authority)
    container.start()  # for another reason: the process still has the first store
    for _ in range(container.tries):  # Kubernetes restarts it only if each of these fails
        assert not container.alive()
    assert fingerprints(store) == 1
    container.start()
    assert container.alive()
    (authority / "ca.crt").write_text("no certificate")
    for _ in range(container.tries):  # what the process trusts already is better than no process
        assert container.alive()
    assert fingerprints(store) == 1


def fingerprints(store: Path) -> int:
    listed = with_java(["keytool", "-list", "-keystore", str(store), "-storepass", "changeit"])
    return listed.stdout.count("trustedCertEntry")
