"""Which rules judge a preview."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ci import policies, preview
from ci.stack import POLICIES, StackError

from .conftest import Programs


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAFKALOGS_STATE", str(tmp_path / "state"))
    return tmp_path


def test_the_rules_of_this_checkout_judge_by_default(state: Path):
    assert policies.policies({}) == policies.policies({"POLICIES": "", "POLICIES_REF": ""}) == POLICIES


def test_a_folder_with_other_rules_judges_with_the_packages_of_this_checkout(state: Path):
    pack = state / "base" / "policy"
    pack.mkdir(parents=True)
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    used = policies.policies({"POLICIES": str(pack)})
    assert used != POLICIES
    assert (used / "PulumiPolicy.yaml").read_text() == "runtime: python\n"
    assert (used.parent / ".venv").readlink() == policies.REPOSITORY / ".venv"


def test_the_rules_of_a_commit_judge(state: Path, monkeypatch: pytest.MonkeyPatch):
    origin, clone = state / "origin", state / "clone"

    def git(*words: str, at: Path = origin) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(["git", *who, *words], cwd=at, check=True, capture_output=True, text=True).stdout.strip()

    (origin / "policy").mkdir(parents=True)
    git("init", "-q", "-b", "main")
    (origin / "policy" / "PulumiPolicy.yaml").write_text("strict\n")
    git("add", ".")
    git("commit", "-qm", "base")
    base = git("rev-parse", "HEAD")
    (origin / "policy" / "PulumiPolicy.yaml").write_text("lax\n")
    git("commit", "-qam", "change")
    git("clone", "-q", "--depth=1", f"file://{origin}", str(clone), at=state)
    monkeypatch.setattr(policies, "REPOSITORY", clone)
    assert (clone / "policy" / "PulumiPolicy.yaml").read_text() == "lax\n"
    assert (policies.policies({"POLICIES_REF": base}) / "PulumiPolicy.yaml").read_text() == "strict\n"


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"POLICIES": "a", "POLICIES_REF": "b"}, "both set"),
        ({"POLICIES": "nowhere"}, "no PulumiPolicy.yaml there"),
        ({"POLICIES_REF": "--upload-pack=x"}, "not a commit"),
    ],
)
def test_rules_that_are_not_there_are_refused_and_never_replaced(state: Path, env: dict[str, str], told: str):
    with pytest.raises(StackError, match=told):
        policies.policies(env)


def test_a_preview_is_judged_by_the_rules_that_are_named(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    pack = tmp_path / "base" / "policy"
    pack.mkdir(parents=True)
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    monkeypatch.setenv("POLICIES", str(pack))
    assert preview.main(["staging"]) == 0
    (words,) = programs.calls("preview")
    assert words[words.index("--policy-pack") + 1] == str(tmp_path / "state" / "policies-base" / "policy")
