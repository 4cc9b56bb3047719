"""The registry's images."""

import ast
import sys
from pathlib import Path

from embedded.registry_image import registry_image, schemas_image

APP = Path(__file__).resolve().parents[3] / "apps" / "schemas"


def test_they_run_as_somebody_without_rights():
    assert registry_image().user == schemas_image().user == "1001"


def test_the_tag_of_the_registry_begins_with_its_version():
    assert registry_image().ref.startswith("localhost/kafkalogs/registry:3.3.3-")


def test_the_program_that_registers_needs_nothing_but_python():
    imported: set[str] = set()
    for file in APP.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names | {"schemas"}
