"""Every command that the documents show exists: make targets, and `kafkalogs` with its options."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kafkalogs import cli

REPO = Path(__file__).resolve().parents[2]
DOCUMENTS = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
_MAKE = re.compile(r"(?:^|[`(\s])make (?:-s )?([a-z]+)(?=[`)\s,.:;]|$)", re.M)


def shown(document: Path) -> Iterator[str]:
    """The lines of shell of a document, and its code within a line."""
    text = document.read_text()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        yield from (line.split("  #")[0].strip() for line in block.splitlines() if not line.startswith("#"))
    # what is quoted within a paragraph, without the blocks
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def names(document: Path) -> str:
    return str(document.relative_to(REPO))


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_make_target_exists(document: Path):
    targets = set(re.findall(r"^([a-z]+):.*## ", (REPO / "Makefile").read_text(), re.M))
    named = {found for line in shown(document) for found in _MAKE.findall(line)}
    assert named <= targets, named - targets


def test_the_targets_of_the_production_page_are_found():
    text = "\n".join(shown(REPO / "docs" / "production.md"))
    assert {"preview", "deploy", "drift", "images", "test", "env"} <= set(_MAKE.findall(text))


def commands_of(document: Path) -> list[list[str]]:
    """The words of each `kafkalogs ...` that a document shows, without those that stand for something."""
    lines = [line for line in shown(document) if line.startswith("kafkalogs ")]
    return [shlex.split(line.split(" | ")[0].split(" > ")[0])[1:] for line in lines if "..." not in line]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_kafkalogs_command_exists_with_its_options(document: Path, capsys: pytest.CaptureFixture[str]):
    parser = cli.parser()
    known = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    for words in commands_of(document):
        assert words[0] in known, f"kafkalogs {words[0]}"
        options = {word.split("=")[0] for word in words[1:] if word.startswith("-")}
        assert options <= set(known[words[0]]._option_string_actions), words


def test_the_commands_that_restore_and_replay_are_understood_as_they_stand():
    for words in commands_of(REPO / "docs" / "production.md"):
        if len(words) > 3:
            assert callable(cli.parser().parse_args(words).run)


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_file_that_a_document_links_to_exists(document: Path):
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text()):
        if not re.match(r"[a-z]+:", link):
            assert (document.parent / link).exists(), link


def test_the_services_of_the_production_page_are_services():
    from kafkalogs.checks.loading import load

    stack = yaml.safe_load((REPO / "stacks" / "Pulumi.staging.yaml").read_text())["config"]["kafkalogs:platform"]
    for block in re.findall(r"^```yaml\n(.*?)^```", (REPO / "docs" / "production.md").read_text(), re.M | re.S):
        added = yaml.safe_load(block)["services"]
        loaded = load({**stack, "services": {**stack["services"], **added}})
        assert set(added) <= set(loaded.services)
