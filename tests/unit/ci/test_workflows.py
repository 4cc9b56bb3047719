"""The pipelines' files: those of the repository are in order, and each rule finds what it is for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci import workflows

REPO = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pipelines' files of this repository, to be broken."""
    shutil.copytree(REPO / ".github", tmp_path / ".github")
    shutil.copyfile(REPO / ".gitlab-ci.yml", tmp_path / ".gitlab-ci.yml")
    # by which actionlint knows where a project begins; a file, as in a work tree of git
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    return tmp_path


def test_the_pipelines_of_this_repository_are_in_order():
    assert workflows.problems(REPO) == []


BROKEN = {
    "a branch instead of a commit": ("check.yml", r"checkout@\w+ # v\S+", "checkout@main", "check.yml:19: pin it"),
    "a commit without its version": ("check.yml", r"(checkout@\w+) # v\S+", r"\1", "check.yml:19: pin it"),
    "a script": (
        "check.yml",
        "run: make lint",
        "run: pip install x && make lint",
        "what is run belongs into the Makef",
    ),
    "two lines": (
        "check.yml",
        "run: make lint",
        "run: |\n          make lint\n          make unit",
        "belongs into the",
    ),
    "an expression": (
        "preview.yml",
        "run: make preview",
        "run: make preview STACK=${{ matrix.stack }}",
        "belongs into",
    ),
    "no time-out": ("check.yml", "    timeout-minutes: 20\n", "", "check.yml: job lint has no timeout-minutes"),
    "no permissions": ("check.yml", "permissions:\n  contents: read\n", "", "check.yml: says nothing of permissions"),
    "all permissions": ("check.yml", "permissions:\n  contents: read\n", "permissions: write-all\n", "write-all"),
    "forks with secrets": ("preview.yml", "  pull_request:\n", "  pull_request_target:\n", "use pull_request"),
    "the token in .git": ("drift.yml", "persist-credentials: false", "fetch-depth: 1", "leaves the token in .git"),
    # what actionlint knows
    "a key that does not exist": ("check.yml", "timeout-minutes: 20", "timeout: 20", 'unexpected key "timeout"'),
    "an expression that is none": ("preview.yml", "matrix.stack }}-preview", "matrix.stak }}", '"stak" is not defined'),
    "a job that is not there": ("preview.yml", "needs: preview", "needs: previews", "does not exist"),
    "an input that is not there": (
        "deploy.yml",
        "      stack: prod\n",
        "      stak: prod\n",
        'input "stak" is not defined',
    ),
    "a cron that never runs": ("drift.yml", "17 3 * * *", "17 30 * * *", "invalid CRON format"),
    "no YAML": ("deploy.yml", "jobs:", "jobs: [", "deploy.yml"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_workflow_is_refused(copy: Path, name: str):
    file, old, new, told = BROKEN[name]
    path = copy / ".github" / "workflows" / file
    text, count = re.subn(old if "\\" in old else re.escape(old), new, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)
    assert told in "\n".join(workflows.problems(copy))


GITLAB: dict[str, tuple[Any, str]] = {
    "a script": (lambda jobs: jobs["lint"].update(script=["make lint", "echo done"]), "job lint runs 'echo done'"),
    "no script": (lambda jobs: jobs["lint"].pop("script"), "job lint has no script"),
    "no time-out": (lambda jobs: jobs[".preview"].pop("timeout"), "job preview prod has no timeout"),
    "no rules": (lambda jobs: jobs["deploy prod"].pop("rules"), "job deploy prod has no rules"),
    "a stage that is not there": (lambda jobs: jobs["lint"].update(stage="linting"), "job lint: no stage linting"),
    "a misspelt key": (lambda jobs: jobs["lint"].update(scripts=["make lint"]), "lint.scripts: not a key"),
    "a job that is not there": (lambda jobs: jobs["plan prod"].update(needs=["tests"]), "needs tests, which does not"),
    "a later job": (lambda jobs: jobs["lint"].update(needs=["issue"]), "needs issue of a later stage"),
}


@pytest.mark.parametrize("name", GITLAB)
def test_a_broken_file_of_gitlab_is_refused(copy: Path, name: str):
    change, told = GITLAB[name]
    file = copy / ".gitlab-ci.yml"
    jobs = yaml.safe_load(file.read_text())
    change(jobs)
    file.write_text(yaml.safe_dump(jobs, sort_keys=False))
    assert told in "\n".join(workflows.problems(copy))


def test_make_workflows_ends_with_the_problems(copy: Path):
    assert subprocess.run(["make", "-s", "workflows"], cwd=REPO, capture_output=True).returncode == 0
    (copy / ".github" / "workflows" / "check.yml").write_text("name: check\n")
    words = [sys.executable, "-m", "ci.workflows", str(copy)]
    done = subprocess.run(words, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 1
    assert '"jobs" section is missing' in done.stdout
    recipe = subprocess.run(["make", "-n", "lint"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    assert "ci.workflows" in recipe


# -- what the two pipelines have in common


def jobs_of(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())["jobs"]


def test_every_target_that_a_pipeline_runs_exists_and_both_run_the_same():
    targets = set(re.findall(r"^([a-z]+):.*## ", (REPO / "Makefile").read_text(), re.M))
    github = {
        step["run"].split()[1]
        for file in WORKFLOWS
        for job in jobs_of(file).values()
        for step in job.get("steps", [])
        if "run" in step
    }
    gitlab = set(re.findall(r"script: \[make ([a-z]+)", (REPO / ".gitlab-ci.yml").read_text()))
    # a comment needs a token, and GitLab's merge requests must not have one
    assert github == gitlab | {"comment"} == {"lint", "test", "preview", "comment", "deploy", "drift", "issue"}
    assert github <= targets


def test_few_actions_are_used_each_at_one_commit():
    used = {line for file in WORKFLOWS for line in re.findall(r"uses: ([^.\s]\S+@.*)", file.read_text())}
    assert {one.split("@")[0] for one in used} == {
        *("actions/checkout", "actions/setup-python", "actions/upload-artifact", "actions/download-artifact"),
        "aws-actions/configure-aws-credentials",
    }
    assert len(used) == 5


def test_who_may_write_to_the_repository_has_no_credentials_of_a_cluster():
    for file in WORKFLOWS:
        for name, job in jobs_of(file).items():
            writes = "write" in {v for k, v in (job.get("permissions") or {}).items() if k != "id-token"}
            reaches = "environment" in job or "id-token" in (job.get("permissions") or {})
            assert not (writes and reaches), f"{file.name}: {name}"


def test_secrets_are_named_only_where_an_environment_guards_them():
    for file in WORKFLOWS:
        for name, job in jobs_of(file).items():
            if "secrets." in yaml.safe_dump(job):
                assert "environment" in job, f"{file.name}: {name}"


def test_pull_requests_of_forks_reach_no_environment():
    job = jobs_of(REPO / ".github/workflows/preview.yml")["preview"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
    assert "environment" not in yaml.safe_dump(jobs_of(REPO / ".github/workflows/check.yml"))


def test_what_is_deployed_is_what_was_approved():
    deploy = jobs_of(REPO / ".github/workflows/deploy-stack.yml")
    assert deploy["deploy"]["needs"] == "plan"
    assert deploy["plan"]["environment"]["name"] == "${{ inputs.stack }}-preview"
    assert deploy["deploy"]["environment"]["name"] == "${{ inputs.stack }}"
    run = next(step for step in deploy["deploy"]["steps"] if step.get("run") == "make deploy")
    assert run["env"]["APPROVED"] == ".kafkalogs/approved/plan-${{ inputs.stack }}.md"
    gitlab = yaml.safe_load((REPO / ".gitlab-ci.yml").read_text())
    for stack in ("staging", "prod"):
        assert gitlab[f"deploy {stack}"]["script"] == [f"make deploy APPROVED=.kafkalogs/plan-{stack}.md"]
        assert gitlab[f"deploy {stack}"]["needs"] == [f"plan {stack}"]
        assert gitlab[f"deploy {stack}"]["resource_group"] == stack
    assert gitlab["deploy prod"]["rules"][0]["when"] == "manual"


def gitlab_jobs() -> dict[str, Any]:
    """GitLab's jobs, each with what it extends."""
    whole = yaml.safe_load((REPO / ".gitlab-ci.yml").read_text())

    def extended(job: dict[str, Any]) -> dict[str, Any]:
        bases = job.get("extends") or []
        made: dict[str, Any] = {}
        for base in [bases] if isinstance(bases, str) else bases:
            made |= extended(whole[base])
        return {**made, **job}

    jobs = [name for name, job in whole.items() if isinstance(job, dict) and {"stage", "extends"} & job.keys()]
    return {name: extended(whole[name]) for name in jobs if not name.startswith(".")}


LABELS = {
    "dangerous-change": True,
    "bug,dangerous-change": True,
    "dangerous-change,bug": True,
    "not-dangerous-change": False,
    "dangerous-change-not": False,
    "bug,not-dangerous-change,x": False,
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_only_the_label_itself_accepts_dangerous_changes(stack: str, labels: str):
    (rule,) = [one for one in gitlab_jobs()[f"preview {stack}"]["rules"] if "LABELS" in one.get("if", "")]
    pattern = re.fullmatch(r"\$CI_MERGE_REQUEST_LABELS =~ /(.*)/", rule["if"])
    assert pattern
    assert bool(re.search(pattern[1], labels)) is LABELS[labels]


def test_no_job_of_a_merge_request_has_the_token():
    text = (REPO / ".gitlab-ci.yml").read_text()
    assert "$GITLAB_TOKEN" not in text
    for name, job in gitlab_jobs().items():
        if (job.get("environment") or {}).get("name") == "reports":
            assert name == "issue"
            (rule,) = job["rules"]
            assert '$CI_PIPELINE_SOURCE == "schedule" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH' in rule["if"]
    assert gitlab_jobs()["issue"]["environment"]["name"] == "reports"


def test_merge_requests_of_forks_reach_no_environment():
    for name, job in gitlab_jobs().items():
        if "environment" not in job:
            continue
        first, second = job["rules"][0]["if"], (job["rules"][1:] or [{}])[0]
        if "merge_request_event" in first:
            fork = {"if": "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_PROJECT_ID", "when": "never"}
            assert (second, name) == (fork, name)
        else:
            assert "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in first, name


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_the_drift_check_has_an_environment_for_main_alone(stack: str):
    job = gitlab_jobs()[f"drift {stack}"]
    assert job["environment"]["name"] == f"{stack}-drift"
    users = [
        name for name, one in gitlab_jobs().items() if (one.get("environment") or {}).get("name") == f"{stack}-drift"
    ]
    assert users == [f"drift {stack}"]
    drift = yaml.safe_load((REPO / ".github/workflows/drift.yml").read_text())
    assert drift["jobs"]["drift"]["environment"]["name"] == "${{ matrix.stack }}-drift"
    assert set(drift[True]) == {"schedule", "workflow_dispatch"}
    others = [file.name for file in WORKFLOWS if "-drift" in file.read_text() and file.name != "drift.yml"]
    assert others == []


def test_the_rules_of_the_base_branch_judge_a_pull_request():
    steps = jobs_of(REPO / ".github/workflows/preview.yml")["preview"]["steps"]
    (base,) = [step["with"] for step in steps if (step.get("with") or {}).get("path") == ".kafkalogs/base"]
    assert base["ref"] == "${{ github.event.pull_request.base.sha }}"
    (run,) = [step for step in steps if step.get("run") == "make preview"]
    assert run["env"]["POLICIES"] == ".kafkalogs/base/policy"
    for stack in ("staging", "prod"):
        variables = gitlab_jobs()[f"preview {stack}"]["variables"]
        assert variables == {"STACK": stack, "POLICIES_REF": "$CI_MERGE_REQUEST_DIFF_BASE_SHA"}


def test_what_judges_has_owners_on_both_forges():
    rules = [
        [line for line in (REPO / folder / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
        for folder in (".github", ".gitlab")
    ]
    assert rules[0] == rules[1]
    owned = {line.split()[0] for line in rules[0]}
    assert {"/policy/", "/ci/", "/.github/", "/.gitlab/", "/.gitlab-ci.yml", "/Makefile"} <= owned
    assert all((REPO / path.strip("/")).exists() for path in owned)


def test_every_setting_of_a_pipeline_is_documented():
    text = "\n".join(file.read_text() for file in [*WORKFLOWS, REPO / ".gitlab-ci.yml"])
    names = set(re.findall(r"(?:vars|secrets)\.([A-Z_]+)", text))
    page = (REPO / "docs" / "production.md").read_text()
    assert names
    assert {name for name in names if f"`{name}`" not in page} == set()
