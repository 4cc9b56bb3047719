"""The resources of `LogShipper`, without an engine."""

import pulumi
import pytest
from kafkalogs.kafka.topic import topic_manifest
from kafkalogs.shipper.args import LogShipperArgs
from kafkalogs.shipper.daemon import LogShipper
from kafkalogs.shipper.manifests import config_manifest
from kafkalogs.shipper.record import shipped

from tests.support.crd_schema import problems
from tests.support.graph import Graph, registered, unknown

WHERE = {"namespace": "kafkalogs", "cluster": "logs"}


def shipper(preview=False, **more) -> Graph:
    values = {**WHERE, "image": "filebeat:1", "exporter_image": "exporter:1", **more}
    return registered(lambda: LogShipper("shipper", LogShipperArgs(**values)), preview)


class TestShipper:
    def test_all_parts(self):
        assert shipper().names() == {
            ("KafkaTopic", "logs.platform"),
            ("KafkaUser", "shipper"),
            ("Namespace", "kafkalogs-shipper"),
            ("ServiceAccount", "shipper"),
            ("Role", "shipper-credentials"),
            ("RoleBinding", "shipper-credentials"),
            ("ConfigMap", "shipper"),
            ("NetworkPolicy", "shipper"),
            ("Service", "shipper-metrics"),
            ("DaemonSet", "shipper"),
        }

    def test_outputs(self):
        outputs = shipper().one("LogShipper", "shipper").outputs
        assert outputs == {"topic": "logs.platform", "namespace": "kafkalogs-shipper"}

    def test_its_namespace_is_not_that_of_the_platform(self):
        graph = shipper()
        namespace = graph.one("Namespace", "shipper").inputs["metadata"]
        assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
        assert namespace["labels"]["kafkalogs.io/clients"] == "true"
        for kind in ("ServiceAccount", "ConfigMap", "NetworkPolicy", "DaemonSet"):
            (resource,) = graph.of(kind)
            assert resource.inputs["metadata"]["namespace"] == "kafkalogs-shipper", kind

    def test_it_may_read_its_certificate_and_nothing_else(self):
        graph = shipper()
        assert graph.one("Role", "shipper").inputs["rules"] == [
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": ["shipper", "logs-cluster-ca-cert"],
                "verbs": ["get"],
            }
        ]
        binding = graph.one("RoleBinding", "shipper").inputs
        assert binding["metadata"]["namespace"] == "kafkalogs"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "shipper", "namespace": "kafkalogs-shipper"}]
        spec = graph.one("KafkaUser", "shipper-user").inputs["spec"]
        assert [acl["operations"] for acl in spec["authorization"]["acls"]] == [["Write", "Describe"]]

    @pytest.mark.parametrize("kind", ["filebeat", "fluentd"])
    def test_containers_have_no_rights_but_to_read_what_root_owns(self, kind):
        spec = shipper(kind=kind).pod("DaemonSet", "shipper")["spec"]
        assert spec["automountServiceAccountToken"] is False
        for container in spec["initContainers"] + spec["containers"]:
            context = container["securityContext"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
            # who reads the files has no token, and who has the token does not see them
            assert ("token" in mounts) != ("logs" in mounts)
            assert mounts.get("logs", {}).get("readOnly", True) is True
        paths = [volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume]
        assert paths == ["/var/log", "/var/lib/kafkalogs/kafkalogs-shipper"]

    def test_a_changed_configuration_replaces_the_pods(self):
        def annotation(**more):
            return shipper(**more).pod("DaemonSet", "shipper")["metadata"]["annotations"]

        assert annotation() == annotation()
        assert annotation() != annotation(namespaces=["*"])

    def test_no_clock_of_a_node_makes_the_topic_refuse_a_line(self):
        manifest = topic_manifest("kafkalogs", "logs", shipped("logs.platform", 3, 3, 2, 86_400_000))
        assert problems(manifest) == []
        config = manifest["spec"]["config"]
        # Kafka looks at the time that a producer wrote only if the topic has CreateTime.
        assert config["message.timestamp.type"] == "LogAppendTime"
        assert config["retention.ms"] == 86_400_000

    def test_files_elsewhere_are_refused(self):
        with pytest.raises(pulumi.RunError, match="files /etc/passwd: only those below /var/log/"):
            config_manifest(LogShipperArgs(**WHERE, image="f:1", exporter_image="e:1", files={"x": ["/etc/passwd"]}))

    def test_another_kind_is_refused(self):
        with pytest.raises(pulumi.RunError, match="kind 'logstash': write filebeat or fluentd"):
            shipper(kind="logstash")

    def test_fluentd_has_the_same_topic_credentials_and_buffer(self):
        graph = shipper(kind="fluentd", namespaces=["a", "b"], files={"kernel": ["/var/log/kern.log"]})
        text = graph.one("ConfigMap", "shipper").inputs["data"]["fluent.conf"]
        for part in (
            "path /var/log/pods/a_*/*/*.log,/var/log/pods/b_*/*/*.log",
            'exclude_path ["/var/log/pods/kafkalogs-shipper_*/*/*.log"]',
            "tag files.kernel",
            "default_topic logs.platform",
            "brokers logs-kafka-bootstrap.kafkalogs.svc:9093",
            "ssl_client_cert /etc/kafkalogs/credentials/user.crt",
            "total_limit_size 1073741824",
            "overflow_action block",
        ):
            assert part in text
        assert "%(" not in text
        assert text.count("<source>") == text.count("</source>") == 4

    def test_values_may_be_unknown(self):
        graph = registered(
            lambda: LogShipper("s", LogShipperArgs(namespace=unknown(), cluster="logs", image="f", exporter_image="e")),
            preview=True,
        )
        assert graph.of("DaemonSet")
