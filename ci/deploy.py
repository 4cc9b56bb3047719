"""``python -m ci.deploy STACK``: bring a stack up, if its plan is the one that was approved.

APPROVED names the file with the plan that a person has approved; a different plan is not deployed. Without APPROVED,
running this command is the approval. DANGEROUS: see ``ci.preview``.

exit codes: those of ``ci.preview``, and 1 when Pulumi fails or the plan differs.
"""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from pathlib import Path

from kafkalogs.config.exit_codes import PLAN_DANGERS

from ci.preview import REFUSED, preview, refuses, show
from ci.stack import POLICIES, PROBLEMS, StackError, stack, told
from embedded import REPOSITORY


def approved(file: str) -> str | None:
    """The approved plan; None if APPROVED is empty. Raises StackError if the file is missing."""
    if not file:
        return None
    try:
        return (REPOSITORY / file).read_text()
    except OSError as error:
        raise StackError(f"APPROVED={file}: {error.strerror}; it is the plan-STACK.md of an earlier preview") from error


def main(words: list[str]) -> int:
    """Deploy the stack that is named."""
    try:
        refuse = refuses(os.environ.get("DANGEROUS", ""))
        # before the preview writes its own plan, perhaps to the same file
        wanted = approved(os.environ.get("APPROVED", ""))
        of = stack(words[0] if words else "")
        found = preview(of)
    except PROBLEMS as error:
        return told(error)
    show(f"Deployed to {of.name}", found.text)
    if found.danger is None:
        return 1
    if wanted is not None and wanted != found.text:
        changed = difflib.unified_diff(wanted.splitlines(), found.text.splitlines(), "approved", "now", lineterm="")
        print("\n".join(changed), file=sys.stderr)
        return told(StackError("the plan is not the one that was approved; preview it and approve it again"))
    if found.danger == PLAN_DANGERS and refuse:
        print("error: this can lose data or widen access; DANGEROUS=allow accepts it", file=sys.stderr)
        return REFUSED
    command = ["pulumi", "up", "--yes", "--skip-preview", *of.options(), "--policy-pack", str(POLICIES)]
    # Pulumi's output goes straight to the terminal
    sys.stdout.flush()
    done = subprocess.run(command, cwd=Path(REPOSITORY), env=dict(of.env), stdin=subprocess.DEVNULL, check=False)
    return told(StackError(f"`{' '.join(command)}` ended with {done.returncode}")) if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
