"""``python3 -m search_setup setup|retain``: templates and life cycles of data streams, and what is too old deleted.

Settings: a JSON file, by default /etc/kafkalogs/search.json, with the keys of ``Settings``.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from search_setup.engine import Engine, Settings, UnavailableError
from search_setup.retention import retain
from search_setup.templates import set_up

LOG = logging.getLogger("search_setup")
WAIT = 240.0
PAUSE = 5.0


def main() -> int:
    """Run one of the commands; 0 when all was done."""
    parser = argparse.ArgumentParser(prog="search_setup", description=__doc__)
    parser.add_argument("command", choices=["setup", "retain"])
    parser.add_argument("--settings", type=Path, default=Path("/etc/kafkalogs/search.json"))
    words = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings(**json.loads(words.settings.read_text()))
    deadline = time.monotonic() + WAIT
    while True:
        try:
            engine = Engine(settings)
            if words.command == "setup":
                set_up(engine, settings)
            else:
                retain(engine, settings, time.time())
            return 0
        except UnavailableError as problem:
            if time.monotonic() > deadline:
                LOG.error("gave up after %.0f s: %s", WAIT, problem)
                return 1
            LOG.info("not yet: %s", problem)
            time.sleep(PAUSE)
        except (ValueError, OSError) as problem:
            LOG.error("%s", problem)
            return 1


if __name__ == "__main__":
    sys.exit(main())
