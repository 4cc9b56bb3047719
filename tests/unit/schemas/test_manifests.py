"""What the registry and the registration are made of, against the genuine definitions and what production wants."""

import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from kafkalogs.config.models import Platform
from kafkalogs.kafka.identity import user_manifest
from kafkalogs.kafka.topic import topic_manifest
from kafkalogs.schemas.record import SCHEMAS as RECORD
from kafkalogs.schemas.record import TOPICS, registry_topic
from kafkalogs.schemas.registration import LogSchema, LogSchemaArgs, registration_manifests, subjects
from kafkalogs.schemas.registry import (
    SchemaRegistry,
    SchemaRegistryArgs,
    registry_manifest,
    registry_policy_manifest,
    registry_properties,
    registry_service_manifest,
    registry_url,
)

from tests.support.crd_schema import problems
from tests.support.graph import Graph, registered, unknown

HERE = {"namespace": "kafkalogs", "cluster": "logs"}
REGISTRY_ARGS = SchemaRegistryArgs(**HERE, image="registry:1", replicas=1)
SCHEMAS: dict[str, Any] = {
    "namespace": "kafkalogs",
    "image": "schemas:1",
    "registry": "https://registry.kafkalogs.svc:8443/apis/ccompat/v7",
    "topics": ["logs.checkout-service", "logs.audit"],
    "compatibility": "BACKWARD",
    "ca_secret": "registry-tls",
    "credentials_secret": "registry-writer-credentials",
}


def registry_graph(**more: Any) -> Graph:
    args = SchemaRegistryArgs(**{**HERE, "image": "registry:1", **more})
    return registered(lambda: SchemaRegistry("registry", args))


def schemas_graph(**more: Any) -> Graph:
    return registered(lambda: LogSchema("log-schema", LogSchemaArgs(**{**SCHEMAS, **more})))


def pods() -> list[Any]:
    job = registration_manifests(LogSchemaArgs(**SCHEMAS))["Job"]["spec"]["template"]
    return [registry_manifest(REGISTRY_ARGS)["spec"]["template"], job]


@pytest.mark.parametrize("topic", TOPICS)
def test_its_topics_are_valid_and_kept_for_ever(topic):
    manifest = topic_manifest(**HERE, topic=registry_topic(topic, 3, 2))
    assert problems(manifest) == []
    config = manifest["spec"]["config"]
    assert config["cleanup.policy"] == "delete"
    assert config["retention.ms"] == config["retention.bytes"] == -1
    assert config["min.insync.replicas"] == 2
    assert (manifest["spec"]["partitions"], manifest["spec"]["replicas"]) == (1, 3)


def test_its_rights_are_those_it_needs_and_no_others():
    (user,) = registry_graph().of(":KafkaUser")
    allowed = {
        (acl["resource"]["type"], acl["resource"]["name"], acl["resource"]["patternType"], operation)
        for acl in user.inputs["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }
    assert allowed == {
        *(("topic", t, "literal", o) for t in TOPICS for o in ("Read", "Write", "Describe", "DescribeConfigs")),
        *(("group", "apicurio-", "prefix", o) for o in ("Read", "Describe")),
    }
    assert user.inputs["metadata"]["name"] == "registry"
    assert user.inputs["spec"]["authentication"] == {"type": "tls"}
    (own,) = RECORD.users(Platform.model_validate({"schemas": {}}))
    manifest = user_manifest(**HERE, user=own)
    assert problems(manifest) == []
    assert manifest["spec"]["authorization"] == user.inputs["spec"]["authorization"]


@pytest.mark.parametrize("pod", pods(), ids=["registry", "job"])
def test_pods_keep_to_pod_security_restricted_with_a_read_only_root(pod):
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]) == {"requests", "limits"}
    assert container["imagePullPolicy"] == "IfNotPresent"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_kafka_is_spoken_to_with_a_certificate_and_a_verified_name():
    settings = registry_properties(**HERE)
    kafka = "apicurio.kafka.common."
    assert settings["apicurio.kafkasql.bootstrap.servers"] == "logs-kafka-bootstrap.kafkalogs.svc:9093"
    assert settings[f"{kafka}security.protocol"] == "SSL"
    assert settings[f"{kafka}ssl.endpoint.identification.algorithm"] == "https"
    assert settings["apicurio.kafkasql.topic.auto-create"] == "false"


def test_it_answers_over_https_only_and_lets_nobody_write_without_a_password():
    settings = registry_properties(**HERE)
    assert settings["quarkus.http.insecure-requests"] == "disabled"
    assert settings["quarkus.http.auth.basic"] == settings["apicurio.auth.role-based-authorization"] == "true"
    assert settings["apicurio.auth.anonymous-read-access.enabled"] == "true"
    assert settings["quarkus.security.users.embedded.roles.registry-writer"] == "sr-developer"
    assert not [value for key, value in settings.items() if "password" in key and not value.startswith("${")]


