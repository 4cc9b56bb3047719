"""The command: its exit codes, the table, the JSON, and one sentence for everything that is wrong."""

from __future__ import annotations

import argparse
import io
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.doctor import command, examine
from kafkalogs.doctor.findings import FAMILIES, Checked, Finding, Report, as_json
from rich.console import Console

from tests.support.sandbox import LOCAL_STACK

from .world import local

FINDING = Finding("topic-retention", "topic a", "retention.ms 5", "6", "run `pulumi up`")
OTHER = Finding("topic-retention", "topic b", "retention.ms 5", "6", "run `pulumi up`")
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: it
clusters: [{name: it, cluster: {server: "https://localhost:1"}}]
contexts: [{name: it, context: {cluster: it, user: it}}]
users: [{name: it, user: {token: x}}]
"""


def report(*checked: Checked) -> Report:
    return Report("local", "logs", "kafkalogs", datetime(2026, 3, 1, tzinfo=UTC), checked)


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_to(parser.add_subparsers())
    arguments = parser.parse_args(["doctor", *words])
    code: int = arguments.run(arguments)
    return code


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(file))
    return file


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(
    ("found", "code"),
    [(report(Checked("topics", 3)), 0), (report(Checked("topics", 3, [FINDING])), 1),
     (report(Checked("schemas", 0, skipped="outside")), 0)],
    ids=["healthy", "findings", "not looked at"],
)  # fmt: skip
def test_exit_codes_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: Report, code: int
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(examine, "examine", lambda *args: asked.append(args) or found)
    assert run("-s", "local", "--file", str(LOCAL_STACK), "--json", "--bootstrap", "a:1") == code
    access, platform, stack, bootstrap, _ = asked[0]
    assert (access.namespace, platform.kafka.name, stack, bootstrap) == ("kafkalogs", "logs", "local", "a:1")
    said = json.loads(capsys.readouterr().out)
    assert said["healthy"] is (code == 0)
    assert len(said["findings"]) == code


def test_the_shape_of_the_json() -> None:
    assert json.loads(as_json(report(Checked("topics", 3, [FINDING]), Checked("schemas", 0, skipped="x")))) == {
        "version": 1,
        "stack": "local",
        "cluster": "logs",
        "namespace": "kafkalogs",
        "at": "2026-03-01T00:00:00+00:00",
        "healthy": False,
        "checks": [
            {"family": "topics", "checked": 3, "findings": 1, "skipped": None},
            {"family": "schemas", "checked": 0, "findings": 0, "skipped": "x"},
        ],
        "findings": [
            {
                "family": "topics",
                "rule": "topic-retention",
                "what": "topic a",
                "declared": "retention.ms 5",
                "seen": "6",
                "remedy": "run `pulumi up`",
            }
        ],
    }


def shown(found: Report) -> str:
    to = Console(file=io.StringIO(), width=200)
    command.show(found, to)
    text = to.file.getvalue()  # type: ignore[attr-defined]
    return " ".join(text.split())


def test_the_table_has_every_family_and_every_finding() -> None:
    odd = Finding("acl-undeclared", "user [x]", "[/red]", "[b]", "c")
    text = shown(report(Checked("topics", 3, [FINDING, OTHER]), Checked("access", 2, [odd]), Checked("disk", 1)))
    assert all(FAMILIES[name] in text for name in ("topics", "access", "disk"))
    assert "3 findings" in text
    assert "topic a, topic b" in text
    assert "retention.ms 5" in text
    assert "user [x]" in text
    assert "[/red]" in text


def test_the_table_of_a_healthy_platform_says_so_and_what_was_not_looked_at() -> None:
    text = shown(report(Checked("topics", 3), Checked("schemas", 0, skipped="it is outside")))
    assert "Everything runs as declared" in text
    assert "skipped: it is outside" in text


WRONG = {
    "nothing there": (None, "there is no stack file"),
    "no YAML": ("a: [", "is not YAML"),
    "no platform": ("config: {}", "has no config with kafkalogs:platform"),
    "a list": ("[]", "has no config with kafkalogs:platform"),
    "empty": ("", "has no config with kafkalogs:platform"),
    "not a mapping": ("config: {kafkalogs:platform: 5}", "not a mapping"),
    "problems": ("config: {kafkalogs:platform: {services: {a: {team: x, rate: 1 parsec}}}}", "services.a.rate"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_stack_is_exit_code_2(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, said = WRONG[name]
    file = tmp_path / "Pulumi.x.yaml"
    if text is not None:
        file.write_text(text)
    assert run("-s", "x", "--file", str(file)) == 2
    answer = capsys.readouterr()
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not answer.out


def test_an_unknown_stack_names_those_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.prod.yaml").write_text("")
    assert run("-s", "production") == 2
    assert "the stacks there are prod" in capsys.readouterr().err


@pytest.mark.usefixtures("kubeconfig")
def test_no_cluster_is_one_sentence() -> None:
    with pytest.raises(AccessError, match="no answer from Kubernetes at https://localhost:1"):
        run("-s", "local", "--file", str(LOCAL_STACK))


def test_no_kubeconfig_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(AccessError, match="no kubeconfig"):
        run("-s", "local", "--file", str(LOCAL_STACK))


def test_an_ended_client_certificate_is_one_sentence(kubeconfig: Path, tmp_path: Path) -> None:
    from datetime import timedelta

    from embedded_operator.kafka import ca

    pair = ca.make_ca("me", 1, datetime.now(UTC) - timedelta(days=3))
    (tmp_path / "me.crt").write_text(pair.cert)
    (tmp_path / "me.key").write_text(pair.key)
    user = f"{{client-certificate: {tmp_path}/me.crt, client-key: {tmp_path}/me.key}}"
    kubeconfig.write_text(KUBECONFIG.replace("{token: x}", user))
    with pytest.raises(AccessError, match=r"the client certificate in .* ended on"):
        run("-s", "local", "--file", str(LOCAL_STACK))


def test_a_part_that_does_not_answer_is_a_finding_and_one_outside_is_told() -> None:
    from kafkalogs.client.reach import OutsideError, UnansweredError

    def fail(error: Exception) -> Any:
        def ask() -> Checked:
            raise error

        return ask

    silent = examine._asked("schemas", "the schema registry", fail(UnansweredError("no pod is ready")))
    assert [(one.rule, one.seen) for one in silent.findings] == [("schemas-silent", "no pod is ready")]
    assert [one.rule for one in examine._asked("sinks", "x", fail(AccessError("y"))).findings] == ["sinks-silent"]
    outside = examine._asked("schemas", "the schema registry", fail(OutsideError("no route")))
    assert not outside.findings
    assert outside.skipped == "the schema registry cannot be reached from here: no route"


def test_a_port_forward_that_ends_behind_its_back_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(error: Exception) -> None:
        raise error

    monkeypatch.setattr(threading, "excepthook", command._overlook)
    for name, error in (
        ("Kubernetes port forward proxy: 9000", ConnectionResetError(104, "reset")),
        ("another", ValueError("shown")),
    ):
        thread = threading.Thread(target=fail, args=(error,), name=name)
        thread.start()
        thread.join()
    said = capsys.readouterr().err
    assert "shown" in said
    assert "reset" not in said


@pytest.mark.parametrize("silences", [0, 1, 2])
def test_kafka_is_looked_at_once_more_by_a_new_client(monkeypatch: pytest.MonkeyPatch, silences: int) -> None:
    """As while it still names a broker that is gone."""
    clients: list[object] = []

    def client(*_: object) -> object:
        clients.append(object())
        return clients[-1]

    def families(wanted: object, access: object, kubernetes: object, kafka: object, *_: object) -> list[Checked]:
        assert kafka is clients[-1]
        if len(clients) <= silences:
            raise examine.SilentError("waiting for controller")
        return [Checked("topics", 3)]

    monkeypatch.setattr(examine, "client_certificate", lambda access: None)
    monkeypatch.setattr(examine, "_credentials", lambda access, cluster: None)
    monkeypatch.setattr(examine, "KubernetesReader", lambda access: KUBERNETES)
    monkeypatch.setattr(examine, "KafkaReader", client)
    monkeypatch.setattr(examine, "_families", families)
    if silences == 2:
        with pytest.raises(AccessError, match="waiting for controller"):
            examine.examine(ACCESS, local().platform, "local")
    else:
        assert examine.examine(ACCESS, local().platform, "local").checked == [Checked("topics", 3)]
    assert len(clients) == min(silences, 1) + 1


ACCESS: Any = None
KUBERNETES: Any = SimpleNamespace(kafka=lambda cluster: {"spec": {"kafka": {}}})
