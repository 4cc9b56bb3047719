from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from embedded.build.cache import Artefact
from embedded.build.oci import Copy, Image, files_layer, write_archive


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "a.pyc").touch()
    (root / "bin" / "tool").write_text("#!/bin/sh\n")
    (root / "bin" / "tool").chmod(0o700)
    (root / "bin" / "alias").symlink_to("tool")
    (root / "readme").write_text("hello")
    (root / "readme").chmod(0o600)
    return root


def entries(layer: Artefact) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer.get() / "layer.tar") as tar:
        return {entry.name: entry for entry in tar}


def test_layer_is_readable_by_any_user_and_owned_by_root(tree: Path) -> None:
    found = entries(files_layer("x", [Copy(tree, "/opt/app")]))
    assert set(found) == {"opt", "opt/app", "opt/app/bin", "opt/app/bin/tool", "opt/app/bin/alias", "opt/app/readme"}
    assert found["opt/app/bin/tool"].mode == 0o755
    assert found["opt/app/readme"].mode == 0o644
    assert found["opt/app/bin/alias"].linkname == "tool"
    assert {(e.uid, e.gid, e.mtime) for e in found.values()} == {(0, 0, 0)}


def test_same_content_gives_the_same_layer(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = files_layer("x", [Copy(tree, "/opt/app")]).get()
    digest = (first / "layer.sha256").read_text()
    assert digest == hashlib.sha256((first / "layer.tar").read_bytes()).hexdigest()
    monkeypatch.setenv("KAFKALOGS_CACHE", str(tmp_path / "other"))
    assert (files_layer("x", [Copy(tree, "/opt/app")]).get() / "layer.sha256").read_text() == digest


def test_file_and_artefact_sources(tree: Path) -> None:
    def build(out: Path) -> None:
        (out / "server").write_text("binary")

    made = Artefact("made", {}, build, 0)
    found = entries(files_layer("x", [Copy(made, "/usr/bin/etcd", "server"), Copy(tree / "readme", "/etc/readme")]))
    assert {"usr/bin/etcd", "etc/readme"} <= set(found)


def test_key_follows_content_and_configuration(tree: Path) -> None:
    def image(user: str = "1001") -> Image:
        return Image("localhost/x", (files_layer("x", [Copy(tree, "/opt")]),), user=user)

    first = image()
    assert first.ref == f"localhost/x:{first.key}" == image().ref
    assert image(user="0").ref != first.ref
    (tree / "readme").write_text("other")
    assert image().ref != first.ref
    assert Image("localhost/x", (), version="4.3.1").ref.startswith("localhost/x:4.3.1-")
    assert Image("registry.k8s.io/pause", (), tag="3.10").ref == "registry.k8s.io/pause:3.10"


def test_archive_shares_layers_and_matches_its_digests(tree: Path) -> None:
    base = files_layer("base", [Copy(tree, "/base")])
    images = [
        Image(f"localhost/{name}", (base, files_layer(name, [Copy(tree / "readme", f"/{name}")])), entrypoint=[name])
        for name in ("one", "two")
    ]
    out = io.BytesIO()
    write_archive(images, out)
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        content = {m.name: f.read() for m in tar if (f := tar.extractfile(m))}
    manifest = json.loads(content.pop("manifest.json"))
    assert [entry["RepoTags"] for entry in manifest] == [[image.ref] for image in images]
    assert manifest[0]["Layers"][0] == manifest[1]["Layers"][0]
    assert len(content) == 3 + 2
    for entry, name in zip(manifest, ("one", "two"), strict=True):
        config = json.loads(content[entry["Config"]])
        assert hashlib.sha256(content[entry["Config"]]).hexdigest() == entry["Config"].removesuffix(".json")
        assert config["config"]["Entrypoint"] == [name]
        layers = [hashlib.sha256(content[layer]).hexdigest() for layer in entry["Layers"]]
        assert config["rootfs"]["diff_ids"] == [f"sha256:{layer}" for layer in layers]
