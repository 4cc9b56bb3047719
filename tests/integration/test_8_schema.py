"""The schema of events changes: what is compatible is registered, what is not fails `pulumi up` and changes nothing.

It comes last: a registry does not take back a version.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import pipeline
from tests.support.sandbox import REPO, Sandbox

SUBJECT = "/subjects/logs.cart-service-value"
MARK = '    Field("attributes", "attributes",'
OPTIONAL = '    Field("region", "text", "Where it runs.", required=False),\n'
REQUIRED = '    Field("region", "text", "Where it runs."),\n'


@pytest.fixture
def copy(platform: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """The program in another folder, to be changed there."""
    for name in ("Pulumi.yaml", "infra", "components", "apps", "jobs", "stacks"):
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name)
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / ".venv").symlink_to(REPO / ".venv")
    before = platform.env.get("PYTHONPATH")
    platform.env["PYTHONPATH"] = str(tmp_path / "components")
    yield tmp_path
    platform.env.pop("PYTHONPATH")
    if before is not None:
        platform.env["PYTHONPATH"] = before


def with_field(folder: Path, line: str) -> None:
    file = folder / "components" / "kafkalogs" / "schemas" / "event.py"
    text = (REPO / "components" / "kafkalogs" / "schemas" / "event.py").read_text()
    assert text.count(MARK) == 1
    file.write_text(text.replace(MARK, line + MARK))


def versions(platform: Sandbox) -> list[int]:
    found: list[int] = pipeline.registry(platform, f"{SUBJECT}/versions")
    return found


def newest(platform: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = pipeline.registry(platform, f"{SUBJECT}/versions/latest")
    return found


def test_an_incompatible_schema_fails_with_the_registrys_reason(platform: Sandbox, copy: Path) -> None:
    before = versions(platform)
    with_field(copy, REQUIRED)
    result = platform.up("--cwd", str(copy), check=False)
    assert result.code != 0
    assert "incompatible" in result.text
    assert "region" in result.text or "required property" in result.text, result.text[-3000:]
    assert "Traceback" not in result.text
    assert versions(platform) == before


def test_a_compatible_schema_is_registered(platform: Sandbox, copy: Path) -> None:
    before = versions(platform)
    with_field(copy, OPTIONAL)
    platform.up("--cwd", str(copy))
    assert len(versions(platform)) == len(before) + 1
    assert '"region"' in newest(platform)["schema"]
