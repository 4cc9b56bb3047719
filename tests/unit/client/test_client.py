"""The log event, the settings of clients, and what is said when a cluster cannot be reached."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import confluent_kafka
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs import cli, load
from kafkalogs.catalog import resolve as written
from kafkalogs.client import settings as client
from kafkalogs.client.cluster_access import AccessError, ClusterAccess, find_kubeconfig
from kafkalogs.client.logevent import LogEvent, LogEventError
from kafkalogs.client.settings import Catalog, CatalogError
from kafkalogs.config.levels import LEVELS, PARTITION_KEYS

from tests.support.stack import VALID
from tests.support.stub_platform import CREDENTIALS, DOCUMENT, Said

CATALOG = Catalog.parse(json.dumps(DOCUMENT))
GOOD: dict[str, Any] = {
    "timestamp": datetime(2026, 1, 2, 3, 4, 5, 678900, UTC), "service": "nginx", "level": "info", "message": "m",
    "trace_id": "a" * 32, "span_id": "b" * 16, "instance": "pod-1",
}  # fmt: skip

EAST = timezone(timedelta(hours=2))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.builds(
        LogEvent,
        timestamp=st.datetimes(
            datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone(timedelta(hours=2)))
        ),
        service=st.text(min_size=1, max_size=20),
        level=st.sampled_from(LEVELS),
        message=st.text(),
        trace_id=st.just("a" * 32),
        span_id=st.just("b" * 16),
        instance=st.text(min_size=1),
        attributes=st.dictionaries(st.text(), values),
    )
)
def test_an_event_is_read_back_as_it_was(event: LogEvent):
    line = event.to_json()
    assert b"\n" not in line
    read = LogEvent.from_json(line)
    assert abs(read.timestamp - event.timestamp) < timedelta(milliseconds=1)
    assert read.to_json() == line
    assert all(read.key(by) == event.key(by) for by in PARTITION_KEYS)


def test_the_form_of_an_event():
    assert json.loads(LogEvent(**GOOD).to_json()) == {
        **GOOD, "timestamp": "2026-01-02T03:04:05.678Z", "attributes": {},
    }  # fmt: skip


def test_keys():
    event = LogEvent(**GOOD, attributes={"user_id": "u1"})
    assert [event.key(by) for by in ("trace_id", "instance_id", "user_id")] == [b"a" * 32, b"pod-1", b"u1"]
    assert LogEvent(**GOOD).key("user_id") == b"a" * 32


def test_all_faults_of_an_event_at_once():
    bad = {
        "timestamp": datetime(2026, 1, 1),
        "service": "",
        "level": "warn",
        "trace_id": "0" * 32,
        "span_id": "B" * 16,
        "instance": "",
    }
    with pytest.raises(LogEventError) as caught:
        LogEvent(**{**GOOD, **bad})
    assert len(caught.value.problems) == len(bad)
    with pytest.raises(LogEventError, match="JSON"):
        LogEvent(**GOOD, attributes={"x": float("nan")}).to_json()


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b"[]", b"{}", b'"x"', json.dumps({**GOOD, "timestamp": "yesterday", "attributes": {}}).encode(),
     json.dumps({**GOOD, "timestamp": "2026-01-01T00:00:00Z", "attributes": []}).encode(),
     json.dumps({**GOOD, "timestamp": "2026-01-01T00:00:00Z", "attributes": {}, "host": "x"}).encode()],
)  # fmt: skip
def test_what_is_no_event(value: bytes):
    with pytest.raises(LogEventError):
        LogEvent.from_json(value)


@pytest.mark.parametrize(
    "time",
    ["0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59-00:01"],
)
def test_a_time_that_not_every_part_can_hold_is_no_event(time: str):
    value = json.dumps({**GOOD, "timestamp": time, "attributes": {}}).encode()
    with pytest.raises(LogEventError, match=r"timestamp .* is not within 1970 to 9999 in UTC"):
        LogEvent.from_json(value)


def test_the_first_and_the_last_time_are_written_as_they_are():
    for time in ("1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"):
        event = LogEvent.from_json(json.dumps({**GOOD, "timestamp": time, "attributes": {}}).encode())
        assert json.loads(event.to_json())["timestamp"] == time


@pytest.mark.parametrize("value", [b"[" * 100_000, json.dumps({"x": 1}).encode()[:-1] + b',"y":' + b"[" * 100_000])
def test_deep_nesting_is_no_event_and_no_crash(value: bytes):
    with pytest.raises(LogEventError):
        LogEvent.from_json(value)


def test_the_catalog_that_the_platform_writes_is_the_one_that_clients_read():
    platform = load(VALID)
    document = written.document(platform, written.resolve(platform))
    read = Catalog.parse(json.dumps(document))
    assert read.model_dump(by_alias=True, mode="json") == document


def test_producers_lose_nothing_and_consumers_commit_themselves():
    producer = client.producer(CATALOG, "auth-service", CREDENTIALS, bootstrap="localhost:32090")
    assert {"acks": "all", "enable.idempotence": True, "compression.type": "zstd"}.items() <= producer.items()
    assert producer["message.max.bytes"] == producer["batch.size"] == 65_536  # of logs.audit, the smaller one
    assert producer["bootstrap.servers"] == "localhost:32090"
    consumer = client.consumer(CATALOG, "operations", CREDENTIALS, group="search")
    assert {"group.id": "operations.search", "enable.auto.commit": False}.items() <= consumer.items()
    assert consumer["bootstrap.servers"] == CATALOG.bootstrap
    for settings in (producer, consumer, client.admin(CATALOG, "nginx", CREDENTIALS)):
        assert {
            "security.protocol": "SSL",
            "ssl.endpoint.identification.algorithm": "https",
        }.items() <= settings.items()


def test_confluent_kafka_knows_every_setting():
    no_certificate = {"ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem"}
    for settings, make in (
        (client.producer(CATALOG, "nginx", CREDENTIALS), confluent_kafka.Producer),
        (client.consumer(CATALOG, "operations", CREDENTIALS, group="g"), confluent_kafka.Consumer),
    ):
        make({key: value for key, value in settings.items() if key not in no_certificate})


def test_a_key_is_never_shown():
    assert "PEM" not in repr(CREDENTIALS)


def test_who_reads_what():
    assert set(CATALOG.topics_for("operations")) == set(CATALOG.topics)
    assert set(CATALOG.topics_for("security")) == {"logs.audit"}
    with pytest.raises(CatalogError, match="the teams are: operations, security"):
        CATALOG.team("nobody")


def test_a_catalog_of_another_version_is_named_field_by_field():
    document = json.loads(json.dumps(DOCUMENT))
    del document["topics"]["logs.audit"]["partitionBy"]
    with pytest.raises(CatalogError, match=r"topics\.logs\.audit\.partitionBy"):
        Catalog.parse(json.dumps(document))


def test_the_kubeconfig_that_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KAFKALOGS_STATE", raising=False)
    with pytest.raises(AccessError, match="make up"):
        find_kubeconfig(None)
    for path in (tmp_path / "home/.kube/config", tmp_path / ".kafkalogs/kubeconfig", tmp_path / "state/kubeconfig"):
        path.parent.mkdir(parents=True)
        path.touch()
    assert find_kubeconfig(None) == Path(".kafkalogs/kubeconfig")
    monkeypatch.setenv("KAFKALOGS_STATE", str(tmp_path / "state"))
    assert find_kubeconfig(None) == tmp_path / "state/kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "home/.kube/config"))
    assert find_kubeconfig(None) == tmp_path / "home/.kube/config"
    with pytest.raises(AccessError, match=r"no\.yaml"):
        find_kubeconfig("no.yaml")


KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: very-secret}}]
"""


