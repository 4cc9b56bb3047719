"""Archives: what is unpacked, and where."""

import io
import tarfile
import zipfile

import pytest

from embedded.build.archives import unpack


def test_programs_stay_executable(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, mode in {"x-1/bin/run": 0o100755, "x-1/lib/data.jar": 0o100644}.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, "x")
    unpack(tmp_path / "x.zip", tmp_path / "out")
    assert (tmp_path / "out" / "x-1" / "bin" / "run").stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "out" / "x-1" / "lib" / "data.jar").stat().st_mode & 0o111


@pytest.fixture(params=["x.tar.gz", "x.zip"])
def archive(request, tmp_path):
    """An archive with a folder, a program and a text."""
    path = tmp_path / request.param
    files = {"x-1/bin/run": 0o755, "x-1/readme": 0o644}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as members:
            members.mkdir("x-1")
            for name, mode in files.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = (0o100000 | mode) << 16
                members.writestr(entry, name)
    else:
        with tarfile.open(path, "w:gz") as members:
            folder = tarfile.TarInfo("x-1")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            members.addfile(folder)
            for name, mode in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(name), mode
                members.addfile(entry, io.BytesIO(name.encode()))
    return path


def test_files_go_where_they_are_placed_or_nowhere(archive, tmp_path):
    unpack(archive, tmp_path / "out", lambda path: "bin/start" if path == "x-1/bin/run" else None)
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["bin", "start"]
    assert (tmp_path / "out" / "bin" / "start").read_text() == "x-1/bin/run"
    assert (tmp_path / "out" / "bin" / "start").stat().st_mode & 0o111


def test_only_files_are_placed(archive, tmp_path):
    asked = []
    unpack(archive, tmp_path / "out", asked.append)
    assert asked == ["x-1/bin/run", "x-1/readme"]


def test_a_tar_archive_that_ends_like_a_zip_archive_is_one_of_tar(tmp_path):
    with zipfile.ZipFile(tmp_path / "last.jar", "w") as jar:
        jar.writestr("inside", "x")
    with tarfile.open(tmp_path / "layer.tar", "w") as layer:
        layer.add(tmp_path / "last.jar", "last.jar")
    unpack(tmp_path / "layer.tar", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["last.jar"]
