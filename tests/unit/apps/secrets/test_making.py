"""Which Secrets are made, kept, renewed; on a store of objects in memory that answers as Kubernetes does."""

import base64
import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from secrets_maker import __main__ as program
from secrets_maker.certificates import load
from secrets_maker.contents import Wanted, hosts
from secrets_maker.kube import KubeError
from secrets_maker.making import ForeignSecret, make

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WANTED = Wanted("logs", ("s3", "registry"), {"s3": "archive", "elastic": "elastic"})
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "list-1", "uid": "uid-1"}
NAMES = [
    "platform-ca-key",
    "platform-ca",
    "s3-tls",
    "registry-tls",
    "s3-credentials",
    "elastic-credentials",
]


class Memory:
    """Secrets by name. conflicts: so many changes are refused first, as if somebody else had been faster."""

    def __init__(self) -> None:
        self.secrets: dict[str, Any] = {}
        self.conflicts = 0
        self.version = 0

    def get(self, name: str) -> Any:
        return copy.deepcopy(self.secrets.get(name))

    def create(self, secret: Any) -> None:
        if secret["metadata"]["name"] in self.secrets or self._conflict():
            raise KubeError(409, "already exists")
        self._keep(secret["metadata"]["name"], secret)

    def patch(self, name: str, change: Any) -> None:
        secret = self.secrets[name]
        if change["metadata"]["resourceVersion"] != secret["metadata"]["resourceVersion"] or self._conflict():
            raise KubeError(409, "changed meanwhile")
        data = {**secret["data"], **change.get("data", {})}
        data = {key: value for key, value in data.items() if value is not None}
        self._keep(name, {**secret, "metadata": {**secret["metadata"], **change["metadata"]}, "data": data})

    def _conflict(self) -> bool:
        self.conflicts -= 1
        return self.conflicts >= 0

    def _keep(self, name: str, secret: Any) -> None:
        self.version += 1
        self.secrets[name] = copy.deepcopy(secret)
        self.secrets[name]["metadata"]["resourceVersion"] = str(self.version)

    def data(self, name: str) -> dict[str, bytes]:
        return {key: base64.b64decode(value) for key, value in self.secrets[name]["data"].items()}


@pytest.fixture
def store() -> Memory:
    made = Memory()
    assert make(WANTED, OWNER, made, NOW) == [f"made {name}" for name in NAMES]
    return made


def test_keys_of_each_secret(store):
    keys = {"tls.crt", "tls.key", "ca.crt", "keystore.p12", "truststore.p12", "password"}
    assert {name: set(store.data(name)) for name in NAMES} == {
        "platform-ca-key": {"ca.crt", "ca.key"},
        "platform-ca": {"ca.crt"},
        "s3-tls": keys,
        "registry-tls": keys,
        "s3-credentials": {"username", "password"},
        "elastic-credentials": {"username", "password"},
    }


def test_credentials(store):
    names = ("s3", "elastic")
    assert [store.data(f"{name}-credentials")["username"] for name in names] == [b"archive", b"elastic"]
    passwords = [store.data(f"{name}-credentials")["password"].decode() for name in names]
    assert all(len(word) == 32 and word.isascii() and word.isalnum() for word in passwords)
    assert passwords[0] != passwords[1]


def test_hosts():
    assert hosts("s3", "logs") == ["s3", "s3.logs", "s3.logs.svc", "s3.logs.svc.cluster.local", "localhost"]


def test_the_key_of_the_authority_is_in_one_secret_only(store):
    key = store.data("platform-ca-key")["ca.key"]
    assert [name for name in NAMES if key in store.data(name).values()] == ["platform-ca-key"]


def test_all_are_owned_and_marked(store):
    for name in NAMES:
        about = store.secrets[name]["metadata"]
        assert about["ownerReferences"] == [OWNER]
        assert about["labels"]["app.kubernetes.io/managed-by"] == "kafkalogs-service-secrets"


def test_a_second_run_changes_nothing(store):
    before = copy.deepcopy(store.secrets)
    assert make(WANTED, OWNER, store, NOW + timedelta(days=300)) == [f"kept {name}" for name in NAMES]
    assert store.secrets == before


