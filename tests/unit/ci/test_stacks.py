"""`make preview`, `deploy` and `drift`: what Pulumi is asked, what its answers become, and what ends how."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci import deploy, drift, preview

from .conftest import Programs

REPO = Path(__file__).resolve().parents[3]


def event(rule: str, level: str, message: str) -> str:
    """A violation, as Pulumi 3.245 writes it into its event log."""
    urn = "urn:pulumi:prod::kafkalogs::kafkalogs:index:LogTopic$kubernetes:kafka.strimzi.io/v1:KafkaTopic::logs.audit"
    policy = {"resourceUrn": urn, "message": message, "policyName": rule, "enforcementLevel": level}
    return json.dumps({"sequence": 19, "timestamp": 1795466329, "policyEvent": policy}) + "\n"


@pytest.fixture
def plan(tmp_path: Path) -> Any:
    return lambda stack="staging": (tmp_path / "state" / f"plan-{stack}.md").read_text()


def test_a_preview_asks_for_json_with_the_policies_and_never_for_an_answer(programs: Programs, plan: Any):
    assert preview.main(["staging"]) == 0
    (words,) = programs.calls("preview")
    assert words[:3] == ["pulumi", "preview", "--json"]
    assert words[words.index("--stack") + 1] == "staging"
    assert words[words.index("--policy-pack") + 1] == str(REPO / "policy")
    assert "--non-interactive" in words
    assert plan() == 'plan of {"steps": []}\n'


@pytest.mark.parametrize(
    ("setting", "code", "ends"),
    [("", 0, 0), ("", 2, 0), ("", 3, 3), ("refuse", 3, 3), ("allow", 3, 0), ("allow", 4, 1), ("", 1, 1)],
)
def test_the_codes_of_the_plan(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, setting: str, code: int, ends: int, plan: Any
):
    monkeypatch.setenv("DANGEROUS", setting)
    programs.answer("plan", code=code, err="unreadable" if code in (1, 4) else "")
    assert preview.main(["staging"]) == ends
    assert ("plan of" in plan()) == (code in (0, 2, 3))
    assert ("unreadable" in plan()) == (code in (1, 4))


def test_a_command_line_that_was_not_understood_is_no_plan(programs: Programs, plan: Any):
    programs.answer("plan", code=2, text="", err="usage: kafkalogs")
    assert preview.main(["staging"]) == 1
    assert "usage: kafkalogs" in plan()


def test_a_setting_that_is_neither_is_refused_before_anything(programs: Programs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DANGEROUS", "yes")
    assert preview.main(["staging"]) == 1
    assert programs.calls("preview") == []


def test_a_policy_that_is_violated_is_in_the_plan(programs: Programs, plan: Any):
    events = event("audit-floor", "mandatory", "Audit logs\nretention 1h is below 7d: raise it") + "{half"
    failed = {"diagnostics": [{"severity": "error", "message": "error: preview failed\n"}]}
    programs.answer("preview", code=1, out=json.dumps(failed), events=events)
    assert preview.main(["prod"]) == 1
    text = plan("prod")
    assert "**No plan: the preview failed.**" in text
    said = "Audit logs. retention 1h is below 7d: raise it"
    assert f"- `audit-floor` (mandatory), `KafkaTopic logs.audit`: {said}" in text
    assert programs.calls("plan") == []


def test_advice_of_a_policy_stands_behind_the_plan(programs: Programs, plan: Any):
    programs.answer("preview", out="{}", events=event("exceptions", "advisory", "expires soon"))
    assert preview.main(["prod"]) == 0
    assert plan("prod").index("plan of") < plan("prod").index("- `exceptions` (advisory)")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"code": 6, "err": "error: no stack named 'staging' found\n"}, "pulumi stack init"),
        ({"code": 255, "err": "error: PULUMI_ACCESS_TOKEN must be set for login\n"}, "PULUMI_ACCESS_TOKEN must be set"),
        ({"code": 1, "out": '{"diagnostics": [{"severity": "error", "message": "x: wrong"}]}'}, "x: wrong"),
        ({"code": 1, "out": '{"diagnostics": [{"severity": "error", "message": "a ```` b"}]}'}, "`````"),
        ({"code": 1}, "pulumi ended with 1 and said nothing"),
    ],
)
def test_a_preview_that_fails_says_why_in_the_plan(programs: Programs, plan: Any, answer: dict[str, Any], told: str):
    programs.answer("preview", **answer)
    assert preview.main(["staging"]) == 1
    assert "**No plan: the preview failed.**" in plan()
    assert told in plan()


def test_an_older_plan_does_not_stand_for_a_newer_one(programs: Programs, tmp_path: Path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "plan-staging.md").write_text("all is well")
    programs.answer("preview", code=1, err="no")
    preview.main(["staging"])
    assert "all is well" not in (tmp_path / "state" / "plan-staging.md").read_text()


@pytest.mark.parametrize("words", [["nowhere"], [""], [], ["../staging"]])
def test_a_stack_that_has_no_file(programs: Programs, capsys: pytest.CaptureFixture[str], words: list[str]):
    for program in (preview, deploy, drift):
        assert program.main(words) == 1
        assert "write STACK= and one of: local, prod, staging" in capsys.readouterr().err
    assert programs.calls("preview") == []


def test_the_page_of_the_run_shows_the_plan(programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    assert preview.main(["prod"]) == 0
    assert (tmp_path / "page.md").read_text() == '## Plan of prod\n\nplan of {"steps": []}\n\n'


# -- what programs are run with


def test_local_has_the_state_of_this_checkout(programs: Programs, tmp_path: Path):
    assert preview.main(["local"]) == 0
    assert programs.calls("stack") == [["pulumi", "stack", "select", "local", "--create", "--non-interactive"]]
    env = programs.env("preview")
    assert env["PULUMI_BACKEND_URL"] == f"file://{tmp_path / 'state' / 'state'}"
    assert env["KUBECONFIG"] == str(tmp_path / "state" / "kubeconfig")


def test_other_stacks_have_what_the_environment_says(programs: Programs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    monkeypatch.setenv("KUBECONFIG", "/home/me/kubeconfig")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    assert preview.main(["staging"]) == 0
    assert programs.calls("stack") == []
    env = programs.env("preview")
    assert {**env, "STACK": ""} == {
        "PULUMI_BACKEND_URL": "s3://states",
        "KUBECONFIG": "/home/me/kubeconfig",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "STACK": "",
    }


def test_a_setting_that_a_pipeline_left_empty_is_not_given(programs: Programs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "")
    assert preview.main(["staging"]) == 0
    assert "PULUMI_BACKEND_URL" not in programs.env("preview")


def test_the_text_of_a_kubeconfig_becomes_a_file_of_this_user_alone(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("KUBECONFIG_TEXT", "apiVersion: v1")
    assert preview.main(["staging"]) == 0
    file = Path(programs.env("preview")["KUBECONFIG"])
    assert file == tmp_path / "state" / "kubeconfig-staging"
    assert file.read_text() == "apiVersion: v1\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_cluster_of_amazon_is_asked_for_with_the_role(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name, value in {
        "EKS_CLUSTER": "logs",
        "AWS_ID_TOKEN": "token",
        "AWS_ROLE_ARN": "arn:aws:iam::1:role/x",
    }.items():
        monkeypatch.setenv(name, value)
    assert preview.main(["prod"]) == 0
    config = str(tmp_path / "state" / "kubeconfig-prod")
    assert programs.calls("aws") == [
        ["aws", "eks", "update-kubeconfig", "--name", "logs", "--kubeconfig", config],
    ]
    token = Path(programs.env("aws")["AWS_WEB_IDENTITY_TOKEN_FILE"])
    assert token.read_text() == "token\n"
    assert token.stat().st_mode & 0o777 == 0o600
    assert programs.env("preview")["KUBECONFIG"] == config


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"EKS_CLUSTER": "logs", "KUBECONFIG_TEXT": "x"}, "both set"),
        ({"AWS_ID_TOKEN": "token"}, "set AWS_ROLE_ARN"),
        ({"EKS_CLUSTER": "gone"}, "No cluster found for name: gone"),
    ],
)
def test_a_way_to_a_cluster_that_leads_nowhere(
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    told: str,
):
    programs.answer("aws", code=254, err="ResourceNotFoundException: No cluster found for name: gone.\n")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert preview.main(["prod"]) == 1
    assert told in capsys.readouterr().err
    assert programs.calls("preview") == []


# -- deploy


def test_a_deployment_previews_and_then_goes_up_with_the_policies(programs: Programs):
    assert deploy.main(["staging"]) == 0
    (words,) = programs.calls("up")
    assert words[:4] == ["pulumi", "up", "--yes", "--skip-preview"]
    assert words[words.index("--stack") + 1] == "staging"
    assert words[words.index("--policy-pack") + 1] == str(REPO / "policy")


def test_only_the_plan_that_was_approved_is_deployed(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert preview.main(["prod"]) == 0
    # the preview of the deployment writes to the same file
    monkeypatch.setenv("APPROVED", str(tmp_path / "state" / "plan-prod.md"))
    assert deploy.main(["prod"]) == 0
    assert len(programs.calls("up")) == 1
    programs.answer("preview", out='{"steps": [1]}')
    (tmp_path / "state" / "plan-prod.md").write_text('plan of {"steps": []}\n')
    assert deploy.main(["prod"]) == 1
    assert len(programs.calls("up")) == 1
    said = capsys.readouterr().err
    assert '-plan of {"steps": []}\n+plan of {"steps": [1]}' in said
    assert "not the one that was approved" in said
    monkeypatch.setenv("APPROVED", str(tmp_path / "nothing.md"))
    assert deploy.main(["prod"]) == 1
    assert len(programs.calls("up")) == 1


def test_dangerous_changes_are_deployed_only_when_they_are_accepted(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
):
    programs.answer("plan", code=3)
    assert deploy.main(["prod"]) == 3
    assert programs.calls("up") == []
    monkeypatch.setenv("DANGEROUS", "allow")
    assert deploy.main(["prod"]) == 0
    assert len(programs.calls("up")) == 1


def test_nothing_is_deployed_without_a_plan_and_a_failure_is_told(programs: Programs):
    programs.answer("up", code=255)
    assert deploy.main(["staging"]) == 1
    assert len(programs.calls("up")) == 1
    programs.answer("preview", code=1, err="no")
    assert deploy.main(["staging"]) == 1
    assert len(programs.calls("up")) == 1


# -- drift


def report(tmp_path: Path) -> str:
    return (tmp_path / "state" / "drift-prod.md").read_text()


def test_drift_reads_the_cluster_first_and_asks_the_doctor(programs: Programs, tmp_path: Path):
    assert drift.main(["prod"]) == 0
    (words,) = programs.calls("preview")
    assert {"--refresh", "--expect-no-changes"} <= set(words)
    assert programs.calls("doctor") == [["kafkalogs", "doctor", "-s", "prod"]]
    assert report(tmp_path) == drift.ALL_WELL


def test_drift_of_local_is_looked_for_by_its_own_stack_file(programs: Programs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAFKALOGS_STACK_FILE", "/elsewhere/Pulumi.local.yaml")
    assert drift.main(["local"]) == 0
    (words,) = programs.calls("preview")
    assert words[words.index("--config-file") + 1] == "/elsewhere/Pulumi.local.yaml"
    assert programs.calls("doctor") == [
        ["kafkalogs", "doctor", "-s", "local", "--file", "/elsewhere/Pulumi.local.yaml"]
    ]


def test_changes_that_pulumi_would_make_are_drift(programs: Programs, tmp_path: Path):
    # as Pulumi 3.245 ends, with the steps in its JSON
    said = "error: no changes were expected for preview but changes were proposed\n"
    programs.answer("preview", out='{"steps": [1]}', err=said, code=7)
    programs.answer("plan", code=2)
    assert drift.main(["prod"]) == 1
    assert report(tmp_path).startswith("### What `pulumi up` would change\n\nplan of")


@pytest.mark.parametrize(
    ("command", "answer", "told"),
    [
        ("preview", {"code": 1, "err": "error: no cluster"}, "### The preview failed"),
        ("plan", {"code": 4, "err": "not a preview"}, "not a preview"),
        ("doctor", {"code": 1, "out": "logs.audit: retention 1h, declared 7d\n"}, "logs.audit: retention 1h"),
        ("doctor", {"code": 3, "err": "no permission\n"}, "no permission"),
    ],
)
def test_what_cannot_be_seen_counts_as_drift(
    programs: Programs, tmp_path: Path, command: str, answer: dict[str, Any], told: str
):
    programs.answer(command, **answer)
    assert drift.main(["prod"]) == 1
    assert told in report(tmp_path)
    assert programs.calls("doctor"), "it is asked whatever the preview says"


# -- the targets


@pytest.mark.parametrize("target", ["preview", "deploy", "drift"])
def test_the_make_targets_pass_the_stack_and_fail_as_the_programs_do(
    programs: Programs, target: str, monkeypatch: pytest.MonkeyPatch
):
    programs.answer("preview", code=1, err="error: no cluster\n")
    done = subprocess.run(["make", "-s", target, "STACK=staging"], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no cluster" in done.stdout
    assert programs.calls("preview")[0][programs.calls("preview")[0].index("--stack") + 1] == "staging"
    assert programs.calls("up") == []
    monkeypatch.setenv("STACK", "prod")
    subprocess.run(["make", "-s", target], cwd=REPO, capture_output=True)
    assert "prod" in programs.calls("preview")[1]


def test_make_preview_ends_well_with_the_real_plan(programs: Programs, plan: Any):
    # as Pulumi 3.245 prints it when nothing changes
    platform = yaml.safe_load((REPO / "stacks" / "Pulumi.staging.yaml").read_text())["config"]["kafkalogs:platform"]
    config = {"kafkalogs:platform": json.dumps(platform)}
    programs.answer("preview", out=json.dumps({"config": config, "duration": 1, "changeSummary": {"same": 1}}))
    done = subprocess.run(["make", "-s", "preview", "STACK=staging"], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert plan().strip()
    assert plan() in done.stdout
