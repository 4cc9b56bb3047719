import sys
from pathlib import Path
from typing import Any

# the pack's own package, as Pulumi finds it
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "policy"))

_TRIED = ("test_the_rule_fires[", "test_a_guarded_value_that_is_unknown_is_a_violation[")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many mutations there were, and how many no rule noticed."""
    counts = {
        outcome: [sum(tried in report.nodeid for report in terminalreporter.stats.get(outcome, [])) for tried in _TRIED]
        for outcome in ("passed", "failed")
    }
    mutations, unknowns = (caught + missed for caught, missed in zip(counts["passed"], counts["failed"], strict=True))
    if mutations + unknowns:
        survived = sum(counts["failed"]) or "none"
        text = f"policies: {mutations} mutations and {unknowns} unknown values, {survived} survived"
        terminalreporter.write_sep("-", text)