def test_no_password_is_in_a_manifest():
    text = json.dumps([registry_manifest(REGISTRY_ARGS), registration_manifests(LogSchemaArgs(**SCHEMAS))])
    (container,) = pods()[0]["spec"]["containers"]
    secret = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in container["env"] if "valueFrom" in entry}
    assert secret == {
        "KAFKA_USER_PASSWORD": {"name": "registry", "key": "user.password"},
        "REGISTRY_WRITER_PASSWORD": {"name": "registry-writer-credentials", "key": "password"},
    }
    assert '"kind": "Secret"' not in text


def test_probes_and_metrics_are_on_the_management_port():
    pod = pods()[0]
    (container,) = pod["spec"]["containers"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"https": 8443, "metrics": 9000}
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "metrics"
    assert "/9000 " in container["livenessProbe"]["exec"]["command"][-1]
    assert pod["metadata"]["labels"]["kafkalogs.io/metrics"] == "true"


def test_the_service_and_the_policy_open_the_same_pods():
    labels = pods()[0]["metadata"]["labels"]
    service, policy = registry_service_manifest(REGISTRY_ARGS), registry_policy_manifest(REGISTRY_ARGS)["spec"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    everybody, prometheus = policy["ingress"]
    assert everybody == {"ports": [{"port": 8443, "protocol": "TCP"}]}
    assert prometheus["ports"] == [{"port": 9000, "protocol": "TCP"}]
    assert prometheus["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}]
    assert registry_url("kafkalogs").startswith("https://registry.kafkalogs.svc:8443/")


def test_other_settings_restart_the_registry():
    def annotation(cluster: str) -> str:
        manifest = registry_manifest(replace(REGISTRY_ARGS, cluster=cluster))
        return manifest["spec"]["template"]["metadata"]["annotations"]["kafkalogs.io/config"]

    assert annotation("logs") == annotation("logs")
    assert annotation("logs") != annotation("other")


def test_the_registry_waits_for_its_topics_and_its_user():
    graph = registry_graph()
    deployment = graph.one("apps/v1:Deployment", "registry")
    needed = {resource.urn for resource in graph.of(":KafkaTopic")}
    assert len(needed) == 3
    assert needed <= deployment.dependencies
    service = graph.one("core/v1:Service", "registry")
    assert deployment.urn in service.dependencies
    component = graph.one("kafkalogs:index:SchemaRegistry", "registry")
    assert component.outputs == {"url": registry_url("kafkalogs")}


def test_each_topic_has_a_subject_for_json_and_one_for_avro():
    assert subjects(["logs.b", "logs.a"]) == {
        "logs.a-value": "JSON",
        "logs.a-value-avro": "AVRO",
        "logs.b-value": "JSON",
        "logs.b-value-avro": "AVRO",
    }


def test_the_job_says_why_it_failed_and_fails_at_once():
    made = registration_manifests(LogSchemaArgs(**SCHEMAS))
    job, name = made["Job"], made["Job"]["metadata"]["name"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert job["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"
    # Pulumi's provider knows a Job as failed only by the reasons BackoffLimitExceeded and DeadlineExceeded.
    assert job["spec"]["backoffLimit"] == 0
    assert "podFailurePolicy" not in job["spec"]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert made["ConfigMap"]["metadata"]["name"] == name
    assert {"name": "schemas", "configMap": {"name": name}} in job["spec"]["template"]["spec"]["volumes"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topics", ["logs.checkout-service"]),
        ("compatibility", "FULL"),
        ("image", "schemas:2"),
        ("registry", "https://elsewhere"),
        ("ca_secret", None),
        ("credentials_secret", "other"),
    ],
)
def test_a_job_of_other_content_has_another_name(key, value):
    def name(**values: Any) -> str:
        return registration_manifests(LogSchemaArgs(**{**SCHEMAS, **values}))["Job"]["metadata"]["name"]

    assert name() == name()
    assert name() != name(**{key: value})


def test_a_level_that_no_registry_knows_is_refused_at_once():
    with pytest.raises(pulumi.RunError, match="compatibility 'BACKWARDS': write one of BACKWARD,"):
        registration_manifests(LogSchemaArgs(**{**SCHEMAS, "compatibility": "BACKWARDS"}))


def test_who_uses_the_subjects_waits_for_the_job():
    graph = schemas_graph()
    job = graph.one("batch/v1:Job", "log-schema")
    assert graph.one("core/v1:ConfigMap", "log-schema").urn in job.dependencies
    component = graph.one("kafkalogs:index:LogSchema", "log-schema")
    assert component.outputs == {"subjects": list(subjects(SCHEMAS["topics"]))}


def test_what_only_the_deployment_knows_does_not_stop_a_preview():
    def build() -> None:
        registry = SchemaRegistry("registry", SchemaRegistryArgs(**{**HERE, "image": unknown()}))
        LogSchema("log-schema", LogSchemaArgs(**{**SCHEMAS, "registry": registry.url}))

    graph = registered(build, preview=True)
    assert graph.one("batch/v1:Job", "log-schema")
    assert graph.one("apps/v1:Deployment", "registry")
