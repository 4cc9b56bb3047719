"""From Kafka and KafkaNodePool resources to configuration, Services, pods and volumes."""

from __future__ import annotations

import copy

import pytest
from embedded_operator.common import names, settings
from embedded_operator.common.pods import heap
from embedded_operator.common.spec import InvalidSpecError
from embedded_operator.kafka import broker_config, network, pods, services, spec
from embedded_operator.kafka.nodes import Node
from embedded_operator.kafka.plan import choose_ids
from embedded_operator.kafka.spec import ClusterSpec

from tests.unit.operator.kafka.resources import IMAGES, KAFKA, Obj, pool

ADVERTISED = {"tls": ("in", 9093), "scram": ("in", 9094), "external": ("127.0.0.1", 32091)}


@pytest.fixture
def kafka() -> Obj:
    return copy.deepcopy(KAFKA)


@pytest.fixture
def pools() -> list[Obj]:
    return [pool()]


def build(kafka: Obj, pools: list[Obj]) -> ClusterSpec:
    cluster, _ = choose_ids(spec.parse(kafka, pools, IMAGES), [], lambda ids: set())
    return cluster


def options(cluster: ClusterSpec, node: Node) -> dict[str, str]:
    return broker_config.build(cluster, node, ADVERTISED)


def make_pod(cluster: ClusterSpec, certificate: str = "cert") -> Obj:
    node = cluster.nodes[0]
    config = pods.config_map(cluster, node, "id", options(cluster, node))
    return pods.pod(cluster, node, config, certificate, {"generation": "0"})


class TestSpec:
    def test_all_problems_are_told_at_once_each_with_its_path(self, kafka: Obj) -> None:
        kafka["spec"]["kafka"] |= {
            "version": "1.0.0",
            "authorization": {"type": "custom"},
            "tieredStorage": {"type": "custom"},
            "listeners": [
                {
                    "name": "Too-Long-Name",
                    "port": 80,
                    "type": "ingress",
                    "tls": False,
                    "authentication": {"type": "tls"},
                },
                {"name": "b", "port": 9093, "type": "internal", "tls": True, "authentication": {"type": "custom"}},
                {"name": "b", "port": 9093, "type": "internal", "tls": True},
            ],
        }
        with pytest.raises(InvalidSpecError) as caught:
            spec.parse(kafka, [], IMAGES)
        for part in (
            "spec.kafka.version: 1.0.0",
            "authorization.type: custom",
            "spec.kafka.tieredStorage",
            "at most 11",
            "port: 80",
            "type: ingress",
            "needs tls: true",
            "authentication.type: custom",
            "name b is used more than once",
            "port 9093 is used more than once",
            "controller role",
            "broker role",
        ):
            assert part in str(caught.value)

    def test_what_is_missing_beside_the_cluster_is_a_warning(self, kafka: Obj, pools: list[Obj]) -> None:
        kafka["spec"]["cruiseControl"] = {}
        kafka["spec"]["kafka"]["config"]["ssl.keystore.location"] = "/tmp/x"
        reasons = [item["reason"] for item in spec.parse(kafka, pools, IMAGES).warnings]
        assert reasons == ["UnsupportedByEmbeddedOperator", "KafkaForbiddenConfiguration"]

    def test_controllers_cannot_be_scaled(self, kafka: Obj, pools: list[Obj]) -> None:
        pools[0]["status"] = {"nodeIds": [0]}
        with pytest.raises(InvalidSpecError, match="controllers cannot be scaled"):
            spec.parse(kafka, pools, IMAGES)

    def test_a_broker_with_replicas_does_not_leave(self, kafka: Obj) -> None:
        brokers = pool("broker", 1, ("broker",))
        brokers["status"] = {"nodeIds": [0, 1, 2]}
        parsed = spec.parse(kafka, [pool("controller", 3, ("controller",)), brokers], IMAGES)
        cluster, warnings = choose_ids(parsed, [], lambda ids: ids & {2})
        assert [node.id for node in cluster.brokers] == [0, 1, 2]
        assert warnings[0]["reason"] == "ScaleDownPreventionCheck"
        cluster, warnings = choose_ids(parsed, [], lambda ids: set())
        assert [node.id for node in cluster.brokers] == [0]
        assert warnings == []


