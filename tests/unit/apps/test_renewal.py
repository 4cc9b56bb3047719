"""Programs that live longer than a certificate take a renewed one, and a renewed authority, by themselves."""

from __future__ import annotations

import shutil
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from exporter.__main__ import DEAD, Exporter, client_files, client_settings
from exporter.kafka import Kafka
from exporter.renewal import Certificates

from tests.support.coordinator import Coordinator

from .pager.world import Tls, make_tls

APPS = Path(__file__).parents[3] / "apps"


def server(tls: Tls) -> ssl.SSLContext:
    """A broker of these certificates, which takes no client of another authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    context.load_verify_locations(tls.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class Mount:
    """A mounted Secret: a link to a folder, which Kubernetes replaces as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        folder.mkdir()
        for name in ("ca.crt", "user.crt", "user.key"):
            (folder / name).symlink_to(folder / "..data" / name)

    def put(self, tls: Tls) -> None:
        self._count += 1
        new = self._folder / f"..{self._count}"
        new.mkdir()
        for name, file in (("ca.crt", tls.ca), ("user.crt", tls.certificate), ("user.key", tls.key)):
            shutil.copy(file, new / name)
        link = self._folder / "..data.new"
        link.symlink_to(new)
        link.replace(self._folder / "..data")


def authority(folder: Path) -> Tls:
    folder.mkdir()
    return make_tls(folder)


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    made = Mount(tmp_path / "mounted")
    made.put(authority(tmp_path / "first"))
    return made


@pytest.fixture
def broker(tmp_path: Path, mount: Mount) -> Iterator[Coordinator]:
    tls = Tls(tmp_path / "first/ca.crt", tmp_path / "first/tls.crt", tmp_path / "first/tls.key")
    with closing(Coordinator({}, refusals=0, context=server(tls))) as made:
        yield made


def exporter(tmp_path: Path, broker: Coordinator) -> Exporter:
    folder = str(tmp_path / "mounted")
    environment = {
        "EXPORTER_BOOTSTRAP": broker.bootstrap, "EXPORTER_CERTS": folder, "EXPORTER_CA": f"{folder}/ca.crt",
    }  # fmt: skip
    settings = {**client_settings(environment), "reconnect.backoff.max.ms": 200}
    return Exporter(Kafka(settings, timeout=3), Certificates(client_files(environment)))


def test_the_exporter_takes_a_renewed_authority_while_it_runs(tmp_path: Path, mount: Mount, broker: Coordinator):
    one = exporter(tmp_path, broker)
    one.look()
    assert one.fresh
    second = authority(tmp_path / "second")
    broker.context = server(second)
    broker.disconnect()
    one._reading = None
    one.look()
    assert not one.fresh, "the broker's authority is another, and it takes no client of the old one"
    mount.put(second)
    one.look()
    assert one.fresh
    assert "kafkalogs_exporter_failures_total 1" in one.page()


def test_a_key_that_does_not_fit_yet_is_a_failure_and_tried_again(tmp_path: Path, mount: Mount, broker: Coordinator):
    one = exporter(tmp_path, broker)
    second = authority(tmp_path / "second")
    mount.put(Tls(second.ca, second.certificate, tmp_path / "first/tls.key"))
    one.look()
    assert not one.fresh
    broker.context = server(second)
    mount.put(second)
    one.look()
    assert one.fresh


def test_an_exporter_that_cannot_read_becomes_unhealthy(
    tmp_path: Path, mount: Mount, broker: Coordinator, monkeypatch: pytest.MonkeyPatch
):
    one = exporter(tmp_path, broker)
    one.look()
    assert one.alive
    broker.context = server(authority(tmp_path / "second"))
    broker.disconnect()
    now = time.time()
    monkeypatch.setattr("exporter.__main__.time.time", lambda: now + DEAD + 1)
    one.look()
    assert not one.fresh
    assert not one.alive, "it tries, but it reads nothing"


def test_files_that_are_being_replaced_are_no_news(tmp_path: Path):
    files = [tmp_path / name for name in ("ca.crt", "user.crt", "user.key")]
    for file in files:
        file.write_text("old")
    certificates = Certificates(files)
    assert not certificates.renewed()
    files[1].unlink()
    assert not certificates.renewed()
    files[1].write_text("new")
    assert certificates.renewed()
    assert certificates.renewed(), "until they are used"
    certificates.took()
    assert not certificates.renewed()


def test_each_program_has_the_same_helper():
    copies = sorted(APPS.glob("*/renewal.py"))
    assert {file.parent.name for file in copies} == {"exporter", "pager", "shop"}
    assert len({file.read_text() for file in copies}) == 1


def test_each_program_that_stays_connected_to_kafka_uses_it():
    """A new program that makes a client with a certificate has to take renewed ones, or to end soon."""
    ends_by_itself = {"catalog"}
    texts = {(file.parent.name, file.name): file.read_text() for file in APPS.glob("*/*.py")}
    clients = {program for (program, _), text in texts.items() if '"ssl.certificate.location"' in text}
    helped = {program for (program, name), text in texts.items() if name != "renewal.py" and "Certificates(" in text}
    assert clients - ends_by_itself == helped
