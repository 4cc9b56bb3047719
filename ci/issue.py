"""``python -m ci.issue STACK...``: the drift of these stacks as one issue: opened, changed, or closed.

A stack that could not be checked counts as drift.

exit codes: 0 the issue is up to date, 1 it could not be written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ci.comment import reports
from ci.drift import ALL_WELL
from ci.forge import Forge, ForgeError, here, run_page
from ci.report import joined
from ci.stack import told

MARKER = "<!-- kafkalogs: drift -->"
TITLE = "What runs is not what is declared"
_UNKNOWN = "*There is no report: the job did not come that far.*"


def issue(forge: Forge, found: Mapping[str, str | None], env: Mapping[str, str]) -> str:
    """Open, change or close the issue; returns what was done. Raises ForgeError."""
    drift = {stack: text or _UNKNOWN for stack, text in found.items() if text != ALL_WELL}
    place = forge.issues(TITLE)
    if not drift:
        return "closed" if forge.close(place, MARKER) else "not needed"
    page = run_page(env)
    head = (
        f"{MARKER}\nThe nightly check compares each stack with what is declared. docs/production.md says what to do.\n"
    )
    foot = f"\n<sub>[run]({page})</sub>\n" if page else ""
    where = f"in the [run]({page})" if page else "in its file"
    return forge.put(place, MARKER, joined(head, drift, foot, forge.limit, where))


def main(words: list[str]) -> int:
    """Update the issue about the given stacks."""
    try:
        if not words:
            raise ForgeError("which stacks? Write STACKS=")
        print(f"issue {issue(here(os.environ), reports('drift', words), os.environ)}")
    except ForgeError as error:
        return told(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
