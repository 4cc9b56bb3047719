"""The alerts on Kafka itself."""

from .alert import Rule, alert


def kafka_rules(brokers: int, broker_disk: int | None) -> list[Rule]:
    """The alerts on partitions, brokers and their disks. broker_disk: bytes; None: the disks are watched elsewhere."""
    rules = [
        alert(
            "PartitionBelowMinIsr",
            "count by (topic) (min by (topic, partition) (kafka_topic_partition_in_sync_replica)"
            " < on (topic) group_left () max by (topic) (kafkalogs_topic_min_insync_replicas))",
            "1m",
            "critical",
            "{{ $value }} partitions of {{ $labels.topic }} have fewer replicas in sync than min.insync.replicas",
            "Kafka refuses writes to these partitions. Services buffer their logs, and lose logs when the buffers are "
            "full. Look for brokers that are down or slow.",
        ),
        alert(
            "PartitionWithoutLeader",
            "count by (topic) (kafka_topic_partition_leader == -1)",
            "1m",
            "critical",
            "{{ $value }} partitions of {{ $labels.topic }} have no leader",
            "They can be neither written nor read. Look for brokers that are down.",
        ),
        alert(
            "PartitionUnderReplicated",
            "sum by (topic) (kafka_topic_partition_under_replicated_partition) > 0",
            "10m",
            "warning",
            "{{ $value }} partitions of {{ $labels.topic }} are under-replicated",
            "If one more broker fails, writes can stop. Look for brokers that are down, slow or full.",
        ),
        alert(
            "BrokerDown",
            f"kafka_brokers < {brokers}",
            "2m",
            "critical",
            f"{{{{ $value }}}} of {brokers} brokers are in the cluster",
            "Each partition with a replica on the missing broker has one replica less. Check the broker's pod.",
        ),
        alert(
            "ProduceSlow",
            'max by (pod) (kafka_network_requestmetrics_totaltimems{request="Produce", quantile="0.99"}) > 1000',
            "10m",
            "warning",
            "{{ $labels.pod }} needs over {{ $value | humanize }} ms for 1 % of writes (99th percentile)",
            "Services wait for Kafka. Look at the brokers' disks and CPU, and at their in-sync replicas.",
        ),
    ]
    return rules if broker_disk is None else [*rules, *_disk_rules(broker_disk)]


def _disk_rules(size: int) -> list[Rule]:
    return [
        alert(
            "BrokerDiskFull",
            f"kafkalogs:broker_log_bytes:sum / {size} > 0.85",
            "5m",
            "critical",
            "the disk of {{ $labels.pod }} is {{ $value | humanizePercentage }} full",
            "A broker with a full disk stops. Shorten retention, or enlarge the disks.",
        ),
        alert(
            "BrokerDiskFilling",
            f"predict_linear(kafkalogs:broker_log_bytes:sum[1h], 4 * 3600) > {size}"
            f" and kafkalogs:broker_log_bytes:sum / {size} > 0.5",
            "15m",
            "warning",
            "the disk of {{ $labels.pod }} will be full within four hours",
            "A service writes more than its rate says, or retention does not delete old logs. "
            "Check the sizes of the topics.",
        ),
    ]
