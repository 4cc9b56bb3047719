"""What a KafkaConnect becomes: configuration and objects of its workers."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_operator.common.spec import InvalidSpecError
from embedded_operator.connect import objects as connect_objects
from embedded_operator.connect import spec as connect_spec
from embedded_operator.connect.spec import Trust

from tests.unit.operator.connect.resources import IMAGES, Obj, connect

DATA = {
    "logs-cluster-ca-cert": {"ca.crt": "CA", "ca-old.crt": "OLD", "ca.password": "x"},
    "connect": {"user.crt": "CERT", "user.key": "KEY", "password": "pw"},
}


def trusted(resource: Obj, data: dict[str, dict[str, str]] = DATA) -> Trust:
    return connect_spec.trust(connect_spec.parse(resource, IMAGES), data.get)


def options(resource: Obj) -> dict[str, str]:
    return connect_spec.build(connect_spec.parse(resource, IMAGES), trusted(resource))


def made_pod(resource: Obj, exporter: str = "", data: dict[str, dict[str, str]] = DATA) -> Obj:
    parsed, trust = connect_spec.parse(resource, IMAGES), trusted(resource, data)
    return connect_objects.pod(parsed, "sinks-connect-0", connect_objects.config_map(parsed, trust, exporter), trust)


def problems(**spec: Any) -> str:
    with pytest.raises(InvalidSpecError) as caught:
        connect_spec.parse(connect(**spec), IMAGES)
    return str(caught.value)


class TestConfiguration:
    def test_workers_and_their_clients_use_mutual_tls(self) -> None:
        found = options(connect())
        for prefix in ("", "producer.", "consumer.", "admin."):
            assert found[f"{prefix}security.protocol"] == "SSL"
            assert found[f"{prefix}ssl.truststore.certificates"] == (
                "${strimzidir:/opt/kafka/connect-certs/logs-cluster-ca-cert:ca-old.crt}\n"
                "${strimzidir:/opt/kafka/connect-certs/logs-cluster-ca-cert:ca.crt}"
            )
            assert found[f"{prefix}ssl.keystore.key"] == "${strimzidir:/opt/kafka/connect-certs/connect:user.key}"
            assert found[f"{prefix}ssl.keystore.certificate.chain"].endswith("connect:user.crt}")

    def test_no_secret_is_in_the_configuration(self) -> None:
        password = {"secretName": "connect", "password": "password"}
        scram = {"type": "scram-sha-512", "username": "me", "passwordSecret": password}
        for resource in (connect(), connect(authentication=scram)):
            text = connect_objects.config_map(connect_spec.parse(resource, IMAGES), trusted(resource), "")["data"]
            assert not {"CERT", "KEY", "pw"} & set(str(text).split())
            assert "=pw" not in str(text)

    def test_scram_takes_the_password_from_its_secret(self) -> None:
        password = {"secretName": "connect", "password": "password"}
        resource = connect(authentication={"type": "scram-sha-512", "username": "me", "passwordSecret": password})
        found = options(resource)
        assert found["consumer.security.protocol"] == "SASL_SSL"
        assert found["consumer.sasl.mechanism"] == "SCRAM-SHA-512"
        assert found["sasl.jaas.config"] == (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            'username="${strimzienv:KAFKA_CONNECT_SASL_USERNAME}" '
            'password="${strimzidir:/opt/kafka/connect-certs/connect:password}";'
        )
        env = made_pod(resource)["spec"]["containers"][0]["env"]
        assert {"name": "KAFKA_CONNECT_SASL_USERNAME", "value": "me"} in env

    def test_without_tls_nothing_is_encrypted(self) -> None:
        assert options(connect(tls=None, authentication=None))["security.protocol"] == "PLAINTEXT"

    def test_the_group_and_its_topics_come_from_their_own_fields(self) -> None:
        found = options(connect())
        assert found["group.id"] == "sinks.workers"
        assert [found[f"{key}.storage.topic"] for key in ("config", "offset", "status")] == [
            "sinks.configs",
            "sinks.offsets",
            "sinks.status",
        ]

    def test_own_config_providers_stay(self) -> None:
        assert options(connect())["config.providers"] == "dir,strimzienv,strimzifile,strimzidir"

    def test_converters_are_json_unless_told_otherwise(self) -> None:
        assert options(connect())["value.converter"] == "org.apache.kafka.connect.json.JsonConverter"
        assert options(connect(config={"value.converter": "x.Y"}))["value.converter"] == "x.Y"
        assert options(connect())["value.converter.schemas.enable"] == "false"

    def test_what_only_the_operator_sets_is_ignored_with_a_warning(self) -> None:
        config = {"ssl.keystore.location": "/x", "rest.port": 1, "ssl.protocol": "TLSv1.3", "plugin.path": "/y"}
        parsed = connect_spec.parse(connect(config=config), IMAGES)
        assert parsed.config == {"ssl.protocol": "TLSv1.3"}
        (warning,) = parsed.warnings
        assert warning["message"] == (
            "spec.config: plugin.path, rest.port, ssl.keystore.location: set by the operator, ignored"
        )


class TestRefusals:
    def test_all_problems_are_told_at_once(self) -> None:
        text = problems(
            build={"output": {}},
            plugins=[{"name": "a"}],
            logging={"type": "external"},
            authentication={"type": "custom"},
            template={"connectContainer": {"volumeMounts": [{"name": "a", "mountPath": "/etc/a"}]}},
        )
        for part in (
            "spec.build",
            "spec.plugins",
            "spec.logging",
            "custom",
            "/etc/a: mount paths should start with /mnt",
        ):
            assert part in text

    @pytest.mark.parametrize(
        ("authentication", "part"),
        [
            ({"type": "tls"}, "certificateAndKey is missing"),
            ({"type": "scram-sha-512", "username": "a"}, "passwordSecret is missing"),
        ],
    )
    def test_authentication_must_be_complete(self, authentication: Obj, part: str) -> None:
        assert part in problems(authentication=authentication)

    def test_a_certificate_needs_tls(self) -> None:
        assert "needs spec.tls" in problems(tls=None)

    def test_a_version_without_image(self) -> None:
        assert "3.0.0 is not supported" in problems(version="3.0.0", image=None)

    def test_missing_secrets_and_entries_are_named(self) -> None:
        with pytest.raises(InvalidSpecError) as caught:
            trusted(connect(), {"connect": {"user.crt": "x"}})
        assert "the Secret logs-cluster-ca-cert does not exist" in str(caught.value)
        assert "the Secret connect has no entries user.crt and user.key" in str(caught.value)

    def test_what_is_left_out_is_a_warning(self) -> None:
        parsed = connect_spec.parse(connect(jmxOptions={}, metricsConfig={"type": "strimziMetricsReporter"}), IMAGES)
        assert ["jmxOptions" in item["message"] for item in parsed.warnings] == [True, False]
        assert "use jmxPrometheusExporter" in parsed.warnings[1]["message"]


class TestObjects:
    def test_names_and_labels_are_strimzis(self) -> None:
        parsed = connect_spec.parse(connect(), IMAGES)
        assert parsed.pods == ["sinks-connect-0", "sinks-connect-1"]
        api, headless = connect_objects.services(parsed)
        assert (api["metadata"]["name"], headless["metadata"]["name"]) == ("sinks-connect-api", "sinks-connect")
        assert api["spec"]["ports"][0]["port"] == 8083
        assert headless["spec"]["clusterIP"] == "None"
        labels = made_pod(connect())["metadata"]["labels"]
        assert labels["strimzi.io/kind"] == "KafkaConnect"
        assert labels["strimzi.io/name"] == "sinks-connect"
        assert labels["strimzi.io/pod-name"] == "sinks-connect-0"
        assert api["spec"]["selector"].items() <= labels.items()

    def test_only_workers_and_the_operator_reach_the_api(self) -> None:
        policy = connect_objects.network_policy(connect_spec.parse(connect(), IMAGES))
        (rule,) = policy["spec"]["ingress"]
        assert [peer["podSelector"]["matchLabels"]["strimzi.io/kind"] for peer in rule["from"]] == [
            "KafkaConnect",
            "cluster-operator",
        ]
        assert rule["ports"] == [{"port": 8083, "protocol": "TCP"}]

    def test_a_worker_meets_the_restricted_standard(self) -> None:
        spec = made_pod(connect())["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True

    def test_a_worker_sees_no_more_of_a_secret_than_it_uses(self) -> None:
        volumes = {
            item["secret"]["secretName"]: item["secret"]
            for item in made_pod(connect())["spec"]["volumes"]
            if "secret" in item
        }
        assert [item["key"] for item in volumes["connect"]["items"]] == ["user.crt", "user.key"]
        assert [item["key"] for item in volumes["logs-cluster-ca-cert"]["items"]] == ["ca-old.crt", "ca.crt"]

    def test_the_template_is_honoured(self) -> None:
        template = {
            "pod": {
                "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
                "terminationGracePeriodSeconds": 5,
                "volumes": [{"name": "extra", "secret": {"secretName": "s"}}],
            },
            "connectContainer": {
                "env": [{"name": "E", "value": "1"}],
                "volumeMounts": [{"name": "extra", "mountPath": "/mnt/s"}],
            },
        }
        pod = made_pod(connect(template=template, jvmOptions={"-Xmx": "1g", "-XX": {"UseZGC": True}}))
        (container,) = pod["spec"]["containers"]
        assert pod["metadata"]["labels"]["a"] == "b"
        assert pod["metadata"]["annotations"]["c"] == "d"
        assert pod["spec"]["terminationGracePeriodSeconds"] == 5
        assert pod["spec"]["volumes"][-1]["name"] == "extra"
        assert container["volumeMounts"][-1]["mountPath"] == "/mnt/s"
        env = {item["name"]: item.get("value") for item in container["env"]}
        assert env["E"] == "1"
        assert env["KAFKA_HEAP_OPTS"] == "-Xmx1g"
        assert "-XX:+UseZGC" in env["KAFKA_JVM_PERFORMANCE_OPTS"]
        assert env["ADVERTISED_HOSTNAME"] == "sinks-connect-0.sinks-connect.kafkalogs.svc"

    def test_without_jvm_options_the_heap_is_three_quarters_of_the_limit(self) -> None:
        env = {item["name"]: item["value"] for item in made_pod(connect())["spec"]["containers"][0]["env"]}
        assert env["KAFKA_HEAP_OPTS"] == "-XX:InitialRAMPercentage=75 -XX:MaxRAMPercentage=75"

    def test_the_revision_changes_with_all_that_a_worker_is_made_of(self) -> None:
        def revision(pod: Obj) -> str:
            return pod["metadata"]["annotations"]["strimzi.io/revision"]

        renewed = {**DATA, "connect": {**DATA["connect"], "user.crt": "NEW"}}
        found = [
            revision(made_pod(connect())),
            revision(made_pod(connect(image="other:1"))),
            revision(made_pod(connect(config={"offset.flush.interval.ms": 1}))),
            revision(made_pod(connect(), data=renewed)),
            revision(made_pod(connect(), exporter="rules: []")),
        ]
        assert len(set(found)) == len(found)
        unused = {**DATA, "connect": {**DATA["connect"], "password": "NEW"}}
        assert revision(made_pod(connect(), data=unused)) == found[0]
        assert revision(made_pod(connect(replicas=1))) == found[0]

    def test_the_exporter_runs_where_it_is_asked_for(self) -> None:
        reference = {"configMapKeyRef": {"name": "jmx", "key": "c"}}
        resource = connect(metricsConfig={"type": "jmxPrometheusExporter", "valueFrom": reference})
        parsed = connect_spec.parse(resource, IMAGES)
        config = connect_objects.config_map(parsed, trusted(resource), "rules: []")["data"]
        assert config["metrics-config.yml"] == "rules: []"
        assert "-javaagent:$agent=9404:/opt/kafka/custom-config/metrics-config.yml" in config["start.sh"]
        ports = made_pod(resource, "rules: []")["spec"]["containers"][0]["ports"]
        assert {"name": "tcp-prometheus", "containerPort": 9404, "protocol": "TCP"} in ports
        assert len(connect_objects.network_policy(parsed)["spec"]["ingress"]) == 2
        plain = connect_objects.config_map(connect_spec.parse(connect(), IMAGES), trusted(connect()), "")["data"]
        assert "javaagent" not in plain["start.sh"]
