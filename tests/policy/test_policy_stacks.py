"""The stacks keep the rules."""

from __future__ import annotations

import pytest
from kafkalogs_policy import judging
from kafkalogs_policy.rules import NAMES, RULES

from .stacks import FILES, STACKS, TODAY, judged, members, settings


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
@pytest.mark.parametrize("stack", STACKS)
def test_nothing_of_a_stack_is_refused(stack: str, preview: bool) -> None:
    refused = [f"{j.rule} {j.member.name}: {j.text}" for j in judged(stack, preview) if j.verdict == "refused"]
    assert not refused, "\n".join(refused)


@pytest.mark.parametrize("stack", FILES)
def test_every_exception_of_a_stack_is_needed(stack: str) -> None:
    assert [str(known) for known in judging.unused(members(stack), settings(stack), TODAY)] == []


@pytest.mark.parametrize("stack", FILES)
def test_what_an_update_knows_is_known_to_every_rule(stack: str) -> None:
    """What a first preview cannot know is judged here, with values as AWS and Kubernetes give them."""
    assert not [j for j in judged(stack) if j.verdict == "later" or "not known" in j.text]


# known-types is about the types that are not in the example
@pytest.mark.parametrize("rule", sorted({*NAMES} - {"known-types"}))
def test_every_rule_has_something_to_look_at_in_the_example(rule: str) -> None:
    (found,) = [known for known in RULES if known.name == rule]
    assert any(found.applies(member.type) for member in members("example"))
