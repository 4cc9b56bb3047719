"""``python -m ci.preview STACK``: what a stack would change, checked by the policies, as a plan for people.

The plan is in ``.kafkalogs/plan-STACK.md`` whatever happens, so that a pull request shows it: the changes, or why there
is no plan. POLICIES or POLICIES_REF name other rules than this checkout's (ci/policies.py). DANGEROUS decides on
changes that lose data or widen access: ``refuse`` or ``allow``.

exit codes:
  0  there is a plan, and nothing in it is refused
  1  there is no plan: a mistake in the stack file, a violated policy, no cluster, no stack
  3  the plan has dangerous changes, and they are refused
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafkalogs.config.exit_codes import PLAN_CHANGES, PLAN_DANGERS, PLAN_UNCHANGED

from ci.policies import policies
from ci.stack import PROBLEMS, Stack, StackError, last_words, stack, told

KAFKALOGS = [sys.executable, "-m", "kafkalogs.cli"]
REFUSED = 3


@dataclass(frozen=True)
class Violation:
    """A policy that one resource violates. level: mandatory or advisory."""

    rule: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True)
class Preview:
    """danger: an exit code of `kafkalogs plan`, None without a plan. text: the plan, or why there is none."""

    danger: int | None
    text: str


def preview(of: Stack, *options: str) -> Preview:
    """Preview a stack with the policies, and write its plan. options: further ones of `pulumi preview`."""
    of.plan.unlink(missing_ok=True)
    log = of.preview.with_suffix(".events")
    log.unlink(missing_ok=True)
    words = ["pulumi", "preview", "--json", *of.options(), "--policy-pack", str(policies(os.environ)), *options]
    # The JSON has no violations of policies. They are in the engine's event log, which this variable turns on.
    done = of.run([*words, "--event-log", str(log)], PULUMI_DEBUG_COMMANDS="true")
    of.preview.write_text(done.stdout)
    violations = read_violations(log)
    log.unlink(missing_ok=True)
    mandatory = any(found.level == "mandatory" for found in violations)
    unexpected = "--expect-no-changes" in options and not mandatory and "no changes were expected" in problems(done)
    if done.returncode and not unexpected:
        text = f"**No plan: the preview failed.**\n\n{_policies(violations)}{_fenced(problems(done))}\n"
        result = Preview(None, text)
    else:
        plan = of.run([*KAFKALOGS, "plan", str(of.preview)])
        # 2 is also the exit code for wrong arguments; then nothing is printed
        if plan.returncode not in (PLAN_UNCHANGED, PLAN_CHANGES, PLAN_DANGERS) or not plan.stdout.strip():
            text = f"**No plan: `kafkalogs plan` failed.**\n\n{_fenced(last_words(plan.stderr))}\n"
            result = Preview(None, text)
        else:
            result = Preview(plan.returncode, f"{plan.stdout.rstrip()}\n\n{_policies(violations)}".rstrip() + "\n")
    of.plan.write_text(result.text)
    return result


def read_violations(log: Path) -> list[Violation]:
    """The policies' violations in an event log of Pulumi, one JSON object a line."""
    if not log.exists():
        return []
    found: list[Violation] = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            event: dict[str, Any] = json.loads(line).get("policyEvent") or {}
        except (ValueError, AttributeError):
            continue  # the last line of a program that was killed
        if event:
            rule, level = event.get("policyName", ""), event.get("enforcementLevel", "mandatory")
            found.append(
                Violation(rule, level, _resource(event.get("resourceUrn", "")), event.get("message", "").strip())
            )
    return sorted(set(found), key=lambda one: (one.level != "mandatory", one.rule, one.resource, one.message))


def _resource(urn: str) -> str:
    """Kind and name of a resource: ``KafkaTopic logs.audit``; of the whole stack, its name."""
    kinds, _, name = urn.split("::", 2)[-1].rpartition("::")
    return f"{re.split('[:$]', kinds)[-1]} {name}".strip()


def problems(done: Any) -> str:
    """Pulumi's errors: from its JSON, else the end of its output."""
    try:
        said: list[dict[str, Any]] = json.loads(done.stdout).get("diagnostics") or []
    except (ValueError, AttributeError):
        said = []
    errors = [one.get("message", "").strip() for one in said if one.get("severity") == "error"]
    text = "\n".join([*dict.fromkeys(filter(None, errors)), last_words(done.stderr)]).strip()
    hint = "\nMake it once by: pulumi stack init, see docs/production.md" if "no stack named" in text else ""
    return (text or last_words(done.stdout) or f"pulumi ended with {done.returncode} and said nothing") + hint


def _policies(violations: list[Violation]) -> str:
    """The violations as a list in Markdown; nothing without any."""
    if not violations:
        return ""
    lines = [f"- `{one.rule}` ({one.level}), `{one.resource}`: {_sentences(one.message)}" for one in violations]
    return "\n".join(["### Policies", "", *lines, "", ""])


def _sentences(message: str) -> str:
    """A message in one line. Pulumi puts the rule's title before it, on a line of its own."""
    return ". ".join(" ".join(line.split()).rstrip(".") for line in message.splitlines() if line.strip())


def _fenced(text: str) -> str:
    """A block of code with the text; the fence is longer than any in the text."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", text)), 3)
    return f"{fence}\n{text}\n{fence}"


def refuses(setting: str) -> bool:
    """Whether dangerous changes are refused, by the value of DANGEROUS. Raises StackError."""
    if setting not in ("", "refuse", "allow"):
        raise StackError(f"DANGEROUS={setting}: write refuse or allow")
    return setting != "allow"


def show(title: str, text: str) -> None:
    """Print a report; on GitHub also on the page of the run, for the person who approves."""
    print(text)
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with Path(page).open("a") as file:
            file.write(f"## {title}\n\n{text}\n")


def main(words: list[str]) -> int:
    """Preview the stack that is named."""
    try:
        refuse = refuses(os.environ.get("DANGEROUS", ""))
        of = stack(words[0] if words else "")
        found = preview(of)
    except PROBLEMS as error:
        return told(error)
    show(f"Plan of {of.name}", found.text)
    if found.danger is None:
        return 1
    if found.danger == PLAN_DANGERS and refuse:
        print("error: this can lose data or widen access; DANGEROUS=allow accepts it", file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