@pytest.mark.parametrize(
    ("kubeconfig", "said"),
    [
        (KUBECONFIG, "no answer from Kubernetes at http://127.0.0.1:1"),
        ("{", "is not a usable kubeconfig"),
        ("a: 1", "is not a usable kubeconfig"),
    ],
)
def test_no_cluster_is_one_sentence(tmp_path: Path, capsys: Said, kubeconfig: str, said: str):
    (tmp_path / "config").write_text(kubeconfig)
    (tmp_path / "a.log").write_text("line\n")
    words = ["replay", str(tmp_path / "a.log"), "--service", "nginx", "--kubeconfig", str(tmp_path / "config")]
    assert cli.main(words) == 3
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert "secret" not in message


@pytest.fixture
def access(tmp_path: Path) -> ClusterAccess:
    (tmp_path / "config").write_text(KUBECONFIG)
    return ClusterAccess(tmp_path / "config", "kafkalogs")


def answer(data: dict[str, str]) -> Any:
    return lambda *words, **more: SimpleNamespace(data=data)


def status(code: int) -> Any:
    from kubernetes.client import ApiException

    def refuse(*words: Any, **more: Any) -> Any:
        raise ApiException(status=code, reason="because")

    return refuse


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (404, "does not exist; the platform is not deployed"),
        (403, "ask for permission"),
        (401, "its credentials are wrong or have ended"),
        (500, "answers 500 because"),
    ],
)
def test_what_kubernetes_refuses(access: ClusterAccess, code: int, said: str):
    access.core.read_namespaced_config_map = status(code)
    with pytest.raises(AccessError, match=said):
        access.catalog()


def test_secrets_that_lack_something(access: ClusterAccess):
    access.core.read_namespaced_secret = status(404)
    with pytest.raises(
        AccessError, match="Secret kafkalogs/logs-cluster-ca-cert does not exist; wait until Kafka logs"
    ):
        access.credentials("logs", "nginx")
    access.core.read_namespaced_secret = answer({"ca.crt": base64.b64encode(b"CA").decode(), "password": "x"})
    with pytest.raises(AccessError, match=r"Secret kafkalogs/nginx has no user\.crt"):
        access.credentials("logs", "nginx")
    access.core.read_namespaced_config_map = answer({})
    with pytest.raises(AccessError, match=r"has no catalog\.json"):
        access.catalog()


def test_the_brokers_are_checked_with_the_clusters_ca_not_the_clients(access: ClusterAccess):
    secrets = {
        "logs-cluster-ca-cert": {"ca.crt": b"cluster ca"},
        "nginx": {"ca.crt": b"clients ca", "user.crt": b"certificate", "user.key": b"key"},
    }

    def read(name: str, namespace: str, **more: Any) -> Any:
        return SimpleNamespace(data={key: base64.b64encode(value).decode() for key, value in secrets[name].items()})

    access.core.read_namespaced_secret = read
    found = access.credentials("logs", "nginx")
    assert (found.ca, found.certificate, found.key) == ("cluster ca", "certificate", "key")


def test_help_documents_the_exit_codes(capsys: Said):
    with pytest.raises(SystemExit) as caught:
        cli.main(["replay", "--help"])
    assert caught.value.code == 0
    assert "exit codes:" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        cli.main(["no-such-command"])
    assert caught.value.code == 2
