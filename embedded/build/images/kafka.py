"""The Kafka image: Kafka's published jars on a Java 21 runtime, with scripts under the usual names.

Only Kafka's download has its start scripts. The scripts here read the same environment variables and start faster on a
small machine: tools run without the optimizing compiler, brokers with the JVM options of Kafka's own scripts.
"""

from __future__ import annotations

from pathlib import Path

from embedded.build.cache import Artefact
from embedded.build.images.programs import USER, jre_base
from embedded.build.maven import jars
from embedded.build.oci import OURS, PATH, Copy, Image, files_layer
from embedded.build.pins import pins

HOME = "/opt/kafka"
FILES = Path(__file__).parent / "files" / "kafka"

# long-running processes: they get Kafka's JVM options and a service's logging
_SERVER_OPTIONS = (
    "-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 "
    "-XX:+ExplicitGCInvokesConcurrent"
)
SERVERS = {
    "kafka-server-start.sh": "kafka.Kafka",
    "connect-distributed.sh": "org.apache.kafka.connect.cli.ConnectDistributed",
}
# tools that move much data: they need the optimizing compiler
_LOAD_OPTIONS = "-XX:+UseG1GC"
LOAD_TOOLS = {
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-perf-test.sh": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-producer-perf-test.sh": "org.apache.kafka.tools.ProducerPerformance",
}
TOOLS = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-broker-api-versions.sh": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-cluster.sh": "org.apache.kafka.tools.ClusterTool",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-dump-log.sh": "org.apache.kafka.tools.DumpLogSegments",
    "kafka-features.sh": "org.apache.kafka.tools.FeatureCommand",
    "kafka-get-offsets.sh": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-leader-election.sh": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-log-dirs.sh": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-metadata-quorum.sh": "org.apache.kafka.tools.MetadataQuorumCommand",
    "kafka-reassign-partitions.sh": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}


def kafka_image() -> Image:
    """Brokers, controllers, Connect and the command line tools below /opt/kafka, run as user 1001."""
    copies = [
        Copy(jars("kafka"), f"{HOME}/libs"),
        # an agent, run by brokers whose metricsConfig asks for it
        Copy(jars("metrics"), f"{HOME}/libs"),
        Copy(FILES, HOME),
        Copy(Artefact("kafka-scripts", scripts(), _write_scripts, needs_gib=0.1), f"{HOME}/bin"),
    ]
    return Image(
        f"{OURS}kafka",
        (jre_base(), files_layer("kafka", copies)),
        entrypoint=[f"{HOME}/bin/kafka-server-start.sh"],
        user=USER,
        env={"KAFKA_HOME": HOME, "PATH": f"{HOME}/bin:{PATH}"},
        workdir=HOME,
        version=pins()["maven"]["kafka"],
    )


def _write_scripts(out: Path) -> None:
    for name, text in scripts().items():
        (out / name).write_text(text)
        (out / name).chmod(0o755)


def scripts() -> dict[str, str]:
    """The script of each server and tool by its file name."""
    server = {
        "KAFKA_HEAP_OPTS": "-Xms512M -Xmx512M",
        "KAFKA_JVM_PERFORMANCE_OPTS": _SERVER_OPTIONS,
        "KAFKA_LOG4J_OPTS": f"-Dlog4j2.configurationFile={HOME}/config/log4j2.properties",
    }
    load = {"KAFKA_HEAP_OPTS": "-Xmx512M", "KAFKA_JVM_PERFORMANCE_OPTS": _LOAD_OPTIONS}
    groups = ((SERVERS, server), (LOAD_TOOLS, load), (TOOLS, {}))
    return {name: _script(java, defaults) for tools, defaults in groups for name, java in tools.items()}


def _script(java_class: str, defaults: dict[str, str]) -> str:
    settings = "".join(f'export {name}="${{{name}:-{value}}}"\n' for name, value in defaults.items())
    return (
        f'#!/bin/bash\n{settings}exec "$(dirname -- "$(readlink -f -- "$0")")/kafka-run-class.sh" {java_class} "$@"\n'
    )
