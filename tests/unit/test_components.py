"""The resource graph of the components, without an engine."""

import json

import pulumi
import pytest
from kafkalogs import (
    ConfigError,
    KafkaCluster,
    KafkaClusterArgs,
    LogPlatform,
    LogPlatformArgs,
    LogTopic,
    LogTopicArgs,
    NodePoolArgs,
    ServiceIdentity,
    ServiceIdentityArgs,
    StrimziCrds,
    StrimziCrdsArgs,
    StrimziOperator,
    StrimziOperatorArgs,
    load,
)
from kafkalogs.config.levels import LEVELS
from pulumi_kubernetes import Provider

from tests.support.graph import UNKNOWN, Graph, registered, unknown
from tests.support.stack import VALID, changed

IMAGES = {"operator_image": "op:1", "kafka_image": "kafka:1"}
POOL = NodePoolArgs(roles=["controller", "broker"], replicas=3, storage_size=2**33, memory=2**30, cpu=500)


def topic(**more):
    values = {"namespace": "kafkalogs", "cluster": "logs", "topic": "logs.a", "partitions": 3, "replicas": 3}
    return LogTopicArgs(**{**values, "min_in_sync_replicas": 2, "retention_ms": 60_000, **more})


def platform(*changes, opts=None, preview=False) -> Graph:
    raw = changed(("operator", "embedded"), *changes)
    return registered(lambda: LogPlatform("kafkalogs", LogPlatformArgs(raw, **IMAGES), opts), preview)


@pytest.fixture(scope="module")
def whole() -> Graph:
    return platform()


def test_everything_is_there(whole):
    assert {(r.type, r.name) for r in whole.of("KafkaTopic")} == {
        ("kubernetes:kafka.strimzi.io/v1:KafkaTopic", f"logs.{name}")
        for name in ("checkout-service", "auth-service", "audit", "access", *LEVELS)
    }
    own = {"doctor", "letters"}
    assert {r.name for r in whole.of("KafkaUser")} == {*VALID["services"], "team-security", "team-edge", *own}
    assert {r.name for r in whole.of("v1:Kafka")} == {"logs"}
    assert {r.name for r in whole.of("KafkaNodePool")} == {"logs-kafka"}
    assert {r.name for r in whole.of("apps/v1:Deployment")} == {"kafkalogs-operator"}


def test_names_of_types(whole):
    ours = {r.type for r in whole.resources if r.type.startswith("kafkalogs:")}
    names = {"LogPlatform", "KafkaCluster", "LogTopic", "ServiceIdentity", "StrimziCrds", "StrimziOperator"}
    assert ours == {f"kafkalogs:index:{name}" for name in names}


def test_children_belong_to_their_component(whole):
    """Only the platform is at the top; each custom resource is below the component of its kind."""
    urns = {r.urn: r for r in whole.resources}
    stack = "pulumi:pulumi:Stack"  # registered by the first program of a process, and the parent in all of them
    top = [r for r in whole.resources if r.type != stack and (r.parent not in urns or urns[r.parent].type == stack)]
    assert [r.type for r in top] == ["kafkalogs:index:LogPlatform"]
    for kind, component in {
        "KafkaTopic": "LogTopic",
        "KafkaUser": "ServiceIdentity",
        "KafkaNodePool": "KafkaCluster",
    }.items():
        made = [r for r in whole.of(kind) if r.name not in {"doctor", "letters"}]  # the platform's own, of its own kind
        assert {urns[r.parent].type for r in made} == {f"kafkalogs:index:{component}"}


def test_components_register_all_outputs_that_they_annotate(whole):
    for cls in (LogPlatform, KafkaCluster, LogTopic, ServiceIdentity, StrimziCrds, StrimziOperator):
        for component in whole.of(f"index:{cls.__name__}"):
            wanted = {pulumi_name(name) for name in cls.__annotations__}
            assert component.outputs is not None
            assert set(component.outputs) == wanted, cls.__name__


def pulumi_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def test_outputs(whole):
    outputs = whole.one("LogPlatform", "kafkalogs").outputs
    assert outputs == {
        "namespace": "kafkalogs",
        "bootstrap": "logs-kafka-bootstrap.kafkalogs.svc:9093",
        "externalBootstrap": "localhost:32090",
        "caSecret": "logs-cluster-ca-cert",
        "topicCount": 9,
        "catalogName": "kafkalogs-catalog",
    }


