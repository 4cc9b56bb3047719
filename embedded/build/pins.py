"""The pinned versions and checksums of everything that is not a Python package: ``pins.toml`` beside this file."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def pins() -> dict[str, Any]:
    """The tables of ``pins.toml``."""
    return tomllib.loads(Path(__file__).with_name("pins.toml").read_text())
