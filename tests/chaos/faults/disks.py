"""Disks refuse writes, and files on them are damaged."""

from __future__ import annotations

import time

from tests.chaos import node
from tests.chaos.load import Load
from tests.chaos.state import BROKERS, back
from tests.support.sandbox import Sandbox

REFUSING = 90
"""Seconds that a disk refuses writes."""

HALT_SECONDS = 120


def a_broker_cannot_write_its_disk(platform: Sandbox, load: Load) -> None:
    """A broker's disk takes no new file, for 90 s: the broker halts, and so does each attempt to start it again.

    This stands for a full disk: the volumes of kind are folders of the machine's own disk and have no limit, so filling
    one would fill the machine. Kafka treats both alike: an IOException takes the log directory offline, and a broker
    without a log directory halts (KIP-112). It writes checkpoints of its offsets to new files every few seconds, so it
    notices soon.
    """
    pod = BROKERS[1]
    volume = node.volume(platform, f"data-0-{pod}")

    def folders(change: str) -> None:
        # The owner's right only, so that it can be given back exactly. The volume's own folder is left alone: it is
        # everybody's.
        node.on_node(platform, "find", volume, "-mindepth", "1", "-type", "d", "-exec", "chmod", change, "{}", "+")

    restarts = _restarts(platform, pod)
    folders("u-w")
    try:
        platform.wait(f"{pod} halts", lambda: _restarts(platform, pod) > restarts, HALT_SECONDS)
        time.sleep(REFUSING)
    finally:
        folders("u+w")
    back(platform)


def _restarts(platform: Sandbox, name: str) -> int:
    """How often the containers of a pod have been started again."""
    statuses = platform.get("pod", name)["status"].get("containerStatuses", [])
    return sum(status["restartCount"] for status in statuses)