def test_order_of_destruction(whole):
    """Topics and users before the cluster, the cluster before its operator, that before its CRDs and namespace."""
    kafka = whole.one("v1:Kafka", "logs").urn
    for kind in ("LogTopic", "ServiceIdentity"):
        assert all(kafka in r.dependencies for r in whole.of(kind)), kind
    cluster = whole.one("KafkaCluster", "logs")
    assert whole.one("apps/v1:Deployment", "kafkalogs-operator").urn in cluster.dependencies
    assert whole.one("v1:Kafka", "logs").dependencies == {whole.one("KafkaNodePool", "logs-kafka").urn}
    operator = whole.one("StrimziOperator", "kafkalogs-operator")
    assert whole.one("Namespace", "kafkalogs").urn in operator.dependencies
    assert whole.one("ConfigFile", "kafkalogs-crds").urn in operator.dependencies
    deployment = whole.one("apps/v1:Deployment", "kafkalogs-operator")
    assert {r.urn for r in whole.of("rbac.authorization.k8s.io/v1:RoleBinding")} <= deployment.dependencies


def test_every_custom_resource_has_a_timeout(whole):
    for kind in ("KafkaTopic", "KafkaUser", "KafkaNodePool"):
        assert {r.create_timeout for r in whole.of(kind)} == {"5m"}
    assert whole.one("v1:Kafka", "logs").create_timeout == "15m"


def test_data_is_protected_unless_the_stack_says_it_is_thrown_away(whole):
    guarded = ("KafkaTopic", "v1:Kafka", "KafkaNodePool", "core/v1:Namespace")
    assert all(r.protect for kind in guarded for r in whole.of(kind))
    assert not any(r.protect for r in whole.of("KafkaUser"))
    local = platform(("protect", False))
    assert not any(r.protect for r in local.resources)


def test_the_namespace_is_restricted_and_closed(whole):
    labels = whole.one("core/v1:Namespace", "kafkalogs").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    policy = whole.one("NetworkPolicy", "kafkalogs-deny-ingress").inputs["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress"]}


def test_the_catalog_is_published(whole):
    configmap = whole.one("core/v1:ConfigMap", "kafkalogs-catalog").inputs
    assert configmap["metadata"]["name"] == "kafkalogs-catalog"
    assert json.loads(configmap["data"]["catalog.json"])["services"].keys() == VALID["services"].keys()


def test_nothing_is_registered_with_a_bad_configuration():
    def build() -> None:
        with pytest.raises(ConfigError):
            LogPlatform("kafkalogs", LogPlatformArgs(changed(("kafka.replicationFactor", 9))))

    assert [r for r in registered(build).resources if r.type != "pulumi:pulumi:Stack"] == []


@pytest.mark.parametrize(
    ("operator", "images", "text"),
    [
        ("auto", IMAGES, "run make cluster, or write strimzi"),
        ("embedded", {"operator_image": "op:1"}, "needs kafka_image"),
        ("embedded", {}, "needs operator_image and kafka_image"),
    ],
)
def test_an_operator_that_cannot_run_is_refused(operator, images, text):
    def build() -> None:
        with pytest.raises(ConfigError, match=text):
            LogPlatform("kafkalogs", LogPlatformArgs(changed(("operator", operator)), **images))

    assert [r for r in registered(build).resources if r.type != "pulumi:pulumi:Stack"] == []


def test_strimzi_comes_from_its_chart_without_the_definitions():
    graph = registered(lambda: LogPlatform("kafkalogs", LogPlatformArgs(VALID)))
    release = graph.one("helm.sh/v3:Release", "kafkalogs-operator").inputs
    assert release["chart"] == "oci://quay.io/strimzi-helm/strimzi-kafka-operator"
    assert (release["version"], release["skipCrds"]) == ("1.2.0", True)
    assert release["values"]["resources"]["limits"]["memory"] == "768Mi"
    assert not graph.of("apps/v1:Deployment")


