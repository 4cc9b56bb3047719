"""The pager's own log, on standard output: log events in the platform's format, one JSON object a line.

No event here is ``critical``: if these logs are shipped to the platform, it would page about the pager, by the pager.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from datetime import UTC, datetime
from typing import Any, Literal

Level = Literal["debug", "info", "warning", "error"]

_INSTANCE = os.environ.get("POD_NAME") or socket.gethostname()
# one trace for the life of the process, for lines that are about no event with a trace of its own
_TRACE = secrets.token_hex(16)
# seconds between two lines about the same trouble
_QUIET = 30.0
_said: dict[str, float] = {}


def log(level: Level, message: str, *, trace_id: str = "", **attributes: Any) -> None:
    """Write one line."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    event = {
        "timestamp": now,
        "service": "pager",
        "level": level,
        "message": message,
        "trace_id": trace_id or _TRACE,
        "span_id": secrets.token_hex(8),
        "instance": _INSTANCE,
        "attributes": attributes,
    }
    print(json.dumps(event), flush=True)


def log_seldom(level: Level, message: str, **attributes: Any) -> None:
    """Write a line unless the same message was written a moment ago."""
    if time.monotonic() - _said.get(message, -_QUIET) >= _QUIET:
        _said[message] = time.monotonic()
        log(level, message, **attributes)
