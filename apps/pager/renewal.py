"""Whether mounted certificates were replaced.

Kubernetes replaces the files of a mounted Secret within about two minutes. librdkafka reads them only when a client is
made, so a program that lives longer than a certificate has to look by itself. Each image holds one program, so each
program has this file; a test keeps the copies equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class Certificates:
    """Files with certificates, authorities and keys. Raises OSError when one is missing at first."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(files)
        self._used = self._found = self._content()

    def renewed(self) -> bool:
        """Whether the files have another content than what is used."""
        try:
            self._found = self._content()
        except OSError:  # just being replaced
            return False
        return self._found != self._used

    def took(self) -> None:
        """What ``renewed`` saw is used now."""
        self._used = self._found

    def _content(self) -> list[bytes]:
        return [file.read_bytes() for file in self._files]