def test_only_the_operator_differs_between_the_two():
    def rest(graph: Graph) -> list[tuple[str, str, str]]:
        operator = ("kafkalogs-operator", "kafkalogs-operator-logs-nodes")
        return sorted((r.type, r.name, json.dumps(r.inputs)) for r in graph.resources if r.name not in operator)

    strimzi = registered(lambda: LogPlatform("kafkalogs", LogPlatformArgs(VALID)))
    assert rest(strimzi) == rest(platform())


def test_options_of_the_caller_are_kept():
    def build() -> None:
        provider = Provider("elsewhere", kubeconfig="{}")
        first = LogTopic("first", topic(), pulumi.ResourceOptions(provider=provider, protect=True))
        LogTopic("second", topic(topic="logs.b"), pulumi.ResourceOptions(depends_on=[first], parent=provider))

    graph = registered(build)
    child = graph.one("KafkaTopic", "first")
    assert child.protect
    assert "elsewhere" in child.provider
    assert child.urn in graph.one("LogTopic", "second").dependencies
    assert graph.one("LogTopic", "second").parent == graph.one("providers:kubernetes", "elsewhere").urn


def test_the_provider_of_the_platform_reaches_everything():
    def build() -> None:
        provider = Provider("elsewhere", kubeconfig="{}")
        raw = changed(("operator", "embedded"))
        LogPlatform("kafkalogs", LogPlatformArgs(raw, **IMAGES), pulumi.ResourceOptions(providers=[provider]))

    graph = registered(build)
    kubernetes = [r for r in graph.resources if r.type.startswith("kubernetes:")]
    assert kubernetes
    assert all("elsewhere" in r.provider for r in kubernetes if "ConfigFile" not in r.type)


def test_unknown_inputs_stay_unknown_in_a_preview():
    def build() -> None:
        LogTopic("t", topic(partitions=unknown(), namespace=unknown()))
        acls = ServiceIdentityArgs(namespace="n", cluster="logs", user="u", writes=[unknown()])  # type: ignore[list-item]
        ServiceIdentity("u", acls)
        KafkaCluster("k", KafkaClusterArgs(namespace=unknown(), cluster="logs", pools={"kafka": POOL}))
        StrimziOperator("o", StrimziOperatorArgs(namespace=unknown(), kind="embedded", image="a", kafka_image="b"))

    graph = registered(build, preview=True)
    assert graph.one("KafkaTopic", "t").inputs["spec"] == UNKNOWN
    assert graph.one("KafkaUser", "u").inputs["spec"] == UNKNOWN
    assert graph.one("v1:Kafka", "k").inputs["spec"] == UNKNOWN
    assert graph.one("KafkaNodePool", "k-kafka").inputs["metadata"] == UNKNOWN
    assert graph.one("ServiceAccount", "o").inputs["metadata"]["namespace"] == UNKNOWN


def test_known_values_are_known_in_a_preview():
    """The plan and the policies see every setting before anything exists."""
    spec = registered(lambda: LogTopic("t", topic()), preview=True).one("KafkaTopic", "t").inputs["spec"]
    assert spec["partitions"] == 3
    preview = platform(preview=True)
    assert UNKNOWN not in json.dumps([r.inputs for r in preview.resources])


def test_inputs_may_be_outputs():
    graph = registered(lambda: LogTopic("t", topic(partitions=pulumi.Output.from_input(6))))
    assert graph.one("KafkaTopic", "t").inputs["spec"]["partitions"] == 6


def test_arguments_through_the_plugin_are_mappings_with_floats():
    def build() -> None:
        pool = {
            "roles": ["broker", "controller"],
            "replicas": 3.0,
            "storage_size": 2.0**33,
            "memory": 2.0**30,
            "cpu": 500.0,
        }
        args = {
            "namespace": "n",
            "cluster": "logs",
            "pools": {"kafka": pool},
            "external_host": "h",
            "external_port": 32090.0,
        }
        KafkaCluster("k", args)  # type: ignore[arg-type]

    graph = registered(build)
    pool = graph.one("KafkaNodePool", "k-kafka").inputs["spec"]
    assert pool["storage"]["volumes"][0]["size"] == "8Gi"
    assert len(graph.one("v1:Kafka", "k").inputs["spec"]["kafka"]["listeners"]) == 3