def test_a_new_list_takes_over_what_it_wants_and_leaves_the_rest_to_the_old_owner(store):
    before = copy.deepcopy(store.secrets)
    new = {**OWNER, "name": "list-2", "uid": "uid-2"}
    wanted = Wanted("logs", ("s3", "postgres"), {"s3": "archive"})
    assert make(wanted, new, store, NOW) == [
        "kept platform-ca-key, for its new owner",
        "kept platform-ca, for its new owner",
        "kept s3-tls, for its new owner",
        "made postgres-tls",
        "kept s3-credentials, for its new owner",
    ]
    owners = {name: secret["metadata"]["ownerReferences"][0]["uid"] for name, secret in store.secrets.items()}
    assert {name for name, uid in owners.items() if uid == "uid-1"} == {"registry-tls", "elastic-credentials"}
    assert store.data("s3-tls")["tls.crt"] == base64.b64decode(before["s3-tls"]["data"]["tls.crt"])


def test_what_expires_is_renewed_with_its_stores_password(store):
    before, later = store.data("s3-tls"), NOW + timedelta(days=340)
    assert make(WANTED, OWNER, store, later) == [
        "kept platform-ca-key",
        "kept platform-ca",
        "renewed s3-tls",
        "renewed registry-tls",
        "kept s3-credentials",
        "kept elastic-credentials",
    ]
    after = store.data("s3-tls")
    assert load(after["tls.crt"]).not_valid_after_utc == later + timedelta(days=365)
    assert after["tls.key"] != before["tls.key"]
    assert after["password"] == before["password"]
    assert make(WANTED, OWNER, store, later) == [f"kept {name}" for name in NAMES]


def test_an_authority_that_expires_keeps_its_key(store):
    before, later = store.data("platform-ca-key"), NOW + timedelta(days=3630)
    done = make(WANTED, OWNER, store, later)
    assert done[:4] == [f"renewed {name}" for name in NAMES[:4]]
    after = store.data("platform-ca-key")
    assert after["ca.key"] == before["ca.key"]
    assert store.data("s3-tls")["ca.crt"] == store.data("platform-ca")["ca.crt"] == after["ca.crt"] != before["ca.crt"]


@pytest.mark.parametrize(
    ("name", "key", "renewed"),
    [
        ("s3-tls", "tls.key", ["s3-tls"]),
        ("s3-tls", "keystore.p12", ["s3-tls"]),
        ("s3-tls", "ca.crt", ["s3-tls"]),
        ("platform-ca", "ca.crt", ["platform-ca"]),
        ("platform-ca-key", "ca.key", ["platform-ca-key", "platform-ca", "s3-tls", "registry-tls"]),
        ("s3-credentials", "password", ["s3-credentials"]),
        ("s3-credentials", "username", ["s3-credentials"]),
    ],
)
def test_what_was_spoilt_is_mended(store, name, key, renewed):
    del store.secrets[name]["data"][key]
    done = make(WANTED, OWNER, store, NOW)
    assert [line.removeprefix("renewed ") for line in done if line.startswith("renewed")] == renewed


def test_what_was_added_is_removed(store):
    store.secrets["s3-credentials"]["data"]["more"] = "eA=="
    password = store.data("s3-credentials")["password"]
    assert "renewed s3-credentials" in make(WANTED, OWNER, store, NOW)
    assert store.data("s3-credentials") == {"username": b"archive", "password": password}


def test_the_secret_of_another_is_not_touched(store):
    store.secrets["s3-tls"]["metadata"]["labels"] = {"app": "theirs"}
    before = copy.deepcopy(store.secrets)
    with pytest.raises(ForeignSecret, match="Secret s3-tls is there already"):
        make(WANTED, OWNER, store, NOW)
    assert store.secrets == before


def test_who_was_slower_looks_again():
    store = Memory()
    store.conflicts = 2
    done = make(WANTED, OWNER, store, NOW)
    assert [line.split()[-1] for line in done] == NAMES
    store.conflicts = 99
    with pytest.raises(KubeError, match="changed meanwhile"):
        make(WANTED, OWNER, store, NOW + timedelta(days=340))


def test_the_program_prints_names_only(tmp_path, monkeypatch, capsys):
    store = Memory()
    (tmp_path / "wanted.json").write_text('{"certificates": ["s3"], "credentials": {"s3": "archive"}}')
    values = {"NAMESPACE": "logs", "OWNER_NAME": "l", "OWNER_UID": "u", "WANTED": str(tmp_path / "wanted.json")}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(program, "Secrets", lambda namespace: store)
    assert program.main() == 0
    assert capsys.readouterr().out.split("\n") == [
        "made platform-ca-key",
        "made platform-ca",
        "made s3-tls",
        "made s3-credentials",
        "",
    ]
    store.secrets["s3-tls"]["metadata"]["labels"] = {}
    assert program.main() == 1
    assert "rename or delete it" in capsys.readouterr().err
