"""Pods and the node die."""

from __future__ import annotations

import time

from tests.chaos import node
from tests.chaos.load import Load
from tests.chaos.state import BACK_SECONDS, BROKERS, back, kill, pods, whole
from tests.support import kafka
from tests.support.sandbox import Sandbox


def each_pod_is_killed(platform: Sandbox, load: Load) -> None:
    """Each pod of the platform is killed, one after the other."""
    for pod in pods(platform):
        kill(platform, pod)
        time.sleep(5)
        platform.wait("whole again", lambda: whole(platform), BACK_SECONDS)


def two_of_three_brokers_are_killed(platform: Sandbox, load: Load) -> None:
    """Two of the three brokers are killed in the same moment."""
    kill(platform, *BROKERS[1:])
    time.sleep(5)
    back(platform)


def the_controller_is_killed_three_times(platform: Sandbox, load: Load) -> None:
    """The broker that leads the controllers is killed, three times."""
    for _ in range(3):
        leader = kafka.admin(platform, "team-operations").describe_cluster().result(30).controller.id
        kill(platform, f"logs-kafka-{leader}")
        time.sleep(5)
        back(platform)


def the_node_is_killed(platform: Sandbox, load: Load) -> None:
    """The machine that runs everything loses its power, and starts again after 30 s."""
    node.restart(platform, 30)
    time.sleep(30)
    back(platform)
