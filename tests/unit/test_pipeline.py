"""What reads the logs: which parts a stack file switches on, what they need, and how they are put together."""

from typing import Any

import local_services
import pytest
from kafkalogs import ConfigError, LogPipeline, LogPipelineArgs, LogPlatform, LogPlatformArgs, load, parts
from kafkalogs.config.models import Platform

from tests.support.graph import Graph, registered
from tests.support.stack import REMOVED, VALID, changed

PARTS: dict[str, Any] = {
    **{key: {} for key in parts.IMAGES},
    # what the disks of the small stack have room for
    "shipper": {"rate": "16KiB/s"},
    "stream": {"plannedShare": 0.1},
}
NAMES = ("operator", "kafka", *{name for names in parts.IMAGES.values() for name in names})
IMAGES = {name: f"{name}:1" for name in (*NAMES, "secrets", "s3", "database", "search", "pagerduty")}
# A job that needs no Flink to be looked at: the real one is tested by tests/unit/stream.
JOB = "SELECT 1;"


def stack(*changes: tuple[str, Any], on: dict[str, Any] | None = None) -> dict[str, Any]:
    base = changed(("services.mailer", REMOVED), *((key, value) for key, value in (on or PARTS).items()))
    return changed(*changes, base=base)


def build(config: dict[str, Any], images: dict[str, str] = IMAGES) -> Graph:
    def program() -> None:
        platform = LogPlatform("kafkalogs", LogPlatformArgs(config))
        services = local_services.LocalServices("services", local_services.LocalServicesArgs(platform, images))
        LogPipeline("pipeline", LogPipelineArgs(platform, images, services.endpoints, JOB))

    return registered(program)


@pytest.fixture(scope="module")
def whole() -> Graph:
    return build(stack())


def test_every_part_is_a_component(whole: Graph) -> None:
    ours = {r.type.removeprefix("kafkalogs:index:") for r in whole.resources if r.type.startswith("kafkalogs:")}
    assert ours >= {
        *("SchemaRegistry", "LogSchema", "ConnectCluster", "S3Sink", "SearchSink", "SearchSetup", "JdbcSink"),
        *("FlinkJob", "Pager", "LogShipper", "Monitoring", "ServiceSecrets"),
        *("LocalS3", "LocalDatabase", "LocalSearch", "LocalPagerDuty"),
    }


def test_every_part_has_an_identity_of_its_own(whole: Graph) -> None:
    users = {r.inputs["metadata"]["name"] for r in whole.of("KafkaUser")}
    assert users >= {"registry", "connect", "stream", "pager", "shipper", "monitor"}


def test_sinks_read_the_topics_of_services_and_of_the_shipper_and_no_derived_one(whole: Graph) -> None:
    services = {"logs.checkout-service", "logs.auth-service", "logs.audit", "logs.access"}
    for name in ("archive", "search"):
        config = whole.one("KafkaConnector", name).inputs["spec"]["config"]
        assert set(config["topics"].split(",")) == {*services, "logs.platform"}
    audit = whole.one("KafkaConnector", "audit").inputs["spec"]["config"]
    assert audit["topics"] == "logs.audit"


def test_sinks_take_events_of_the_declared_writers_of_each_topic_only(whole: Graph) -> None:
    for name in ("archive", "search", "audit"):
        config = whole.one("KafkaConnector", name).inputs["spec"]["config"]
        writers = dict(entry.split("=") for entry in config["value.converter.services"].split(","))
        assert set(writers) == set(config["topics"].split(","))
        for topic, services in writers.items():
            users = {user.inputs["metadata"]["name"] for user in whole.of("KafkaUser") if writes(user.inputs, topic)}
            assert (services == "*") if topic == "logs.platform" else (set(services.split("|")) == users), topic


def writes(user: dict[str, Any], topic: str) -> bool:
    return any(
        (acl["resource"]["type"], acl["resource"].get("name")) == ("topic", topic) and "Write" in acl["operations"]
        for acl in user["spec"]["authorization"]["acls"]
    )


def test_connectors_wait_for_their_workers_and_go_before_them(whole: Graph) -> None:
    for kind, name in (("S3Sink", "archive"), ("SearchSink", "search"), ("JdbcSink", "audit")):
        sink = whole.one(f"index:{kind}", name)  # its children come after it and go before it
        connector = whole.one("KafkaConnector", name)
        workers = connector.inputs["metadata"]["labels"]["strimzi.io/cluster"]
        assert workers == {"archive": "connect", "search": "connect-search", "audit": "connect-database"}[name]
        assert whole.one("KafkaConnect", workers).urn in sink.dependencies
        assert connector.parent == sink.urn


