"""``python -m ci.drift STACK``: compares the running platform with the declared one.

Two checks: would `pulumi up` change anything (it reads the cluster first), and does the doctor find a fault. The
result is in ``.kafkalogs/drift-STACK.md``; without that file, the check did not run.

exit codes: 0 no drift, 1 drift, or the check failed.
"""

from __future__ import annotations

import sys

from kafkalogs.config.exit_codes import DONE, PLAN_UNCHANGED

from ci.preview import KAFKALOGS, preview, show
from ci.stack import PROBLEMS, Stack, last_words, stack, told

_COLUMNS = "150"
"""How wide the doctor's tables are; a page shows more than a terminal of 80 characters."""

ALL_WELL = "All is as declared.\n"


def drift(of: Stack) -> list[str]:
    """The drift, one section of Markdown for each check; empty if there is none."""
    found: list[str] = []
    planned = preview(of, "--refresh", "--expect-no-changes")
    if planned.danger != PLAN_UNCHANGED:
        title = "The preview failed" if planned.danger is None else "What `pulumi up` would change"
        found.append(f"### {title}\n\n{planned.text}")
    file = ["--file", of.file] if of.file else []
    doctor = of.run([*KAFKALOGS, "doctor", "-s", of.name, *file], COLUMNS=_COLUMNS)
    if doctor.returncode != DONE:
        said = "\n".join(filter(None, [doctor.stdout.rstrip(), last_words(doctor.stderr)]))
        found.append(f"### What `kafkalogs doctor -s {of.name}` says\n\n````\n{said}\n````\n")
    return found


def main(words: list[str]) -> int:
    """Check the given stack."""
    try:
        of = stack(words[0] if words else "")
        of.drift.unlink(missing_ok=True)
        found = drift(of)
    except PROBLEMS as error:
        return told(error)
    text = "\n".join(found) or ALL_WELL
    of.drift.write_text(text)
    show(f"Drift of {of.name}", text)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
