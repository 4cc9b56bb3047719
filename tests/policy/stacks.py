"""The stacks that the rules are tried on: the stack files of the project, rendered, and `example`."""

from __future__ import annotations

import datetime
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from kafkalogs_policy import judging
from kafkalogs_policy.judging import Judgement
from kafkalogs_policy.model import Member
from kafkalogs_policy.rules import NAMES
from kafkalogs_policy.settings import Settings, read

from tests.support.render import REPO, render

from . import example

TODAY = datetime.date(2026, 11, 23)
FILES = {file.name.split(".")[1]: file for file in sorted((REPO / "stacks").glob("Pulumi.*.yaml"))}
STACKS = ("example", *FILES)


def config(file: Path) -> dict[str, Any]:
    """The configuration of a stack file, as Pulumi passes it: no value is a date."""
    return json.loads(json.dumps(yaml.safe_load(file.read_text())["config"], default=str))


@cache
def settings(stack: str) -> Settings:
    return Settings() if stack == "example" else read(config(FILES[stack]), NAMES, stack)


@cache
def members(stack: str, preview: bool = False) -> tuple[Member, ...]:
    """The resources of a stack: as an update knows them, or (preview) as the first preview does."""
    if stack == "example":
        return tuple(example.members())
    return tuple(
        Member(r.type, r.name, r.properties, r.protect, r.urn, r.uses) for r in render(FILES[stack], preview=preview)
    )


def judged(stack: str, preview: bool = False) -> list[Judgement]:
    """All that the rules say of a stack."""
    known, all_ = settings(stack), members(stack, preview)
    found = [judgement for member in all_ for judgement in judging.of_member(member, known, TODAY, preview=preview)]
    return [*found, *judging.of_stack(all_, known, TODAY, preview=preview)]
