"""Which classes go into the jar of each plugin."""

import re
import zipfile

import pytest

from embedded.build.images.connect import ARCHIVE_PARTS, AUDIT_PARTS, OUR_PARTS, SOURCES
from embedded.build.java import write_jar


@pytest.fixture(scope="module")
def ours(classes, tmp_path_factory):
    """The folder of the classes that are not of tests."""
    sources = [source.relative_to(SOURCES / "src").with_suffix("") for source in (SOURCES / "src").rglob("*.java")]
    folder = tmp_path_factory.mktemp("ours")
    for source in sources:
        (folder / source.parent).mkdir(parents=True, exist_ok=True)
        for file in (classes / source.parent).glob(f"{source.name}*.class"):
            (folder / source.parent / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.mark.parametrize("parts", [ARCHIVE_PARTS, AUDIT_PARTS, OUR_PARTS])
def test_a_plugin_has_every_class_of_ours_that_its_classes_use(ours, parts, tmp_path):
    """Each plugin has a class loader of its own: a class that is only in another plugin ends a connector's task."""
    write_jar(ours, tmp_path / "plugin.jar", parts)
    with zipfile.ZipFile(tmp_path / "plugin.jar") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    used = {match.decode() for code in content.values() for match in re.findall(rb"kafkalogs/[\w/$]+", code)}
    exist = {str(file.relative_to(ours).with_suffix("")) for file in ours.rglob("*.class")}
    assert {f"{name}.class" for name in used & exist} <= content.keys()
    assert used & exist
