"""Changes of the stack file reach Kafka through `pulumi up`; what Kafka cannot do is refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

from confluent_kafka.admin import ConfigResource, ResourceType

from tests.support import everywhere, kafka, pipeline
from tests.support.run import PROBE, Run, probe_record
from tests.support.sandbox import Sandbox


def retention(platform: Sandbox, topic: str) -> int:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = kafka.admin(platform, "team-operations")  # its requests end with it
    configs = admin.describe_configs([resource])[resource].result(30)
    return int(configs["retention.ms"].value)


def partitions(platform: Sandbox, topic: str) -> int:
    topics = kafka.admin(platform, "team-operations").list_topics(timeout=30).topics
    return len(topics[topic].partitions) if topic in topics else 0


def known(platform: Sandbox, reader: str) -> dict[str, Any]:
    """What the topic of the service catalog says at its end."""
    last = {m.key(): m.value() for m in kafka.read_committed(platform, reader, "catalog.services")}
    return {key.decode(): json.loads(value) for key, value in last.items() if value is not None}


def test_topic_and_user_changes_arrive(platform: Sandbox) -> None:
    def change(config: dict[str, Any]) -> None:
        config["services"]["cart-service"]["retention"] = "17m"
        config["services"]["cart-service"]["partitions"] = 6
        config["services"]["returns-service"] = {"team": "payments", "rate": "16KiB/s", "retention": "30m"}
        config["teams"]["fraud"] = {"reads": ["logs.payment-service"]}

    platform.edit(change)
    platform.up()
    assert retention(platform, "logs.cart-service") == 17 * 60 * 1000
    assert partitions(platform, "logs.cart-service") == 6
    writer = kafka.Writer(platform, "returns-service")
    writer.write("logs.returns-service", b"{}")
    writer.flush()
    assert (len(writer.acked), writer.errors) == (1, [])
    kafka.read_all(platform, "team-fraud", ["logs.payment-service"])


def test_a_new_service_flows_through_everything(platform: Sandbox, reader: str) -> None:
    """One line of the stack file, and no part of the pipeline is touched by hand."""
    platform.edit(lambda config: config["services"].update({"gift-service": {"team": "storefront", "rate": "64KiB/s"}}))
    platform.up()
    assert known(platform, reader)["gift-service"] == {"service": "gift-service", "team": "storefront", "tier": 3}
    run = Run(uuid.uuid4().hex, [])
    levels = ["info"] * 30 + ["error"] * 5 + ["critical"] * 2
    run.records = [probe_record(run.id, level, number, "gift-service") for number, level in enumerate(levels)]
    run.write(platform)
    everywhere.everything(platform, run, reader)
    incidents = [i for i in pipeline.incidents(platform) if i["dedup_key"].startswith("gift-service/")]
    assert {i["payload"]["group"] for i in incidents} == {"storefront"}
    assert "logs.gift-service-value" in pipeline.registry(platform, "/subjects")


def test_a_removed_service_loses_its_topic_its_identity_and_its_rights(platform: Sandbox, reader: str) -> None:
    held = kafka.settings(platform, "returns-service")

    def change(config: dict[str, Any]) -> None:
        del config["services"]["returns-service"]
        del config["services"]["gift-service"]
        del config["teams"]["fraud"]

    platform.edit(change)
    platform.up()
    platform.wait("the topic is gone", lambda: partitions(platform, "logs.returns-service") == 0, 60)
    secrets = {s["metadata"]["name"] for s in platform.get("secrets")["items"]}
    assert not {"returns-service", "team-fraud"} & secrets
    # Its certificate is still a valid one, but nothing is allowed to it any more.
    from confluent_kafka.admin import AdminClient

    visible = AdminClient(held).list_topics(timeout=20).topics
    assert not [name for name in visible if name.startswith("logs.")]
    assert not {"returns-service", "gift-service"} & known(platform, reader).keys()
    # The stream job, which reads the catalog too, goes on.
    failures(platform, reader, PROBE)


def test_the_stream_job_starts_again_without_a_removed_topic_and_reads_it_when_it_is_back(
    platform: Sandbox, reader: str
) -> None:
    """What it remembers of the topic, also of its empty partitions, must not hold it up."""
    pods = ("-n", "kafkalogs", "-l", "app=stream,component=taskmanager")
    platform.kubectl("delete", "pod", *pods, "--grace-period=0", "--force")
    failures(platform, reader, PROBE)
    again = {"returns-service": {"team": "payments", "rate": "16KiB/s"}}
    platform.edit(lambda config: config["services"].update(again))
    platform.up()
    failures(platform, reader, "returns-service")


def failures(platform: Sandbox, reader: str, service: str) -> None:
    """New failures of this service are taken out of its logs, each once."""
    run = Run(uuid.uuid4().hex, [])
    run.records = [probe_record(run.id, "error", number, service) for number in range(3)]
    run.write(platform)
    everywhere.extracted(platform, run, reader, "logs.error", ("error",))


def test_fewer_partitions_are_refused_in_the_status(platform: Sandbox) -> None:
    def patch(count: int) -> None:
        spec = json.dumps({"spec": {"partitions": count}})
        platform.kubectl("-n", "kafkalogs", "patch", "kafkatopic", "logs.cart-service", "--type=merge", "-p", spec)

    def condition(kind: str) -> dict[str, Any]:
        status = platform.get("kafkatopic", "logs.cart-service")
        if status["status"].get("observedGeneration") != status["metadata"]["generation"]:
            return {}
        return next((c for c in status["status"]["conditions"] if c["type"] == kind), {})

    patch(3)
    refused = platform.wait("the refusal", lambda: (c := condition("Ready")).get("status") == "False" and c, 60)
    assert refused["reason"] == "NotSupported"
    assert "Decreasing partitions not supported" in refused["message"]
    assert partitions(platform, "logs.cart-service") == 6
    patch(6)
    platform.wait("ready again", lambda: condition("Ready").get("status") == "True", 60)
    platform.pulumi("refresh", "--yes", "--skip-preview")
    platform.up("--expect-no-changes")


def test_a_wrong_stack_file_changes_nothing(platform: Sandbox) -> None:
    before = platform.get("kafkatopics")["items"]
    with platform.edited(
        lambda config: config["services"]["cart-service"].update(retention="17 parsecs", rate="-1B/s")
    ):
        result = platform.up(check=False)
    assert result.code != 0
    assert "services.cart-service.retention" in result.text
    assert "services.cart-service.rate" in result.text
    assert "Traceback" not in result.text
    after = platform.get("kafkatopics")["items"]
    assert [t["metadata"]["resourceVersion"] for t in after] == [t["metadata"]["resourceVersion"] for t in before]
