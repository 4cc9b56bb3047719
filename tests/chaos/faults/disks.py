"""Disks refuse writes, and files on them are damaged."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.chaos import node
from tests.chaos.load import Load
from tests.chaos.state import BROKERS, SPACE, back
from tests.support.sandbox import Sandbox

REFUSING = 90
"""Seconds that a disk refuses writes."""

HALT_SECONDS = 120

SETTLED = 20
"""Seconds in which the stream job makes several checkpoints, and commits what belongs to them."""

DEAD_SECONDS = 60
"""Seconds in which a job that can recover has recovered."""

JOB_SECONDS = 420
STREAM = ("deployment/stream", "deployment/stream-taskmanager")

DAMAGE = """
import pathlib
files = [
    file
    for file in pathlib.Path("/data/stream-state").rglob("*")
    if file.is_file()
    and (file.name.startswith("completedCheckpoint") or (file.name == "_metadata" and "checkpoints" in file.parts))
]
for file in files:
    with file.open("r+b") as opened:
        opened.write(b"damaged" * 8)
print(len(files))
"""
"""Run in the S3 server's pod: damages the stream job's checkpoints, and what Flink's high availability wrote of them.
Savepoints stay."""


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


def a_checkpoint_is_damaged(platform: Sandbox, load: Load) -> None:
    """The stream job's last checkpoint is damaged: the job stands still, until the remedy of docs/stream.md.

    Flink does not go on without a checkpoint that it knows (FLINK-22502). Without state, the job goes on at the offsets
    that it committed with its last checkpoint. The load pauses before, so that all that the job has read belongs to
    that checkpoint: otherwise the records of its last seconds may be lost or there twice.
    """
    with load.held():
        time.sleep(SETTLED)
        platform.kubectl(*SPACE, "scale", *STREAM, "--replicas=0")
        try:
            platform.wait("the job's pods are gone", lambda: not _pods_of_job(platform), HALT_SECONDS)
            damaged = platform.kubectl(*SPACE, "exec", "s3-0", "--", "python3", "-c", DAMAGE)
            assert int(damaged) > 0
        finally:
            platform.kubectl(*SPACE, "scale", *STREAM, "--replicas=1")
    time.sleep(DEAD_SECONDS)
    try:
        assert _job(platform) != "RUNNING", "Flink recovered from a damaged checkpoint"
    finally:
        _patch(platform, {"restartNonce": 1, "job": {"upgradeMode": "stateless"}})
        platform.wait("the job runs without state", lambda: _job(platform) == "RUNNING", JOB_SECONDS)
        _patch(platform, {"restartNonce": None, "job": {"upgradeMode": "savepoint"}})


def _pods_of_job(platform: Sandbox) -> list[str]:
    pods = platform.get("pods", "-l", "app=stream")["items"]
    return [pod["metadata"]["name"] for pod in pods]


def _job(platform: Sandbox) -> str:
    """The state of the stream job as its operator reports it."""
    status = platform.get("flinkdeployment", "stream")["status"]
    state: str = status["jobStatus"]["state"]
    return state if status.get("lifecycleState") == "STABLE" else status.get("lifecycleState", "")


def _patch(platform: Sandbox, spec: dict[str, Any]) -> None:
    platform.kubectl(*SPACE, "patch", "flinkdeployment/stream", "--type=merge", "-p", json.dumps({"spec": spec}))
