"""The control topic of the archive stays whole, whatever is wrong with it: the rule reads its name in the connector."""

from __future__ import annotations

from typing import Any

import pytest
from kafkalogs_policy import judging
from kafkalogs_policy.model import Member

from .mutations import GONE, Path, changed
from .stacks import TODAY, members, settings
from .test_policy_rules import UNKNOWN

CONFIG = ("spec", "config")
WRONG: tuple[tuple[Path, Any, str], ...] = (
    (("protect",), False, "it is the control topic of an Iceberg sink"),
    ((*CONFIG, "retention.ms"), 86_400_000, "spec.config.retention.ms: '86400000'"),
    ((*CONFIG, "retention.ms"), GONE, "spec.config.retention.ms: absent"),
    ((*CONFIG, "retention.ms"), UNKNOWN, "spec.config.retention.ms: not known"),
    ((*CONFIG, "retention.bytes"), 1, "spec.config.retention.bytes: '1'"),
    ((*CONFIG, "cleanup.policy"), "compact", "spec.config.cleanup.policy: 'compact'"),
)


def said(stack: str, all_: list[Member]) -> list[str]:
    found = judging.of_stack(all_, settings(stack), TODAY, preview=False)
    return [judgement.text for judgement in found if judgement.member.name == "archive-control"]


@pytest.mark.parametrize("stack", ["prod", "staging"])
@pytest.mark.parametrize(("path", "value", "text"), WRONG)
def test_a_control_topic_that_can_lose_records_is_refused(stack: str, path: Path, value: Any, text: str) -> None:
    all_ = list(members(stack))
    (index,) = (number for number, member in enumerate(all_) if member.name == "archive-control")
    assert said(stack, all_) == []
    all_[index] = changed(all_[index], path, value)
    assert any(text in told for told in said(stack, all_)), said(stack, all_)
