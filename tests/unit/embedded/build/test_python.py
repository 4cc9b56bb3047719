from __future__ import annotations

from pathlib import Path

import pytest

from embedded.build.cache import EmbeddedError
from embedded.build.python import python_packages


def test_corrupt_download_is_refused(tmp_path: Path) -> None:
    """pip compares hashes: a wheel that is not the pinned one fails the build."""
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not what was pinned")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"thing @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    packages = python_packages(requirements)
    with pytest.raises(EmbeddedError, match="DO NOT MATCH THE HASHES"):
        packages.get()
    assert not packages.ready


def test_missing_requirements_are_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"requirements\.txt is missing"):
        python_packages(tmp_path / "requirements.txt")
