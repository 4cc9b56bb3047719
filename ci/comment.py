"""``python -m ci.comment STACK...``: writes the plans of these stacks into one comment of the pull request.

exit codes: 0 the comment is written, 1 it could not be written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ci.forge import Forge, ForgeError, here, run_page
from ci.report import joined
from ci.stack import told
from embedded.machine.state import state_dir

MARKER = "<!-- kafkalogs: plans -->"
_MISSING = "*There is no plan: its job did not come that far.*"


def text(plans: Mapping[str, str], env: Mapping[str, str], limit: int) -> str:
    """The comment. plans: by stack."""
    commit, page = env.get("HEAD_SHA") or env.get("CI_COMMIT_SHA", ""), run_page(env)
    of = f" of {commit[:12]}" if commit else ""
    foot = f"\n<sub>Made{of}; [run]({page})</sub>\n" if page else ""
    where = f"in the [run]({page})" if page else "in its file"
    return joined(f"{MARKER}\n# What this would change\n", plans, foot, limit, where)


def comment(forge: Forge, plans: Mapping[str, str], env: Mapping[str, str]) -> str:
    """Make or change the comment of the pull request; returns what was done. Raises ForgeError."""
    if forge.comments is None:
        raise ForgeError("this run is not of a pull request: there is nothing to comment")
    return forge.put(forge.comments, MARKER, text(plans, env, forge.limit))


def reports(kind: str, stacks: list[str]) -> dict[str, str | None]:
    """The reports of these stacks in the state folder; None where there is none."""
    files = {stack: Path(state_dir() / f"{kind}-{stack}.md") for stack in stacks}
    return {stack: file.read_text() if file.exists() else None for stack, file in files.items()}


def main(words: list[str]) -> int:
    """Comment the plans of the stacks that are named."""
    try:
        if not words:
            raise ForgeError("which stacks? Write STACKS=")
        plans = {stack: found or _MISSING for stack, found in reports("plan", words).items()}
        print(f"comment {comment(here(os.environ), plans, os.environ)}")
    except ForgeError as error:
        return told(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
