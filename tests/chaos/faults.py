"""The faults of the campaign: each function makes one fault, and ends when its cause is gone.

The first line of its docstring is what docs/faults.md says of the fault. Afterwards the campaign waits until the
platform is whole (`whole`), and compares the counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException

from tests.chaos import node
from tests.chaos.load import Load
from tests.support import kafka
from tests.support.sandbox import Sandbox

SPACE = ("-n", "kafkalogs")
AWAY = 180
"""Seconds that a server outside the pipeline is away."""

BROKERS = ("logs-kafka-0", "logs-kafka-1", "logs-kafka-2")
ALONE = ("elasticsearch", "postgres", "s3")
"""The servers that are StatefulSets of one pod."""

BACK_SECONDS = 420


@dataclass(frozen=True)
class Fault:
    """make: makes the fault while the load writes, and takes its cause away. quick: also part of `make test`."""

    make: Callable[[Sandbox, Load], None]
    quick: bool = False

    @property
    def name(self) -> str:
        """The name of the function, in words."""
        return self.make.__name__.replace("_", " ")

    @property
    def text(self) -> str:
        """What happens, in a sentence."""
        return (self.make.__doc__ or "").split("\n")[0]


# -- whether the platform is whole


def whole(platform: Sandbox) -> bool:
    """Every pod is ready, every replica in sync, every connector and the stream job run."""
    try:
        return not _unready_pods(platform) and _in_sync(platform) and _running(platform)
    except (AssertionError, KeyError, OSError, KafkaException):
        return False


def _unready_pods(platform: Sandbox) -> list[str]:
    return [
        pod["metadata"]["name"]
        for pod in platform.get("pods")["items"]
        if pod["status"]["phase"] != "Succeeded" and not _is_ready(pod)
    ]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    there = "deletionTimestamp" not in pod["metadata"]
    return there and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _in_sync(platform: Sandbox) -> bool:
    topics = kafka.admin(platform, "team-operations").list_topics(timeout=30).topics
    partitions = [p for topic in topics.values() for p in topic.partitions.values()]
    return bool(partitions) and all(len(p.isrs) == len(p.replicas) for p in partitions)


def _running(platform: Sandbox) -> bool:
    connectors = platform.get("kafkaconnectors")["items"]
    states = [
        state["state"]
        for status in (c["status"]["connectorStatus"] for c in connectors)
        for state in (status["connector"], *status["tasks"])
    ]
    job = platform.get("flinkdeployment", "stream")["status"]["jobStatus"]["state"]
    return set(states) == {"RUNNING"} and job == "RUNNING"


# -- pods and nodes


def kill(platform: Sandbox, *pods: str) -> None:
    """Kill pods at once, as a node that dies does."""
    platform.kubectl(*SPACE, "delete", "pod", *pods, "--grace-period=0", "--force")


def pods(platform: Sandbox) -> list[str]:
    """The names of the pods that run."""
    found = platform.get("pods")["items"]
    return sorted(p["metadata"]["name"] for p in found if p["status"]["phase"] == "Running")


def back(platform: Sandbox) -> None:
    """Wait until all pods are ready."""
    platform.wait("all pods are ready", lambda: not _unready_pods(platform), BACK_SECONDS)


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


# -- the servers that the sinks write to


def scale(platform: Sandbox, name: str, replicas: int) -> None:
    """Let so many pods of a workload run."""
    platform.kubectl(*SPACE, "scale", name, f"--replicas={replicas}")


def away(platform: Sandbox, name: str) -> None:
    """Take a server away for AWAY seconds."""
    scale(platform, name, 0)
    try:
        time.sleep(AWAY)
    finally:
        scale(platform, name, 1)
    back(platform)


def s3_is_away(platform: Sandbox, load: Load) -> None:
    """The S3 server is away for 3 min."""
    away(platform, "statefulset/s3")


def the_database_is_away(platform: Sandbox, load: Load) -> None:
    """The database is away for 3 min."""
    away(platform, "statefulset/postgres")


def search_is_away(platform: Sandbox, load: Load) -> None:
    """Elasticsearch is away for 3 min."""
    away(platform, "statefulset/elasticsearch")


def the_registry_is_away(platform: Sandbox, load: Load) -> None:
    """The schema registry is away for 3 min."""
    away(platform, "deployment/registry")


def pagerduty_is_away(platform: Sandbox, load: Load) -> None:
    """PagerDuty is away for 3 min."""
    away(platform, "deployment/pagerduty")


def _pagerduty_answers(platform: Sandbox, status: str) -> None:
    asked = ("exec", "deploy/pagerduty", "--", "python3", "-m", "pagerduty")
    platform.kubectl(*SPACE, *asked, "fail", status, "1000000", "90")
    try:
        time.sleep(90)
    finally:
        platform.kubectl(*SPACE, *asked, "recover")


def pagerduty_answers_429(platform: Sandbox, load: Load) -> None:
    """PagerDuty answers 429 for 90 s."""
    _pagerduty_answers(platform, "429")


def pagerduty_answers_500(platform: Sandbox, load: Load) -> None:
    """PagerDuty answers 500 for 90 s."""
    _pagerduty_answers(platform, "500")


# -- the network


def a_broker_is_cut_off(platform: Sandbox, load: Load) -> None:
    """No packet passes between one broker and the two others, for 60 s."""
    first, *others = (node.addresses(platform, name)[0] for name in BROKERS)
    both = [pair for other in others for pair in ((first, other), (other, first))]
    with node.dropped(platform, both):
        time.sleep(60)


def a_broker_is_cut_off_one_way(platform: Sandbox, load: Load) -> None:
    """One broker hears nothing of the two others, which hear it, for 60 s."""
    first, *others = (node.addresses(platform, name)[0] for name in BROKERS)
    with node.dropped(platform, [(other, first) for other in others]):
        time.sleep(60)


def packets_are_lost(platform: Sandbox, load: Load) -> None:
    """The network between the pods loses 5 % of all packets, for 90 s."""
    with node.lossy(platform, 0.05):
        time.sleep(90)


# -- changes under load


def the_operator_dies_in_the_middle_of_a_roll(platform: Sandbox, load: Load) -> None:
    """All brokers are to be restarted, and the operator is killed when the first is away."""
    before = {pod: _uid(platform, pod) for pod in BROKERS}
    platform.kubectl(*SPACE, "annotate", "pod", *BROKERS, "strimzi.io/manual-rolling-update=true", "--overwrite")
    platform.wait("the roll began", lambda: any(_uid(platform, pod) != before[pod] for pod in BROKERS), 300)
    kill(platform, *(pod for pod in pods(platform) if "operator" in pod))
    platform.wait("the roll ended", lambda: all(_uid(platform, pod) not in ("", before[pod]) for pod in BROKERS), 600)
    back(platform)


def _uid(platform: Sandbox, name: str) -> str:
    """The uid of a pod that is ready; empty if there is none."""
    found = [p for p in platform.get("pods")["items"] if p["metadata"]["name"] == name]
    return found[0]["metadata"]["uid"] if found and _is_ready(found[0]) else ""


def both_authorities_renew(platform: Sandbox, load: Load) -> None:
    """The authorities of the cluster and of the clients renew their certificates."""
    before = {pod: _uid(platform, pod) for pod in BROKERS}
    secrets = ("logs-cluster-ca-cert", "logs-clients-ca-cert")
    platform.kubectl(*SPACE, "annotate", "secret", *secrets, "strimzi.io/force-renew=true", "--overwrite")
    platform.wait("all brokers have it", lambda: all(_uid(platform, p) not in ("", before[p]) for p in BROKERS), 600)
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


FAULTS = (
    Fault(each_pod_is_killed),
    Fault(two_of_three_brokers_are_killed, quick=True),
    Fault(the_controller_is_killed_three_times),
    Fault(the_node_is_killed),
    Fault(s3_is_away),
    Fault(the_database_is_away),
    Fault(search_is_away),
    Fault(the_registry_is_away),
    Fault(pagerduty_is_away),
    Fault(pagerduty_answers_429),
    Fault(pagerduty_answers_500),
    Fault(a_broker_is_cut_off, quick=True),
    Fault(a_broker_is_cut_off_one_way),
    Fault(packets_are_lost),
    Fault(the_operator_dies_in_the_middle_of_a_roll),
    Fault(both_authorities_renew),
    Fault(the_jobmanager_dies_during_a_savepoint),
    Fault(partitions_are_added),
)
