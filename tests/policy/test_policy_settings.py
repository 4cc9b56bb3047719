"""What the stack says to the pack: environment, compliance, exceptions."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

import pytest
import yaml
from kafkalogs import load
from kafkalogs.config import environments as platform_environments
from kafkalogs.config import models as platform_config
from kafkalogs_policy import environments, judging
from kafkalogs_policy.environments import DAY, ENVIRONMENTS, HOUR, STRICTEST
from kafkalogs_policy.later import TABLE
from kafkalogs_policy.rules import NAMES
from kafkalogs_policy.settings import LONGEST_EXCEPTION_DAYS, OWN, PLATFORM, Settings, read
from kafkalogs_policy.units import duration, parse_duration

from tests.support.render import REPO

from . import example
from .mutations import GONE, changed
from .stacks import FILES, TODAY, config, judged

GOOD = {"rule": "producer-quota", "resource": "checkout", "reason": "moves in December", "expires": "2026-12-31"}


def of_platform(**values: Any) -> Settings:
    return read({PLATFORM: json.dumps(values)}, NAMES, values.get("environment", ""))


def test_nothing_said_is_the_strictest() -> None:
    assert read({}, NAMES) == Settings(STRICTEST)
    assert of_platform().demands == ENVIRONMENTS["prod"]


def test_the_platform_says_its_environment_and_its_floor() -> None:
    found = of_platform(environment="staging", compliance={"auditFloor": "36h", "archiveYears": {"audit": 3}})
    assert (found.demands.environment, found.demands.audit_floor, found.demands.archive_years) == (
        "staging",
        36 * HOUR,
        3,
    )
    assert found.problems == ()


def test_another_program_says_the_same_in_its_own_place() -> None:
    own = {"environment": "local", "auditFloor": "2d", "exceptions": [GOOD], "encryptedStorageClasses": ["gp3"]}
    found = read({OWN: json.dumps(own)}, NAMES, "local")
    assert found.problems == ()
    assert (found.demands.environment, found.demands.audit_floor) == ("local", 2 * DAY)
    assert found.demands.encrypted_classes == {"gp3"}
    assert [e.rule for e in found.exemptions] == ["producer-quota"]


def test_a_stack_of_the_platform_says_it_in_one_place() -> None:
    found = read({PLATFORM: "{}", OWN: json.dumps({"environment": "local", "encryptedStorageClasses": ["a"]})}, NAMES)
    assert found.demands.environment == "prod"
    assert found.demands.encrypted_classes == {"a"}
    assert found.problems == (f"{OWN}.environment: write it in {PLATFORM}, which this stack has",)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"environment": "production"}, "environment: 'production': no such environment; write local, staging, prod"),
        ({"auditFloor": "1y"}, "auditFloor: '1y': not a duration"),
        ({"archiveYears": "many"}, "archiveYears: 'many': not a number of years"),
        ({"retention": "1d"}, "retention: unknown key"),
        ({"encryptedStorageClasses": "gp3"}, "encryptedStorageClasses: 'gp3': not a list of names"),
        ({"exceptions": "none"}, "exceptions: not a list"),
        ({"exceptions": [{**GOOD, "rule": "quota"}]}, "exceptions.0: rule: 'quota': no such rule"),
        ({"exceptions": [{**GOOD, "reason": " "}]}, "exceptions.0: reason is missing"),
        ({"exceptions": [{**GOOD, "expires": "soon"}]}, "exceptions.0: expires: 'soon': not a day"),
        ({"exceptions": [{**GOOD, "expires": "2026-13-01"}]}, "exceptions.0: expires: '2026-13-01': not a day"),
        ({"exceptions": ["all"]}, "exceptions.0: rule is missing"),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_the_strictest_holds(own: dict[str, Any], said: str) -> None:
    found = read({OWN: json.dumps(own)}, NAMES)
    assert any(said in problem for problem in found.problems), found.problems
    assert found.demands == STRICTEST
    assert found.exemptions == ()


@pytest.mark.parametrize("text", ["{", "[]", "1", '"local"'])
def test_settings_that_are_no_object_are_a_problem(text: str) -> None:
    assert read({OWN: text}, NAMES).problems == (f"{OWN}: not an object",)


def _broken() -> list[Any]:
    members = example.members()
    (index,) = [i for i, m in enumerate(members) if m.type.endswith(":KafkaUser")]
    members[index] = changed(members[index], ("spec", "quotas", "producerByteRate"), GONE)
    return members


def _verdicts(settings: Settings, today: datetime.date = TODAY) -> list[tuple[str, str]]:
    return [(j.verdict, j.text) for m in _broken() for j in judging.of_member(m, settings, today)]


@pytest.mark.parametrize("resource", ["checkout", "check*", "KafkaUser/checkout", "KafkaUser/*out", "*ckou*"])
def test_an_exception_is_honoured_and_said(resource: str) -> None:
    ((verdict, text),) = _verdicts(of_platform(exceptions=[{**GOOD, "resource": resource}]))
    assert verdict == "excused"
    assert text == (
        "exception to producer-quota until 2026-12-31: moves in December (it lets pass: spec.quotas.producerByteRate)"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"resource": "payment"},
        {"rule": "non-root"},
        {"resource": "KafkaTopic/checkout"},
        {"resource": "CHECKOUT"},
        {"resource": "[a-z]heckout"},
        {"resource": "?heckout"},
    ],
)
def test_an_exception_is_for_what_it_names(other: dict[str, str]) -> None:
    assert [verdict for verdict, _ in _verdicts(of_platform(exceptions=[{**GOOD, **other}]))] == ["refused"]


def test_an_exception_holds_to_the_end_of_its_last_day() -> None:
    known = of_platform(exceptions=[GOOD])
    last = datetime.date(2026, 12, 31)
    assert [verdict for verdict, _ in _verdicts(known, last)] == ["excused"]
    ((verdict, text),) = _verdicts(known, last + datetime.timedelta(days=1))
    assert verdict == "refused"
    assert text.endswith("(an exception for it ended on 2026-12-31)")


@pytest.mark.parametrize("resource", ["*", "**", "c*", "*/*", "*/checkout", "KafkaUser/*", "KafkaUser/c*", "Kafka*/a"])
def test_an_exception_for_almost_everything_is_a_problem_and_lets_nothing_pass(resource: str) -> None:
    found = of_platform(exceptions=[{**GOOD, "resource": resource}])
    (problem,) = found.problems
    assert problem.startswith(f"{PLATFORM}.exceptions.0: resource: {resource!r}: names almost everything; write Kind/")
    assert [verdict for verdict, _ in _verdicts(found)] == ["refused"]


def test_an_exception_ends_within_180_days_of_the_preview() -> None:
    longest = TODAY + datetime.timedelta(days=LONGEST_EXCEPTION_DAYS)
    known = of_platform(exceptions=[{**GOOD, "expires": longest.isoformat()}])
    assert known.problems_on(TODAY) == ()
    assert [verdict for verdict, _ in _verdicts(known)] == ["excused"]
    earlier = TODAY - datetime.timedelta(days=1)
    assert known.problems_on(earlier) == (
        "exception to producer-quota of checkout: expires: 2027-05-22: more than 180 days ahead; "
        "write 2027-05-21 or earlier",
    )
    ((verdict, text),) = _verdicts(known, earlier)
    assert verdict == "refused"
    assert text.endswith("(an exception for it ends on 2027-05-22, too late to be accepted)")


@pytest.mark.parametrize(
    ("stack", "said", "holds"),
    [
        ("local", "local", "local"),
        ("local-anna", "local", "local"),
        ("staging-eu", "staging", "staging"),
        ("local", "prod", "prod"),
        ("prod", "local", "prod"),
        ("prod-local", "local", "prod"),
        ("localhost", "local", "prod"),
        ("", "staging", "prod"),
        ("staging", "local", "staging"),
        ("shop", "staging", "prod"),
    ],
)
def test_a_stack_is_not_held_to_less_than_its_name_says(stack: str, said: str, holds: str) -> None:
    found = read({PLATFORM: json.dumps({"environment": said})}, NAMES, stack)
    assert found.demands.environment == holds
    refused = [f"{PLATFORM}.environment: {said!r}: the stack's name {stack!r} says {holds}"] if said != holds else []
    assert [problem.partition(";")[0] for problem in found.problems] == refused


def test_another_environment_holds_once_it_is_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "APPROVED", {"shop": "staging"})
    found = read({PLATFORM: json.dumps({"environment": "staging"})}, NAMES, "shop")
    assert (found.demands.environment, found.problems) == ("staging", ())
    assert read({PLATFORM: json.dumps({"environment": "local"})}, NAMES, "shop").demands.environment == "staging"


@pytest.mark.parametrize("stack", FILES)
def test_a_stack_file_of_the_project_needs_no_exception_and_so_never_goes_out_of_date(stack: str) -> None:
    platform = config(FILES[stack])[PLATFORM]
    assert "exceptions" not in platform
    assert read(config(FILES[stack]), NAMES, stack).problems == ()


def test_a_day_without_quotes_is_read_as_pulumi_passes_it() -> None:
    found = of_platform(exceptions=[{**GOOD, "expires": "2026-12-31 00:00:00 +0000 UTC"}])
    assert [e.expires for e in found.exemptions] == [datetime.date(2026, 12, 31)]


def test_exceptions_between_resources_are_honoured() -> None:
    members = [m for m in example.members() if not m.type.endswith(":BucketVersioning")]
    assert [j.verdict for j in judging.of_stack(members, Settings(), TODAY)] == ["refused"]
    known = of_platform(exceptions=[{**GOOD, "rule": "deletion-protection", "resource": "archive"}])
    assert [j.verdict for j in judging.of_stack(members, known, TODAY)] == ["excused"]


def test_an_exception_that_nothing_needs_is_named() -> None:
    known = of_platform(exceptions=[GOOD, {**GOOD, "resource": "nobody"}])
    assert [e.resource for e in judging.unused(_broken(), known, TODAY)] == ["nobody"]


# -- what must be the same as in the platform


def test_the_stack_file_knows_the_same_rules() -> None:
    assert set(platform_config.POLICY_RULES) == set(NAMES)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_floor_of_each_environment_is_that_of_the_platform(environment: str) -> None:
    compliance = load({"environment": environment}).compliance
    assert ENVIRONMENTS[environment].audit_floor == compliance.audit_floor
    assert ENVIRONMENTS[environment].archive_years == compliance.years("audit")
    assert set(ENVIRONMENTS) == set(platform_environments.ENVIRONMENTS)


def test_every_value_that_may_come_later_is_one_that_a_stack_needs() -> None:
    said = {j.text.partition("; ")[2] for stack in FILES for j in judged(stack, preview=True) if j.verdict == "later"}
    assert {entry.reason for entry in TABLE} == said


@pytest.mark.parametrize(("text", "value"), [("7d", 7 * DAY), ("36h", 36 * HOUR), ("90s", 90_000), ("5ms", 5)])
def test_durations(text: str, value: int) -> None:
    assert parse_duration(text) == value
    assert parse_duration(duration(value)) == value


# -- what the documents say


def test_every_rule_is_documented_and_nothing_else() -> None:
    named = set(re.findall(r"^\| `([a-z-]+)` \|", (REPO / "docs" / "policies.md").read_text(), re.M))
    assert named == set(NAMES)


def test_the_exceptions_of_the_documents_can_be_read() -> None:
    blocks = re.findall(r"^```yaml\n(config:\n.*?)^```", (REPO / "docs" / "policies.md").read_text(), re.M | re.S)
    assert len(blocks) == 2
    for block in blocks:
        found = read(yaml.safe_load(block)["config"], NAMES, "staging-shop")
        assert found.problems == ()
        assert len(found.exemptions) == 1


def test_the_program_of_the_documents_runs() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", (REPO / "docs" / "policies.md").read_text(), re.M | re.S)
    exec(compile(program, "docs/policies.md", "exec"), {})
