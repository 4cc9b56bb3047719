"""What an installed package holds."""

import tomllib
from pathlib import Path

from setuptools import find_packages

COMPONENTS = Path(__file__).resolve().parents[2] / "components"


def test_every_folder_is_installed():
    """One without an __init__.py is left out, and nobody sees it where the package is installed as editable."""
    settings = tomllib.loads((COMPONENTS / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    folders = {".".join(file.parent.relative_to(COMPONENTS).parts) for file in (COMPONENTS / "kafkalogs").rglob("*.py")}
    assert set(find_packages(str(COMPONENTS), include=settings["include"])) == folders
    assert "kafkalogs.aws" in folders