class TestBrokerConfig:
    def test_roles_decide_what_a_node_listens_to(self, kafka: Obj) -> None:
        cluster = build(kafka, [pool("broker", 1, ("broker",)), pool("controller", 3, ("controller",))])
        broker, controller = options(cluster, cluster.brokers[0]), options(cluster, cluster.controllers[0])
        assert broker["process.roles"] == "broker"
        assert "CONTROLPLANE" not in broker["listeners"]
        assert controller["process.roles"] == "controller"
        assert controller["listeners"] == "CONTROLPLANE-9090://0.0.0.0:9090"
        assert broker["controller.quorum.voters"].count("@") == 3

    def test_authorization_denies_by_default_and_only_internals_may_everything(
        self, kafka: Obj, pools: list[Obj]
    ) -> None:
        cluster = build(kafka, pools)
        made = options(cluster, cluster.nodes[0])
        assert made["authorizer.class.name"].endswith("StandardAuthorizer")
        assert "allow.everyone.if.no.acl.found" not in made
        assert made["super.users"].split(";") == [
            "User:CN=logs-kafka,O=io.strimzi",
            "User:CN=cluster-operator,O=io.strimzi",
            "User:CN=root",
        ]

    def test_connections_are_limited_as_declared(self, kafka: Obj, pools: list[Obj]) -> None:
        limits = {"maxConnections": 70, "maxConnectionCreationRate": 7}
        for listener in kafka["spec"]["kafka"]["listeners"]:
            listener["configuration"] = {**listener.get("configuration", {}), **limits}
        cluster = build(kafka, pools)
        made = options(cluster, cluster.nodes[0])
        for name in ("tls-9093", "scram-9094", "external-9095"):
            assert made[f"listener.name.{name}.max.connections"] == "70"
            assert made[f"listener.name.{name}.max.connection.creation.rate"] == "7"

    def test_listeners_are_as_declared(self, kafka: Obj, pools: list[Obj]) -> None:
        cluster = build(kafka, pools)
        made = options(cluster, cluster.nodes[0])
        assert made["listener.security.protocol.map"] == (
            "CONTROLPLANE-9090:SSL,REPLICATION-9091:SSL,TLS-9093:SSL,SCRAM-9094:SASL_SSL,EXTERNAL-9095:SSL"
        )
        assert made["listener.name.tls-9093.ssl.client.auth"] == "required"
        assert made["listener.name.scram-9094.ssl.client.auth"] == "none"
        assert made["listener.name.scram-9094.sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
        assert made["listener.name.replication-9091.ssl.client.auth"] == "required"
        assert "EXTERNAL-9095://127.0.0.1:32091" in made["advertised.listeners"]

    def test_users_set_what_is_theirs_only(self, kafka: Obj, pools: list[Obj]) -> None:
        own = {"ssl.protocol": "TLSv1.3", "super.users": "User:me", "log.dirs": "/tmp", "log.retention.hours": 5}
        kafka["spec"]["kafka"]["config"] = own
        cluster = build(kafka, pools)
        made = options(cluster, cluster.nodes[0])
        assert made["ssl.protocol"] == "TLSv1.3"
        assert made["log.retention.hours"] == "5"
        assert "User:me" not in made["super.users"]
        assert made["log.dirs"] == "/var/lib/kafka/data-0/kafka-log0"

    def test_values_are_written_as_kafka_reads_them(self) -> None:
        assert settings.text(True) == "true"
        assert settings.text([1, "a"]) == "1,a"
        assert settings.properties({"b": "a\nb\\", "a": "1"}) == "a=1\nb=a\\nb\\\\\n"


class TestListeners:
    def test_services_carry_the_documented_names_and_ports(self, kafka: Obj, pools: list[Obj]) -> None:
        cluster = build(kafka, pools)
        made = services.services(cluster)
        ports = {
            item["metadata"]["name"]: [port.get("nodePort", port["port"]) for port in item["spec"]["ports"]]
            for item in made
        }
        assert ports == {
            "logs-kafka-brokers": [9090, 9091, 9093, 9094],
            "logs-kafka-bootstrap": [9091, 9093, 9094],
            "logs-kafka-external-bootstrap": [32090],
            "logs-kafka-external-0": [32091],
            "logs-kafka-external-1": [9095],
            "logs-kafka-external-2": [9095],
        }

    def test_a_broker_tells_its_override_or_its_machine(self, kafka: Obj, pools: list[Obj]) -> None:
        cluster = build(kafka, pools)
        ports = {f"logs-kafka-external-{node.id}": 30000 for node in cluster.brokers}
        first, second = (services.advertised(cluster, node, ports) for node in cluster.brokers[:2])
        assert first["external"] == ("127.0.0.1", 32091)
        assert second["external"] == ("${env:NODE_IP}", 30000)
        assert first["tls"] == ("logs-kafka-0.logs-kafka-brokers.kafkalogs.svc", 9093)

    def test_status_tells_where_clients_connect(self, kafka: Obj, pools: list[Obj]) -> None:
        found = services.status(
            build(kafka, pools),
            {"logs-kafka-external-bootstrap": 32090},
            {0: "10.0.0.1", 1: "10.0.0.1"},
            "PEM",
        )
        assert [item["bootstrapServers"] for item in found] == [
            "logs-kafka-bootstrap.kafkalogs.svc:9093",
            "logs-kafka-bootstrap.kafkalogs.svc:9094",
            "10.0.0.1:32090,127.0.0.1:32090",
        ]
        assert all(item["certificates"] == ["PEM"] for item in found)

    def test_certificates_are_valid_for_every_way_to_a_node(self, kafka: Obj, pools: list[Obj]) -> None:
        cluster = build(kafka, pools)
        found = services.subject_names(cluster, cluster.nodes[0])
        assert {
            "logs-kafka-bootstrap.kafkalogs.svc",
            "logs-kafka-0.logs-kafka-brokers.kafkalogs.svc",
            "logs-kafka-0.logs-kafka-brokers.kafkalogs.svc.cluster.local",
            "localhost",
            "127.0.0.1",
        } <= found


class TestPods:
    def test_a_pod_meets_the_restricted_standard(self, kafka: Obj, pools: list[Obj]) -> None:
        made = make_pod(build(kafka, pools))["spec"]
        container = made["containers"][0]["securityContext"]
        assert made["securityContext"]["runAsNonRoot"]
        assert made["securityContext"]["runAsUser"] == 1001
        assert made["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["capabilities"] == {"drop": ["ALL"]}
        assert container["allowPrivilegeEscalation"] is False
        assert container["readOnlyRootFilesystem"] is True
        assert made["automountServiceAccountToken"] is False

    def test_the_revision_changes_with_everything_a_restart_takes_and_with_nothing_else(
        self, kafka: Obj, pools: list[Obj]
    ) -> None:
        def revision(certificate: str = "cert") -> str | None:
            return names.annotation(make_pod(build(kafka, pools), certificate), names.REVISION)

        first = revision()
        assert revision() == first
        assert revision("another") != first
        kafka["metadata"]["generation"] = 9
        kafka["spec"]["kafka"]["template"] = {"podDisruptionBudget": {"maxUnavailable": 2}}
        assert revision() == first
        pools[0]["spec"]["resources"] = {"limits": {"memory": "2Gi"}}
        second = revision()
        assert second != first
        kafka["spec"]["kafka"]["config"]["log.retention.hours"] = 1
        assert revision() not in (first, second)

    def test_template_and_jvm_options_are_honoured(self, kafka: Obj, pools: list[Obj]) -> None:
        spread = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
        kafka["spec"]["kafka"]["template"] = {
            "pod": {"topologySpreadConstraints": spread, "metadata": {"labels": {"team": "a", names.CLUSTER: "no"}}}
        }
        pools[0]["spec"]["jvmOptions"] = {"-Xmx": "400m", "-XX": {"UseZGC": "true", "MaxGCPauseMillis": 5}}
        made = make_pod(build(kafka, pools))
        env = {item["name"]: item.get("value") for item in made["spec"]["containers"][0]["env"]}
        assert made["spec"]["topologySpreadConstraints"] == spread
        assert made["metadata"]["labels"]["team"] == "a"
        assert made["metadata"]["labels"][names.CLUSTER] == "logs"
        assert env["KAFKA_HEAP_OPTS"] == "-Xmx400m"
        assert (env["KAFKA_JVM_PERFORMANCE_OPTS"] or "").endswith("-XX:MaxGCPauseMillis=5 -XX:+UseZGC")

    def test_without_a_heap_size_java_takes_half_of_the_limit(self) -> None:
        assert "MaxRAMPercentage=50" in heap({}, limited=True)
        assert heap({}, limited=False) == ""

    def test_claims_are_named_by_volume_and_owned_only_with_delete_claim(self, kafka: Obj, pools: list[Obj]) -> None:
        volumes = pools[0]["spec"]["storage"]["volumes"]
        volumes.append({"id": 1, "type": "persistent-claim", "size": "1Gi", "class": "fast"})
        cluster = build(kafka, pools)
        first, second = pods.claims(cluster, cluster.nodes[2])
        assert first["metadata"]["name"] == "data-0-logs-kafka-2"
        assert first["metadata"]["ownerReferences"]
        assert second["metadata"]["name"] == "data-1-logs-kafka-2"
        assert second["metadata"]["ownerReferences"] == []
        assert second["spec"]["storageClassName"] == "fast"


class TestNetwork:
    def test_only_nodes_and_operator_reach_the_internal_ports(self, kafka: Obj, pools: list[Obj]) -> None:
        kafka["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"] = [{"podSelector": {"matchLabels": {"a": "b"}}}]
        rules = {
            rule["ports"][0]["port"]: rule.get("from")
            for rule in network.network_policy(build(kafka, pools))["spec"]["ingress"]
        }
        assert rules.keys() == {9090, 9091, 9093, 9094, 9095}
        assert len(rules[9090]) == len(rules[9091]) == 2
        assert rules[9093] == [{"podSelector": {"matchLabels": {"a": "b"}}}]
        assert rules[9094] is None

    @pytest.mark.parametrize(("unavailable", "available"), [(None, 2), (2, 1), (5, 0)])
    def test_evictions_leave_enough_nodes(
        self, kafka: Obj, pools: list[Obj], unavailable: int | None, available: int
    ) -> None:
        if unavailable:
            kafka["spec"]["kafka"]["template"] = {"podDisruptionBudget": {"maxUnavailable": unavailable}}
        assert network.disruption_budget(build(kafka, pools))["spec"]["minAvailable"] == available
