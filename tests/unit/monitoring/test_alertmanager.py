"""Who may silence an alert: Alertmanager answers only clients with Prometheus' certificate.

Prometheus runs here with the file of Alertmanager: both read it and serve by the same library (exporter-toolkit).
Debian's Alertmanager starts only where its templates are installed.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafkalogs.monitoring.args import MonitoringArgs
from kafkalogs.monitoring.component import alertmanager_files
from kafkalogs.monitoring.manifests import alertmanager_manifest, listening, prometheus_manifest
from kafkalogs.monitoring.prometheus import TLS, prometheus_config
from kafkalogs.monitoring.record import ALERTMANAGER, ALERTMANAGER_PORT
from secrets_maker.certificates import Pair, issue, make_ca
from secrets_maker.contents import hosts

from tests.support.prometheus_tools import prometheus

NOW = datetime.now(UTC) - timedelta(minutes=5)
CA = make_ca("platform-ca", NOW)


def write(folder: Path, pair: Pair) -> None:
    folder.mkdir()
    for name, content in (("tls.crt", pair.cert), ("tls.key", pair.key), ("ca.crt", CA.cert)):
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    write(folder / "tls", issue(CA, "alertmanager", ["localhost"], NOW))
    web = alertmanager_files(False, None, False, None)["web.yml"]
    (folder / "web.yml").write_text(web.replace(TLS, str(folder / "tls")))
    (folder / "prometheus.yml").write_text("global: {}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    words = [
        str(prometheus()),
        f"--config.file={folder}/prometheus.yml",
        f"--web.config.file={folder}/web.yml",
        f"--web.listen-address=127.0.0.1:{number}",
        f"--storage.tsdb.path={folder}/data",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(words, stdout=log, stderr=log) as running:
        try:
            deadline = time.monotonic() + 60
            while not answers(number):
                assert running.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            yield number
        finally:
            running.kill()


def answers(number: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", number)) == 0


def trust(shown: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=CA.cert.decode())
    if shown:
        context.load_cert_chain(shown / "tls.crt", shown / "tls.key")
    return context


def ask(number: int, context: ssl.SSLContext) -> int:
    with urllib.request.urlopen(f"https://localhost:{number}/-/healthy", timeout=10, context=context) as answer:
        return int(answer.status)


# The client has sent its request before the server looks at the certificate. If the server closes the connection first,
# the client does not see the reason.
CLOSED = "reset by peer|Broken pipe|EOF"


def test_nobody_is_let_in_without_a_certificate(port: int) -> None:
    with pytest.raises(OSError, match=rf"certificate required|{CLOSED}"):
        ask(port, trust())


@pytest.mark.parametrize("host", ["registry", "alertmanager"])
def test_the_certificates_of_other_parts_do_not_help(port: int, host: str, tmp_path: Path) -> None:
    write(tmp_path / "other", issue(CA, host, [host], NOW))
    with pytest.raises(OSError, match=rf"bad certificate|{CLOSED}"):
        ask(port, trust(tmp_path / "other"))


def test_the_name_of_prometheus_by_another_authority_does_not_help(port: int, tmp_path: Path) -> None:
    write(tmp_path / "other", issue(make_ca("platform-ca", NOW), "prometheus", ["prometheus"], NOW))
    with pytest.raises(OSError, match=rf"unknown ca|bad certificate|decrypt error|certificate required|{CLOSED}"):
        ask(port, trust(tmp_path / "other"))


def test_prometheus_is_let_in(port: int, tmp_path: Path) -> None:
    write(tmp_path / "prometheus", issue(CA, "prometheus", hosts("prometheus", "kafkalogs"), NOW))
    assert ask(port, trust(tmp_path / "prometheus")) == 200


def test_the_probes_find_a_server_that_listens_and_write_nothing_into_its_log(port: int, folder: Path) -> None:
    def errors() -> int:
        time.sleep(0.5)
        return (folder / "log").read_text().count("TLS handshake error")

    before = errors()
    assert subprocess.run(listening(port), check=False).returncode == 0
    assert errors() == before
    assert answers(port)  # what a tcpSocket does
    assert errors() == before + 1
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert subprocess.run(listening(closed.getsockname()[1]), check=False).returncode == 1


def test_kubernetes_opens_no_connection_without_a_handshake() -> None:
    args = MonitoringArgs("ns", "logs", "exporter:1", image="monitoring:1")
    for made in (alertmanager_manifest(args, {}), prometheus_manifest(args, {})):
        (runs,) = made["spec"]["template"]["spec"]["containers"]
        probes = [runs[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
        assert not [probe for probe in probes if "tcpSocket" in probe]
        listens = [probe["exec"]["command"] == listening(ALERTMANAGER_PORT) for probe in probes if "exec" in probe]
        assert listens == [True] * (3 if made["metadata"]["name"] == ALERTMANAGER else 0)


def test_prometheus_shows_its_certificate_to_alertmanager() -> None:
    config = prometheus_config("logs", "kafkalogs", None)
    sends = config["alerting"]["alertmanagers"][0]["tls_config"]
    (scrapes,) = [job["tls_config"] for job in config["scrape_configs"] if job["job_name"] == "alertmanager"]
    assert sends == scrapes == {"ca_file": f"{TLS}/ca.crt", "cert_file": f"{TLS}/tls.crt", "key_file": f"{TLS}/tls.key"}