def test_a_part_that_is_absent_is_not_there() -> None:
    graph = build(stack(on={"search": {}}))
    kinds = {r.type.rpartition(":")[2] for r in graph.resources}
    assert "SearchSink" in kinds
    assert not kinds & {"S3Sink", "JdbcSink", "FlinkJob", "Pager", "LogShipper", "Monitoring", "SchemaRegistry"}
    assert not kinds & {"LocalS3", "LocalDatabase", "LocalPagerDuty"}
    assert [r.name for r in graph.of("KafkaConnector")] == ["search"]


def test_what_the_stack_file_names_does_not_run_here() -> None:
    ends = {"s3": "https://s3.example.org", "database": "db.example.org:5432/logs", "search": "https://es.example.org"}
    config = load(stack(("endpoints", ends), ("pager", {"url": "https://events.pagerduty.com/v2/enqueue"})))
    assert local_services.run_here(config) == []
    graph = build(stack(("endpoints", ends)))
    assert graph.one("KafkaConnector", "search").inputs["spec"]["config"]["search.url"] == "https://es.example.org"
    assert "search.tls.ca.path" not in graph.one("KafkaConnector", "search").inputs["spec"]["config"]


ENDS = {"s3": "https://s3.example.org", "database": "db.example.org:5432/logs", "search": "https://es.example.org"}


def authorities_of(graph: Graph) -> dict[str, Any]:
    """Which Secret verifies what, in the settings of each part that connects there; None: public authorities."""
    archive, search, audit = (
        graph.one("KafkaConnector", n).inputs["spec"]["config"] for n in ("archive", "search", "audit")
    )
    jobs = [
        graph.one("batch/v1:Job", "search-setup").inputs["spec"]["template"]["spec"],
        graph.one("CronJob", "search-setup-retention").inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        graph.one("FlinkDeployment", "stream").inputs["spec"]["podTemplate"]["spec"],
    ]
    mounted = [
        next((v["secret"]["secretName"] for v in pod["volumes"] if v["name"] in ("ca", "s3-ca") and named(v)), None)
        for pod in jobs
    ]
    given = {
        "archive's catalog": archive["iceberg.catalog.uri"].partition("sslrootcert=")[2],
        "archive's files": archive.get("iceberg.catalog.kafkalogs.s3.ca.path"),
        "audit": audit["connection.url"].partition("sslrootcert=")[2],
        "search": search.get("search.tls.ca.path"),
    }
    assert "sslmode=verify-full" in archive["iceberg.catalog.uri"]
    assert "sslmode=verify-full" in audit["connection.url"]
    files = {part: path.split("/")[-2] if path else None for part, path in given.items()}
    return {**files, **dict(zip(("set-up", "retention", "stream"), mounted, strict=True))}


def named(volume: dict[str, Any]) -> bool:
    """Whether a volume is an authority's, and not that of the Kafka cluster."""
    return not volume["secret"]["secretName"].endswith("-cluster-ca-cert")


def mounts_of(graph: Graph) -> list[str]:
    """The Secrets that Connect's workers mount, each at the place where settings look for it."""
    found: list[str] = []
    for workers in graph.of("KafkaConnect"):
        template = workers.inputs["spec"]["template"]
        volumes = {volume["name"]: volume["secret"]["secretName"] for volume in template["pod"]["volumes"]}
        for mount in template["connectContainer"]["volumeMounts"]:
            assert mount["mountPath"] == f"/mnt/secrets/{volumes[mount['name']]}"
        found += [name for name in volumes.values() if name not in found]
    return found


@pytest.mark.parametrize(
    ("secrets", "s3", "database", "search"),
    [
        ({"s3": "store-ca", "database": "rds-ca", "search": "search-ca"}, "store-ca", "rds-ca", "search-ca"),
        ({"database": "rds-ca"}, None, "rds-ca", None),
        ({"s3": "company-ca", "database": "company-ca"}, "company-ca", "company-ca", None),
        ({}, None, None, None),
    ],
)
def test_each_endpoint_is_verified_by_its_own_authority(
    secrets: dict[str, str], s3: str | None, database: str | None, search: str | None
) -> None:
    graph = build(stack(("endpoints", {**ENDS, "caSecrets": secrets})))
    assert authorities_of(graph) == {
        **{"archive's catalog": database, "audit": database, "archive's files": s3, "stream": s3},
        **{"search": search, "set-up": search, "retention": search},
    }
    credentials = ["platform-ca", "s3-credentials", "search-sink-credentials", "postgres-credentials"]
    assert sorted(mounts_of(graph)) == sorted({*credentials, *secrets.values()})


