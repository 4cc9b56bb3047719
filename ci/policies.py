"""The policy pack that judges a preview: this checkout's, or in a pull request that of the base branch.

A pull request may change the rules. Its own rules must not judge it, so the pipeline names those of the base branch:
POLICIES is a folder with them (GitHub checks it out), POLICIES_REF a commit that has them (GitLab's jobs fetch it).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ci.stack import POLICIES, StackError, last_words
from embedded import REPOSITORY
from embedded.machine.state import state_dir

_FILE: Final = "PulumiPolicy.yaml"


def policies(env: Mapping[str, str]) -> Path:
    """The folder of the pack. Raises StackError."""
    folder, commit = env.get("POLICIES", ""), env.get("POLICIES_REF", "")
    if folder and commit:
        raise StackError("POLICIES and POLICIES_REF are both set: which rules? Remove one of them.")
    if commit:
        return _beside_packages(_fetched(commit))
    if folder:
        return _beside_packages(REPOSITORY / folder)
    return POLICIES


def _fetched(commit: str) -> Path:
    """The pack of a commit, which the checkout of a pipeline may lack."""
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise StackError(f"POLICIES_REF={commit}: not a commit; write its 40 digits")
    target = _emptied("fetched")
    archive = target / "policy.tar"
    _git("fetch", "--quiet", "--depth=1", "origin", commit)
    _git("archive", "--format=tar", f"--output={archive}", commit, "policy")
    shutil.unpack_archive(archive, target, filter="data")
    return target / "policy"


def _beside_packages(pack: Path) -> Path:
    """A copy of a pack with this checkout's Python packages where the pack looks for them."""
    if not (pack / _FILE).is_file():
        raise StackError(f"{pack}: no {_FILE} there, so it is no policy pack; name the folder policy of a checkout")
    target = _emptied("base")
    shutil.copytree(pack, target / "policy")
    (target / ".venv").symlink_to(REPOSITORY / ".venv")
    return target / "policy"


def _emptied(name: str) -> Path:
    folder = state_dir() / f"policies-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"`git {' '.join(words)}` failed: {last_words(done.stderr)}")
