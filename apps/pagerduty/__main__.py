"""The stand-in: ``python3 -m pagerduty`` serves; the same with arguments asks the one that runs on this machine.

    python3 -m pagerduty incidents                      all alerts, as JSON
    python3 -m pagerduty forget                         forget them
    python3 -m pagerduty fail KIND [COUNT [SECONDS]]    fail the next events: 429, 500, 503, 400, refuse, lose, hang
    python3 -m pagerduty recover                        fail no more

Environment: PAGERDUTY_PORT (8443), PAGERDUTY_CERTS (folder of tls.crt, tls.key and ca.crt), PAGERDUTY_ROUTING_KEY (file
with the one routing key there is), PAGERDUTY_TOKEN (file with the token for everything but events).
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

from pagerduty.server import Server


def _file(name: str, default: str) -> Path:
    return Path(os.environ.get(name) or default)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


PORT = int(os.environ.get("PAGERDUTY_PORT") or 8443)
CERTIFICATES = _file("PAGERDUTY_CERTS", "/etc/pagerduty/tls")
ROUTING_KEY = _file("PAGERDUTY_ROUTING_KEY", "/etc/pagerduty/routing-key")
TOKEN = _file("PAGERDUTY_TOKEN", "/etc/pagerduty/token")


def serve() -> int:
    """Serve until told to stop."""
    server = Server(
        ("", PORT),
        CERTIFICATES / "tls.crt",
        CERTIFICATES / "tls.key",
        lambda: {_text(ROUTING_KEY)} - {""},
        lambda: _text(TOKEN),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"the stand-in for PagerDuty serves on port {server.server_port}: it notifies nobody", flush=True)
    server.serve_forever()
    server.server_close()
    return 0


def ask(method: str, path: str, document: Any = None) -> int:
    """Ask the one that runs here, and print what it says."""
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.crt")
    connection = http.client.HTTPSConnection("localhost", PORT, timeout=10, context=context)
    body = None if document is None else json.dumps(document)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {_text(TOKEN)}"})
        answer = connection.getresponse()
        print(answer.read().decode())
    except OSError as error:
        print(f"pagerduty: {error}", file=sys.stderr)
        return 1
    return 0 if answer.status == 200 else 1


def main() -> int:
    """Run the server, or one of the commands that ask it."""
    match sys.argv[1:]:
        case []:
            return serve()
        case ["incidents"]:
            return ask("GET", "/incidents")
        case ["forget"]:
            return ask("DELETE", "/incidents")
        case ["recover"]:
            return ask("DELETE", "/trouble")
        case ["fail", kind, *numbers] if len(numbers) <= 2 and all(number.isdecimal() for number in numbers):
            order = dict(zip(("count", "seconds"), map(int, numbers), strict=False))
            return ask("POST", "/trouble", {"kind": kind, **order})
        case _:
            print(__doc__, file=sys.stderr)
            return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main())
