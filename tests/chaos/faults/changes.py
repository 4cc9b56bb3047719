"""What people and operators change while the load writes."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.chaos.load import Load
from tests.chaos.state import BROKERS, SPACE, back, kill, pods, uid
from tests.support.sandbox import Sandbox


def the_operator_dies_in_the_middle_of_a_roll(platform: Sandbox, load: Load) -> None:
    """All brokers are to be restarted, and the operator is killed when the first is away."""
    before = {pod: uid(platform, pod) for pod in BROKERS}
    platform.kubectl(*SPACE, "annotate", "pod", *BROKERS, "strimzi.io/manual-rolling-update=true", "--overwrite")
    platform.wait("the roll began", lambda: any(uid(platform, pod) != before[pod] for pod in BROKERS), 300)
    kill(platform, *(pod for pod in pods(platform) if "operator" in pod))
    platform.wait("the roll ended", lambda: all(uid(platform, pod) not in ("", before[pod]) for pod in BROKERS), 600)
    back(platform)


def both_authorities_renew(platform: Sandbox, load: Load) -> None:
    """The authorities of the cluster and of the clients renew their certificates."""
    before = {pod: uid(platform, pod) for pod in BROKERS}
    secrets = ("logs-cluster-ca-cert", "logs-clients-ca-cert")
    platform.kubectl(*SPACE, "annotate", "secret", *secrets, "strimzi.io/force-renew=true", "--overwrite")
    platform.wait("all brokers have it", lambda: all(uid(platform, p) not in ("", before[p]) for p in BROKERS), 600)
    back(platform)


def the_jobmanager_dies_during_a_savepoint(platform: Sandbox, load: Load) -> None:
    """The stream job is suspended with a savepoint, and its JobManager is killed in that moment."""
    name = "flinkdeployment/stream"

    def state(wanted: str) -> None:
        patch = json.dumps({"spec": {"job": {"state": wanted}}})
        platform.kubectl(*SPACE, "patch", name, "--type=merge", "-p", patch)

    state("suspended")
    try:
        time.sleep(1)
        kill(platform, *(pod for pod in pods(platform) if pod.startswith("stream-") and "taskmanager" not in pod))
        time.sleep(20)
    finally:
        state("running")


def partitions_are_added(platform: Sandbox, load: Load) -> None:
    """A topic with keyed order gets three more partitions."""

    def change(config: dict[str, Any]) -> None:
        service = config["services"]["checkout-service"]
        topic = platform.get("kafkatopic", "logs.checkout-service")
        service["partitions"] = topic["spec"]["partitions"] + 3

    platform.edit(change)
    platform.up()
