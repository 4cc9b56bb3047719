"""``python -m ci.workflows [FOLDER]``: checks the pipelines' files for GitHub and GitLab.

actionlint, built from its Go module, checks GitHub's files. Further checks are here: actions are
pinned by commit with their version beside it, what a job runs is a make target and nothing more, each job has a
time-out, the workflow says what its token may do, and no secret is within reach of a pull request from a fork.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ci.stack import PROBLEMS, told
from embedded import REPOSITORY
from embedded.build.go import go_artefact

_MAKE = re.compile(r"make( -s)? [a-z]+( [A-Z]+=[\w./$,:-]*| [A-Z]+=\"[\w./$,: -]*\")*")
_PINNED = re.compile(r"uses: (?:\./\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")
# words of GitLab that are no jobs
_GLOBAL = {"stages", "variables", "default", "workflow", "include", "spec"}
_JOB = {
    *("stage", "script", "rules", "needs", "artifacts", "environment", "variables", "resource_group", "timeout"),
    *("interruptible", "id_tokens", "extends", "image", "tags", "when", "allow_failure", "cache", "retry"),
}


def actionlint(folder: Path) -> list[str]:
    """What actionlint finds in the workflows of a repository. Raises EmbeddedError if it cannot be built."""
    program = go_artefact("actionlint", needs_gib=1).get() / "actionlint"
    files = sorted(str(file) for file in (folder / ".github" / "workflows").glob("*.y*ml"))
    # other programs on a machine (shellcheck, pyflakes) must not change the result
    words = [str(program), "-no-color", "-oneline", "-shellcheck=", "-pyflakes=", *files]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    found = [line.removeprefix(f"{folder}/") for line in (done.stdout + done.stderr).splitlines() if line]
    return found or ([f"actionlint ended with {done.returncode}"] if done.returncode else [])


def github(file: Path) -> Iterator[str]:
    """The faults of one workflow."""
    text = file.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        if (at := line.find("uses: ")) >= 0 and not _PINNED.fullmatch(line[at:].rstrip()):
            yield f"{file.name}:{number}: pin it by commit with the version beside it: OWNER/NAME@COMMIT # v1.2.3"
    workflow: dict[Any, Any] = yaml.safe_load(text)
    # YAML reads the word `on` as true
    events = workflow.get("on", workflow.get(True)) or {}
    if "pull_request_target" in events or "workflow_run" in events:
        yield f"{file.name}: runs what a fork wrote, with the secrets of this repository: use pull_request"
    if "permissions" not in workflow:
        yield f"{file.name}: says nothing of permissions; begin with contents: read"
    for name, job in workflow["jobs"].items():
        if workflow.get("permissions") == "write-all" or job.get("permissions") == "write-all":
            yield f"{file.name}: job {name}: write-all gives the token everything"
        if "uses" in job:
            continue
        if "timeout-minutes" not in job:
            yield f"{file.name}: job {name} has no timeout-minutes"
        for step in job["steps"]:
            if "run" in step and not _MAKE.fullmatch(step["run"].strip()):
                yield f"{file.name}: job {name} runs {step['run'].strip()!r}; what is run belongs into the Makefile"
            if step.get("uses", "").startswith("actions/checkout@") and (step.get("with") or {}).get(
                "persist-credentials", True
            ):
                yield f"{file.name}: job {name} leaves the token in .git: persist-credentials: false"


def gitlab(file: Path) -> Iterator[str]:
    """The faults of GitLab's file, for the part of the structure that this repository uses."""
    jobs: dict[str, Any] = yaml.safe_load(file.read_text())
    stages = jobs.get("stages") or []
    for name, job in jobs.items():
        if name in _GLOBAL:
            continue
        for key in sorted(set(job) - _JOB):
            yield f"{file.name}: {name}.{key}: not a key that this repository uses"
        if name.startswith("."):
            continue
        whole = _extended(jobs, job)
        for key in ("stage", "script", "rules", "timeout"):
            if key not in whole:
                yield f"{file.name}: job {name} has no {key}"
        if whole.get("stage") not in stages:
            yield f"{file.name}: job {name}: no stage {whole.get('stage')}"
        for command in whole.get("script") or []:
            if not _MAKE.fullmatch(command):
                yield f"{file.name}: job {name} runs {command!r}; what is run belongs into the Makefile"
        for need in whole.get("needs") or []:
            other = need["job"] if isinstance(need, dict) else need
            if other not in jobs:
                yield f"{file.name}: job {name} needs {other}, which does not exist"
                continue
            order = [_extended(jobs, jobs[one]).get("stage") for one in (other, name)]
            if set(order) <= set(stages) and stages.index(order[0]) > stages.index(order[1]):
                yield f"{file.name}: job {name} needs {other} of a later stage"


def _extended(jobs: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """A job with what it extends."""
    bases = job.get("extends") or []
    whole: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        whole |= _extended(jobs, jobs[base])
    return {**whole, **job}


def problems(folder: Path) -> list[str]:
    """Every problem of the pipelines of a repository. Raises EmbeddedError if actionlint cannot be built."""
    found = actionlint(folder)
    if found:
        return found  # the other checks need files that actionlint accepts
    for file in sorted((folder / ".github" / "workflows").glob("*.y*ml")):
        found += github(file)
    other = folder / ".gitlab-ci.yml"
    return [*found, *(gitlab(other) if other.exists() else [])]


def main(words: list[str]) -> int:
    """Check this repository, or the folder that is named."""
    folder = Path(words[0]).resolve() if words else REPOSITORY
    try:
        found = problems(folder)
    except PROBLEMS as error:
        return told(error)
    print("\n".join(found) if found else "the pipelines' files are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
