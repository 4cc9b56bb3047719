"""Unpacks zip and tar archives."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path


def unpack(archive: Path, out: Path, place: Callable[[str], str | None] | None = None) -> None:
    """Unpack a tar archive (also a compressed one) or a zip archive into the folder ``out``; programs stay executable.

    place: the target of each file below ``out``, by its path in the archive; None skips the file. With ``place``, only
    files are unpacked, no empty folders and no links.
    """
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as members:
            for member in members:
                target = member.name if place is None else place(member.name) if member.isfile() else None
                if target is not None:
                    member.name = target
                    members.extract(member, out, filter="data")
        return
    with zipfile.ZipFile(archive) as members:
        for entry in members.infolist():
            target = entry.filename if place is None else None if entry.is_dir() else place(entry.filename)
            if target is not None:
                entry.filename = target
                path = Path(members.extract(entry, out))
                # zipfile itself drops the modes
                if entry.external_attr >> 16 & 0o100 and path.is_file():
                    path.chmod(0o755)
