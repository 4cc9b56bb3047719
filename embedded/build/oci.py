"""Container images assembled from tar layers, without an engine and without a network.

A layer is an artefact whose folder holds ``layer.tar`` and ``layer.sha256``; an image is a list of layers and a
configuration. ``write_archive`` writes images into one file that ``docker load``, ``podman load`` and
``ctr images import`` read (https://github.com/moby/docker-image-spec). It writes a layer that images share once.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from embedded.build.cache import Artefact, digest, sha256, tree_digest

OURS = "localhost/kafkalogs/"
"""The prefix of our images' names."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Copy:
    """A file or folder that goes into a layer, owned by root.

    source: a path, or an artefact (built only when the layer is built).
    target: absolute path in the image.
    inside: path below ``source``, to copy only a part of it.
    """

    source: Path | Artefact
    target: str
    inside: str = "."

    @property
    def inputs(self) -> dict[str, str]:
        """What decides the layer's content."""
        content = self.source.key if isinstance(self.source, Artefact) else tree_digest(self.source / self.inside)
        return {"content": content, "target": self.target, "inside": self.inside}

    def path(self) -> Path:
        """The file or folder; an artefact is built first."""
        source = self.source.get() if isinstance(self.source, Artefact) else self.source
        return source / self.inside


@dataclass(frozen=True)
class Image:
    """An image: its layers, and how a container of it runs.

    name: repository, e.g. ``localhost/kafkalogs/shop``.
    layers: artefacts with a layer each, the lowest first.
    entrypoint: the command. user: uid of the process. workdir: folder it starts in. env: its environment, beside PATH.
    version: comes before the content key in the tag.
    tag: the whole tag, for an image whose tag another program requires.
    stop_signal: as in the image specification.
    """

    name: str
    layers: tuple[Artefact, ...]
    entrypoint: Sequence[str] = ()
    user: str = "0"
    workdir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    version: str = ""
    tag: str = ""
    stop_signal: str = "SIGTERM"

    @property
    def key(self) -> str:
        """A digest of layers and configuration."""
        return digest({"layers": [layer.key for layer in self.layers], "config": self._config()})

    @property
    def ref(self) -> str:
        """Name and tag, as a pod names the image."""
        return f"{self.name}:{self.tag or '-'.join(filter(None, (self.version, self.key)))}"

    def build(self) -> None:
        """Build the layers that are not in the cache yet."""
        for layer in self.layers:
            layer.get()

    def _config(self) -> dict[str, Any]:
        return {
            "Entrypoint": list(self.entrypoint),
            "Env": [f"{k}={v}" for k, v in {"PATH": PATH, **self.env}.items()],
            "User": self.user,
            "WorkingDir": self.workdir,
            "StopSignal": self.stop_signal,
        }

    def config_json(self) -> bytes:
        """The image configuration; its digest is the image's id. Needs built layers."""
        document = {
            "architecture": architecture(),
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": self._config(),
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{(layer.get() / 'layer.sha256').read_text()}" for layer in self.layers],
            },
            "history": [{"created_by": f"kafkalogs {layer.name}"} for layer in self.layers],
        }
        return json.dumps(document, sort_keys=True).encode()


def architecture() -> str:
    """This machine's architecture, in the words of images and Go."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def files_layer(name: str, copies: Sequence[Copy]) -> Artefact:
    """A layer with the given files and folders: owned by root, symbolic links kept, modes 0755 and 0644."""
    return Artefact(
        f"layer-{name}",
        {"copies": [copy.inputs for copy in copies], "writer": 1},
        lambda out: write_layer(out, [(copy.path(), copy.target) for copy in copies]),
        needs_gib=1,
    )


def seal_layer(folder: Path) -> None:
    """Write ``layer.sha256`` beside a finished ``layer.tar``."""
    (folder / "layer.sha256").write_text(sha256(folder / "layer.tar"))


def write_archive(images: Iterable[Image], out: IO[bytes]) -> None:
    """Write images, and each of their layers once, to ``out`` (may be a pipe)."""
    manifest: list[dict[str, Any]] = []
    written: set[str] = set()
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for image in images:
            names: list[str] = []
            for layer in image.layers:
                folder = layer.get()
                name = f"{(folder / 'layer.sha256').read_text()}/layer.tar"
                names.append(name)
                if name not in written:
                    written.add(name)
                    entry = _entry(name, (folder / "layer.tar").stat().st_size)
                    with (folder / "layer.tar").open("rb") as content:
                        archive.addfile(entry, content)
            config = image.config_json()
            config_name = f"{hashlib.sha256(config).hexdigest()}.json"
            if config_name not in written:
                written.add(config_name)
                archive.addfile(_entry(config_name, len(config)), io.BytesIO(config))
            manifest.append({"Config": config_name, "RepoTags": [image.ref], "Layers": names})
        text = json.dumps(manifest).encode()
        archive.addfile(_entry("manifest.json", len(text)), io.BytesIO(text))


def write_layer(out: Path, content: Iterable[tuple[Path, str]]) -> None:
    """Write ``layer.tar`` and its digest into ``out``: each file or folder at its absolute path in the image."""
    with tarfile.open(out / "layer.tar", "w", format=tarfile.PAX_FORMAT) as layer:
        folders: set[str] = set()
        for source, target in content:
            if source.is_dir() and not source.is_symlink():
                for path in sorted(p for p in source.rglob("*") if "__pycache__" not in p.parts):
                    _add(layer, path, PurePosixPath(target) / path.relative_to(source), folders)
            else:
                _add(layer, source, PurePosixPath(target), folders)
    seal_layer(out)


def _add(layer: tarfile.TarFile, path: Path, target: PurePosixPath, folders: set[str]) -> None:
    """Add a file, link or folder at ``target``, below the folders that the layer does not have yet."""
    is_folder = path.is_dir() and not path.is_symlink()
    for folder in [*reversed(target.parents), *([target] if is_folder else [])][1:]:
        name = str(folder).lstrip("/")
        if name not in folders:
            folders.add(name)
            layer.addfile(_entry(name, 0, 0o755, tarfile.DIRTYPE))
    name = str(target).lstrip("/")
    if path.is_symlink():
        entry = _entry(name, 0, 0o777, tarfile.SYMTYPE)
        entry.linkname = str(path.readlink())
        layer.addfile(entry)
    elif not is_folder:
        with path.open("rb") as content:
            status = path.stat()
            layer.addfile(_entry(name, status.st_size, 0o755 if status.st_mode & 0o100 else 0o644), content)


def _entry(name: str, size: int, mode: int = 0o644, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.type = size, mode, kind
    return entry