def test_what_runs_here_and_what_is_elsewhere_have_authorities_of_their_own() -> None:
    ends = {"database": ENDS["database"], "caSecrets": {"database": "rds-ca"}}
    found = authorities_of(build(stack(("endpoints", ends))))
    assert found.pop("audit") == found.pop("archive's catalog") == "rds-ca"
    assert set(found.values()) == {"platform-ca"}
    del ends["caSecrets"]
    found = authorities_of(build(stack(("endpoints", ends))))
    assert found["audit"] is found["archive's catalog"] is None, "a public one, though S3 is of this machine"


def test_workers_mount_the_authorities_of_their_own_sinks_alone() -> None:
    ends = {**ENDS, "caSecrets": {"s3": "store-ca", "database": "rds-ca", "search": "search-ca"}}
    graph = build(stack(("endpoints", ends), on={"audit": {}}))
    assert mounts_of(graph) == ["postgres-credentials", "rds-ca"]


def test_missing_images_are_named_before_anything_is_registered() -> None:
    config = load(stack(on={"stream": {}, "search": {}}))
    with pytest.raises(ConfigError) as error:
        parts.check_images(config, {"connect": "connect:1"})
    assert "stream: 'on': its image flink comes from make cluster; run it, or remove stream" in str(error.value)
    assert "search-setup" in str(error.value)
    with pytest.raises(ConfigError, match=r"endpoints.*s3 and search and secrets would run here"):
        local_services.check_images(config, dict.fromkeys(NAMES, "x"))
    local_services.check_images(config, IMAGES)


def test_secrets_are_made_for_what_runs(whole: Graph) -> None:
    (listed,) = [r for r in whole.of("v1:ConfigMap") if "wanted.json" in r.inputs.get("data", {})]
    for name in ("registry", "prometheus", "alertmanager", "elasticsearch", "s3", "postgres", "pagerduty"):
        assert f'"{name}"' in listed.inputs["data"]["wanted.json"]
    assert parts.needed_secrets(load(VALID)) == ([], {})


def test_search_keeps_what_kafka_keeps_the_longest(whole: Graph) -> None:
    (settings,) = [r for r in whole.of("v1:ConfigMap") if "search.json" in r.inputs.get("data", {})]
    hour = 3_600_000
    assert f'"logs-access-default": {6 * hour}' in settings.inputs["data"]["search.json"]
    assert f'"logs-application-default": {12 * hour}' in settings.inputs["data"]["search.json"]


def test_metrics_are_served_only_when_somebody_watches(whole: Graph) -> None:
    assert whole.one("v1:Kafka", "logs").inputs["spec"]["kafka"]["metricsConfig"]["type"] == "jmxPrometheusExporter"
    quiet = build(stack(on={"search": {}}))
    assert "metricsConfig" not in quiet.one("v1:Kafka", "logs").inputs["spec"]["kafka"]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (changed(("pager", {})), "pager: 'on': it pages what the stream job finds; add stream, or leave pager out"),
        (
            changed(("stream", {})),
            "services.mailer.layout: 'logs.error': the stream job writes this topic; choose another layout",
        ),
        (
            changed(("shipper", {}), ("services.checkout-service.topic", "logs.platform")),
            "services.checkout-service.topic: 'logs.platform': the shipper writes this topic; choose another topic",
        ),
        (
            changed(("services.connect", {"team": "x", "rate": "1KiB/s"})),
            "services.connect: 'connect': the identity of Kafka Connect; choose another name",
        ),
        (changed(("services.nginx.tier", 9)), "services.nginx.tier: 9: too large; write at most 4"),
        (changed(("archive", {"catalog": "hive"})), "archive.catalog: 'hive': unknown value; write jdbc or glue"),
    ],
)
def test_bad_input(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(config)
    assert problem in str(error.value)


def test_teams_may_read_what_the_parts_write() -> None:
    reads = ("teams.security.reads", ["errors.critical", "metrics.*", "logs.platform"])
    assert isinstance(load(stack(reads)), Platform)
    with pytest.raises(ConfigError, match=r"errors\.critical"):
        load(changed(("teams.security.reads", ["errors.critical"])))
