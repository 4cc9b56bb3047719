"""The files of an image as a container sees them, with changes and deletions by upper layers applied."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO

_REMOVED = ".wh."
_EMPTIED = ".wh..wh..opq"


def files(layers: Sequence[Path]) -> Iterator[tuple[str, bool, IO[bytes]]]:
    """Each regular file: its path without the leading slash, whether it is executable, and its content.

    layers: tar files, also compressed ones, the lowest first. A layer removes files of lower layers by whiteouts, see
    https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(tarfile.open(layer)) for layer in layers]
        owners = _owners(opened)
        for number, layer in enumerate(opened):
            for member in layer:
                path = _path(member)
                if member.isfile() and owners.get(path) == number and (content := layer.extractfile(member)):
                    yield path, bool(member.mode & 0o111), io.BytesIO(content.read())


def _owners(layers: Sequence[tarfile.TarFile]) -> dict[str, int]:
    """The layer of each path, by its index."""
    owners: dict[str, int] = {}
    for number, layer in enumerate(layers):
        members = [(_path(member), member.isdir()) for member in layer]
        for path, _ in members:
            folder, name = str(PurePosixPath(path).parent), PurePosixPath(path).name
            if name == _EMPTIED:
                _remove_below(owners, folder)
            elif name.startswith(_REMOVED):
                removed = str(PurePosixPath(folder) / name.removeprefix(_REMOVED))
                owners.pop(removed, None)
                _remove_below(owners, removed)
        owners |= {path: number for path, folder in members if not folder and _REMOVED not in path}
    return owners


def _remove_below(owners: dict[str, int], folder: str) -> None:
    prefix = "" if folder == "." else f"{folder}/"
    for path in [path for path in owners if path.startswith(prefix)]:
        del owners[path]


def _path(member: tarfile.TarInfo) -> str:
    return str(PurePosixPath(member.name.lstrip("/")))
