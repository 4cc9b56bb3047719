"""The archive's sink on a real broker: a control topic that is made again stops it, and the remedy loses nothing."""

from kafkalogs.sinks.args import S3SinkArgs
from kafkalogs.sinks.record import ICEBERG, consumer_group, control_topic
from kafkalogs.sinks.settings import archive_config, delivery_config

from .support import event
from .worker import SECONDS, until

TOPIC, CONTROL, LETTERS = "logs.shop", control_topic(1), "dlq.archive"
COMMIT_MS = 2000


def settings(kafka, generation):
    """The connector of a stack file, but with a catalog in the worker's memory."""
    args = S3SinkArgs(
        namespace="n",
        cluster="logs",
        connect="connect",
        topics=[TOPIC],
        warehouse="s3://bucket/logs",
        catalog="glue",
        commit_interval_ms=COMMIT_MS,
        control_topic=control_topic(generation),
    )
    config = {**delivery_config([TOPIC], LETTERS, 1), **archive_config("archive", args)}
    config = {key: value for key, value in config.items() if not key.startswith("iceberg.catalog.")}
    own = {
        "connector.class": ICEBERG,
        "name": "archive",
        "tasks.max": 1,
        "iceberg.control.commit.timeout-ms": 4000,
        # Snapshots expire and files are replaced all the time: the sink must not need them.
        "kafkalogs.archive.maintenance.interval.ms": 500,
        "kafkalogs.archive.maintenance.quiet.ms": 1,
        "iceberg.tables.auto-create-props.history.expire.max-snapshot-age-ms": 1,
        "iceberg.catalog.catalog-impl": "SharedCatalog",
        # The sink finds a worker's own settings only if the program is Connect's.
        "iceberg.kafka.bootstrap.servers": kafka.address,
    }
    return {key: str(value) for key, value in {**config, **own}.items()}


def written(first, count):
    return [event(message=f"m{number}") for number in range(first, first + count)]


def messages(worker):
    return sorted(int(message.removeprefix("m")) for message, _ in worker.table()["rows"])


def refused(worker):
    """Why the sink refuses to work."""
    _, reason = until("it has failed", lambda: (told := worker.task("archive"))[0] == "FAILED" and told)
    return reason


def counts(worker):
    metrics = worker.table()["metrics"]
    bean = "kafka.connect:type=plugins,connector=archive,task=0"
    return metrics.get(f"{bean} records-due"), metrics.get(f"{bean} rows-gained")


def maintained(worker):
    """The measures of the maintenance."""
    bean = "kafka.connect:type=plugins,connector=archive,task=0 "
    return {key.removeprefix(bean): value for key, value in worker.table()["metrics"].items()}


def test_a_control_topic_that_is_made_again_stops_the_archive_and_the_remedy_loses_nothing(kafka, worker):
    kafka.create(TOPIC, CONTROL, LETTERS)
    worker.start("archive", settings(kafka, 1))
    kafka.write(TOPIC, written(0, 100))
    until("100 rows", lambda: messages(worker) == list(range(100)))
    until("what is due is there", lambda: counts(worker) == (100, 100))
    # the events say a time long before Kafka got them
    clocks = "kafka.connect:type=plugins,connector=archive,task=0,service=checkout-service events-behind-total"
    assert worker.table()["metrics"].get(clocks) == 100
    worker.remove("archive")
    # A task that is started again on the same topic continues.
    worker.start("archive", settings(kafka, 1))
    kafka.write(TOPIC, written(100, 10))
    until("110 rows", lambda: messages(worker) == list(range(110)))

    # The topic is made again while the sink runs: it would skip the files that it announces now.
    kafka.again(CONTROL)
    assert "archive.controlGeneration" in refused(worker)
    worker.remove("archive")

    # The sink starts with a topic that was made again.
    kafka.write(TOPIC, written(110, 50))
    worker.start("archive", settings(kafka, 1))
    reason = refused(worker)
    offsets = worker.table()["offsets"][f"kafka.connect.offsets.{CONTROL}.{consumer_group('archive')}"]
    committed = offsets.removeprefix('{"0":').removesuffix("}")
    for told in (f"control topic {CONTROL} ", f"{{0={committed}}}", "ends at {0=", "docs/sinks.md"):
        assert told in reason, reason
    assert messages(worker) == list(range(110))
    worker.remove("archive")

    # The remedy of docs/sinks.md, after files with some of these records were announced on the lost topic.
    until("the group has no members", lambda: kafka.reset(consumer_group("archive"), TOPIC, 140))
    newest = max(offset for _, offset in worker.table()["rows"])
    assert kafka.reset(consumer_group("archive"), TOPIC, newest + 1)
    kafka.create(control_topic(2))
    worker.start("archive", settings(kafka, 2))
    until("160 rows", lambda: messages(worker) == list(range(160)))

    # What the table keeps: the last commit of the sink, and the rewriting after it.
    until("all other snapshots expired", lambda: worker.table()["snapshots"] <= 2)
    kafka.write(TOPIC, written(160, 5))
    until("165 rows", lambda: messages(worker) == list(range(165)))
    until("small files were rewritten", lambda: maintained(worker)["files-compacted"] >= 2)
    until("one file is left", lambda: maintained(worker)["table-files"] == 1)
    assert maintained(worker)["table-bytes"] > 0
    assert maintained(worker)["maintenance-age-ms"] < SECONDS * 1000
    assert messages(worker) == list(range(165))
    worker.remove("archive")