def test_scram_identity():
    args = ServiceIdentityArgs(namespace="n", cluster="logs", user="u", authentication="scram-sha-512", reads=["a"])
    spec = registered(lambda: ServiceIdentity("u", args)).one("KafkaUser", "u").inputs["spec"]
    assert spec["authentication"] == {"type": "scram-sha-512"}
    assert spec["quotas"] == {"requestPercentage": 200, "controllerMutationRate": 10}


def test_what_strimzi_makes_beyond_its_namespace_is_deleted_with_the_stack():
    """Strimzi's operator has no time on destroy to remove its ClusterRoleBinding, so the stack declares it."""
    graph = registered(
        lambda: StrimziOperator("o", StrimziOperatorArgs("n", node_readers=["logs"])),
    )
    (binding,) = graph.of(":ClusterRoleBinding")
    # The names of Strimzi's KafkaCluster.generateClusterRoleBinding: a roleRef cannot be changed afterwards.
    assert binding.inputs["metadata"] == {"name": "strimzi-n-logs-kafka-init"}
    assert binding.inputs["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "strimzi-kafka-broker",
    }  # fmt: skip
    assert binding.inputs["subjects"] == [{"kind": "ServiceAccount", "name": "logs-kafka", "namespace": "n"}]
    assert binding.urn in graph.one("helm.sh/v3:Release", "o").dependencies


@pytest.mark.parametrize(
    ("operator", "external", "rack", "made"),
    [
        ("strimzi", True, None, 1),
        ("strimzi", False, "zone", 1),
        ("strimzi", False, None, 0),
        ("embedded", True, None, 0),
    ],
)
def test_only_brokers_that_read_their_nodes_have_that_right(operator, external, rack, made):
    kafka = {key: value for key, value in VALID["kafka"].items() if external or key != "external"}
    config = {**VALID, "operator": operator, "kafka": {**kafka, **({"rack": rack} if rack else {})}}
    args = LogPlatformArgs(config, operator_image="op:1", kafka_image="kafka:1")
    assert len(registered(lambda: LogPlatform("p", args)).of(":ClusterRoleBinding")) == made


def test_an_operator_kind_that_does_not_exist_is_refused():
    def build() -> None:
        with pytest.raises(pulumi.RunError, match="write strimzi or embedded"):
            StrimziOperator("o", StrimziOperatorArgs(namespace="n", kind="helm"))

    registered(build)


def test_definitions_that_are_there_already_are_taken_over_and_kept_unless_asked():
    for keep in (True, False):
        found = transformed(keep)
        assert found.props["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"
        assert found.props["metadata"]["annotations"]["mine"] == "1"
        assert found.opts.retain_on_delete is (True if keep else None)


def test_definitions_are_what_kubernetes_stores():
    (version,) = transformed(keep=False).props["spec"]["versions"]
    assert version["schema"] == {"properties": {"status": {"type": "object"}, "priority": {"type": "integer"}}}
    assert version["additionalPrinterColumns"] == [{"name": "a"}, {"name": "b", "priority": 1}]


def transformed(keep: bool) -> pulumi.ResourceTransformResult:
    from kafkalogs.kube.crds import options_of_each

    known = {"status": {"type": "object", "properties": {}}, "priority": {"type": "integer"}}
    columns = [{"name": "a", "priority": 0}, {"name": "b", "priority": 1}]
    props = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "x", "annotations": {"mine": "1"}},
        "spec": {"versions": [{"schema": {"properties": known}, "additionalPrinterColumns": columns}]},
    }
    child = pulumi.ResourceTransformArgs(
        custom=True, type_="kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", name="x", props=props,
        opts=pulumi.ResourceOptions(),
    )  # fmt: skip
    result = options_of_each(StrimziCrdsArgs(keep=keep))(child)
    assert isinstance(result, pulumi.ResourceTransformResult)
    return result


def test_the_configuration_is_parsed_once_and_offered_to_the_program():
    seen = []
    registered(lambda: seen.append(LogPlatform("p", LogPlatformArgs(VALID))))
    assert seen[0].config == load(VALID)
    assert set(seen[0].catalog.writers) == set(VALID["services"])
