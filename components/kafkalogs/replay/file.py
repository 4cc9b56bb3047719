"""A text log as lines with their offsets, and the place that a replay of it has reached."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

# The first bytes of a file: they show whether it is text, and identify the file in the next run.
_HEAD = 4096
_BOM = b"\xef\xbb\xbf"
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}


class ReplayError(Exception):
    """A file cannot be replayed, or not now. The text gives the reason and the remedy; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. number: from 1; end: the file offset after the line end; length: bytes without the line end.

    text: the bytes without the line end (LF or CR LF); None if the line is too long to send.
    """

    number: int
    end: int
    length: int
    text: bytes | None


@dataclass(slots=True)
class Place:
    """The place that a replay reached: each line before ``offset`` is settled, that is delivered or rejected.

    line: the number of the last settled line; rejected: lines by reason.
    """

    offset: int = 0
    line: int = 0
    delivered: int = 0
    rejected: dict[str, int] = field(default_factory=dict[str, int])


class LogFile:
    """A text log, opened for reading. path: its name as it is shown. Raises ReplayError for anything else."""

    def __init__(self, file: Path) -> None:
        # A file's name is bytes: what is not UTF-8 in it can be neither shown nor sent.
        path = self.path = Path(os.fsencode(file).decode(errors="backslashreplace"))
        try:
            # Looked at before it is opened: opening a pipe would wait for its writer.
            mode = file.stat().st_mode
            if stat.S_ISDIR(mode):
                raise ReplayError(f"{path} is a folder; name one log file")
            if not stat.S_ISREG(mode):
                raise ReplayError(f"{path} is not a regular file; save its text to a regular file first")
            self._file: BinaryIO = file.open("rb")
        except FileNotFoundError as error:
            raise ReplayError(f"{path} does not exist") from error
        except OSError as error:
            raise ReplayError(f"{path} cannot be read: {error.strerror}") from error
        try:
            self._check()
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        facts = os.fstat(self._file.fileno())
        self.size = facts.st_size
        self.modified = datetime.fromtimestamp(facts.st_mtime, UTC)
        self.identity = f"{facts.st_dev}:{facts.st_ino}"
        if not self.size:
            raise ReplayError(f"{self.path} is empty: there is nothing to replay")
        head = self._file.read(_HEAD)
        packed = next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)
        if packed:
            raise ReplayError(f"{self.path} is compressed ({packed}); decompress it first")
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ReplayError(f"{self.path} is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
        if b"\0" in head:
            raise ReplayError(f"{self.path} is binary (it has NUL bytes): a log must be text, one event a line")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def head_digest(self, length: int) -> str:
        """A digest of the file's first bytes, at most ``length``."""
        return hashlib.sha256(os.pread(self._file.fileno(), min(length, _HEAD), 0)).hexdigest()

    def lines(self, place: Place, limit: int) -> Iterator[Line]:
        """The lines after a place, up to the file's size when it was opened; the last may have no line end.

        limit: bytes of the longest line that is kept in memory.
        """
        offset, number = place.offset, place.line
        if self._inside_line(offset):
            # The last line of the earlier run had no line end. If the line end is here now, it is no line.
            self._file.seek(offset)
            rest = self._file.readline(3)
            offset += len(rest) if rest in (b"\n", b"\r\n") else 0
        self._file.seek(offset)
        while offset < self.size:
            start = offset
            text = tail = self._file.readline(limit + 2)
            if not text:
                return  # the file became shorter
            while tail and not tail.endswith(b"\n"):
                offset += len(tail)
                tail = self._file.readline(65536)
            offset += len(tail)
            number += 1
            yield _line(text, tail, number, start, offset, limit)

    def _inside_line(self, offset: int) -> bool:
        if not offset:
            return False
        self._file.seek(offset - 1)
        return self._file.read(1) != b"\n"


def _line(text: bytes, tail: bytes, number: int, start: int, end: int, limit: int) -> Line:
    """The line that begins with ``text`` and ends with ``tail``; both are equal unless the line is over ``limit``."""
    closing = len(tail) - len(_without_end(tail))
    whole = _without_end(text) if end - start == len(text) else None
    length = end - start - closing
    if whole is not None and start == 0:
        whole = whole.removeprefix(_BOM)
    return Line(number, end, length, whole if length <= limit else None)


def _without_end(text: bytes) -> bytes:
    return text.removesuffix(b"\n").removesuffix(b"\r") if text.endswith(b"\n") else text


class ReplayState:
    """A replay's place, kept between runs in a small file for each log file, service and topics.

    folder: holds all these files. target: the service and the ids of its topics, so a new cluster gets all lines.
    """

    def __init__(self, folder: Path, file: LogFile, target: str) -> None:
        name = hashlib.sha256(f"{file.identity}\0{target}".encode()).hexdigest()[:32]
        self.path = folder / f"{name}.json"
        self._log = file

    @contextmanager
    def held(self) -> Generator[None]:
        """Lock out other replays of the same file and target. Raises ReplayError if one is running."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ReplayError(f"another replay of {self._log.path} to this service is running") from error
            yield

    def load(self) -> tuple[Place, str]:
        """The place to continue from; and, if the place of an earlier run cannot be used, the reason."""
        try:
            saved = json.loads(self.path.read_text())
            head, place = str(saved["head"]), Place(**saved["place"])
        except FileNotFoundError:
            return Place(), ""
        except (ValueError, KeyError, TypeError):
            return Place(), f"the state of the earlier replay ({self.path}) cannot be read"
        if place.offset > self._log.size:
            return Place(), "the file is shorter than in the earlier replay"
        if head != self._log.head_digest(place.offset):
            return Place(), "the start of the file differs from the earlier replay"
        return place, ""

    def save(self, place: Place) -> None:
        """Save a place; the file is replaced atomically."""
        head = self._log.head_digest(place.offset)
        saved = {"file": str(self._log.path.absolute()), "head": head, "place": asdict(place)}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(saved) + "\n")
        new.replace(self.path)

    def forget(self) -> None:
        """Delete the saved place, so the replay starts at line 1."""
        self.path.unlink(missing_ok=True)
