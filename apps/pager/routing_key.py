"""The routing key: a secret in a file that may change at any time."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

LENGTH = 32


class RoutingKey:
    """The key in a file; read for every event, so that a changed Secret needs no restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.fault = ""

    def read(self) -> str | None:
        """The key; None when there is none that PagerDuty could know, and ``fault`` says why."""
        try:
            key = self._file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            self.fault = f"{self._file} cannot be read: {type(error).__name__}"
            return None
        if len(key) != LENGTH or not (key.isascii() and key.isalnum()):
            self.fault = f"{self._file} has no routing key: {LENGTH} letters and digits"
            return None
        self.fault = ""
        return key


def fingerprint(key: str) -> str:
    """A digest that identifies a key without revealing it."""
    return sha256(key.encode()).hexdigest()[:16]
