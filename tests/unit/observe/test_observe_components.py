"""The resources of `Monitoring` and `LogShipper`, without an engine."""

import json
import subprocess

import pulumi
import pytest
import yaml
from kafkalogs.kafka import jmx
from kafkalogs.kafka.identity import user_manifest
from kafkalogs.kafka.topic import topic_manifest
from kafkalogs.monitoring import dashboards
from kafkalogs.monitoring import prometheus as prometheus_config
from kafkalogs.monitoring.args import MonitoringArgs
from kafkalogs.monitoring.component import Monitoring, alertmanager_files, prometheus_files
from kafkalogs.monitoring.record import exporter_user
from kafkalogs.shipper.args import LogShipperArgs
from kafkalogs.shipper.daemon import LogShipper
from kafkalogs.shipper.manifests import config_manifest
from kafkalogs.shipper.record import shipped

from tests.support.metric_names import METRICS
from tests.support.prometheus_tools import amtool, promtool
from tests.unit.components.crd_schema import problems
from tests.unit.components.graph import Graph, registered, unknown

from .promql import names_in
from .test_observe_rules import RULES, WATCHED

WHERE = {"namespace": "kafkalogs", "cluster": "logs"}
KNOWN = frozenset().union(*METRICS.values())


def monitoring(preview=False, **more) -> Graph:
    values = {**WHERE, "image": "prometheus:1", "exporter_image": "exporter:1", **more}
    return registered(lambda: Monitoring("monitoring", MonitoringArgs(**values)), preview)


def shipper(preview=False, **more) -> Graph:
    values = {**WHERE, "image": "filebeat:1", "exporter_image": "exporter:1", **more}
    return registered(lambda: LogShipper("shipper", LogShipperArgs(**values)), preview)


def pod(graph: Graph, kind: str, name: str) -> dict:
    return graph.one(f"apps/v1:{kind}", name).inputs["spec"]["template"]


def names(graph: Graph) -> set[tuple[str, str]]:
    return {
        (r.type.rpartition(":")[2], r.inputs["metadata"]["name"]) for r in graph.resources if "metadata" in r.inputs
    }


class TestMonitoring:
    def test_all_parts(self):
        assert names(monitoring()) == {
            ("KafkaUser", "monitor"),
            ("Deployment", "exporter"),
            ("ConfigMap", "kafkalogs-dashboards"),
            ("NetworkPolicy", "metrics"),
            *((kind, part) for part in ("prometheus", "alertmanager") for kind in _OWN),
            ("ServiceAccount", "prometheus"),
            ("Role", "prometheus"),
            ("RoleBinding", "prometheus"),
        }

    def test_with_a_prometheus_operator_only_it_is_told(self):
        graph = monitoring(operator=True, image=None, shipper_namespace="kafkalogs-shipper")
        assert names(graph) == {
            ("KafkaUser", "monitor"),
            ("Deployment", "exporter"),
            ("ConfigMap", "kafkalogs-dashboards"),
            ("NetworkPolicy", "metrics"),
            ("PodMonitor", "kafkalogs"),
            ("PodMonitor", "kafkalogs-strimzi"),
            ("PrometheusRule", "kafkalogs"),
        }
        monitor = graph.one("PodMonitor", "monitoring-kafkalogs").inputs["spec"]
        assert monitor["namespaceSelector"] == {"matchNames": ["kafkalogs", "kafkalogs-shipper"]}
        policy = graph.one("NetworkPolicy", "monitoring-metrics").inputs["spec"]["ingress"][0]["from"]
        assert policy == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]

    def test_outputs(self):
        assert monitoring().one("Monitoring", "monitoring").outputs == {
            "user": "monitor",
            "exporter": "exporter",
            "prometheus": "https://prometheus.kafkalogs.svc:9090",
            "alertmanager": "https://alertmanager.kafkalogs.svc:9093",
        }

    def test_it_needs_an_image_unless_an_operator_brings_one(self):
        with pytest.raises(pulumi.RunError, match="needs image"):
            monitoring(image=None)

    def test_a_part_that_is_none_is_refused(self):
        with pytest.raises(pulumi.RunError, match="parts shop: write pager, stream, archive, search, audit"):
            monitoring(parts=["shop"])

    def test_values_may_be_unknown(self):
        graph = registered(
            lambda: Monitoring(
                "m", MonitoringArgs(namespace=unknown(), cluster="logs", image="p", exporter_image=unknown())
            ),
            preview=True,
        )
        assert graph.of("StatefulSet")

    @pytest.mark.parametrize(
        ("kind", "name"), [("Deployment", "exporter"), ("StatefulSet", "prometheus"), ("StatefulSet", "alertmanager")]
    )
    def test_pods_are_restricted(self, kind, name):
        spec = pod(monitoring(), kind, f"monitoring-{name}")["spec"]
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "readOnlyRootFilesystem": True,
        }
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert ("serviceAccountName" in spec) == (name == "prometheus")
        assert container["resources"]["limits"]["memory"]
        assert container["readinessProbe"]

    def test_a_changed_configuration_replaces_the_pod(self):
        def annotation(**more):
            graph = monitoring(**more)
            return [pod(graph, "StatefulSet", f"monitoring-{n}")["metadata"]["annotations"] for n in _PODS]

        before, after = annotation(), annotation(broker_disk=2**30, webhook_url="https://x.example/y")
        assert before == annotation()
        assert all(a != b for a, b in zip(before, after, strict=True))

    def test_disk(self):
        assert "volumeClaimTemplates" not in monitoring().one("StatefulSet", "monitoring-prometheus").inputs["spec"]
        graph = monitoring(storage_size="10Gi")
        (claim,) = graph.one("StatefulSet", "monitoring-prometheus").inputs["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"] == {"requests": {"storage": "10Gi"}}

    def test_the_routing_key_is_mounted_from_the_field_that_has_it(self):
        spec = pod(monitoring(pagerduty_secret="pd", pagerduty_field="password"), "StatefulSet", _ALERTMANAGER)["spec"]
        (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "pagerduty"]
        assert volume["secret"]["secretName"] == "pd"
        assert volume["secret"]["items"] == [{"key": "password", "path": "routing-key"}]
        mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert f"{mounts['pagerduty']}/routing-key" == prometheus_config.ROUTING_KEY
        without = pod(monitoring(), "StatefulSet", _ALERTMANAGER)["spec"]
        assert "pagerduty" not in {volume["name"] for volume in without["volumes"]}

    def test_the_exporter_may_read_no_record(self):
        manifest = user_manifest("kafkalogs", "logs", exporter_user("monitor"))
        assert problems(manifest) == []
        operations = {op for acl in manifest["spec"]["authorization"]["acls"] for op in acl["operations"]}
        assert operations == {"Describe", "DescribeConfigs"}

    def test_prometheus_may_only_see_pods_of_its_namespace(self):
        role = monitoring().one("Role", "monitoring-prometheus").inputs
        assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
        assert not monitoring().of("ClusterRole")


_ALERTMANAGER = "monitoring-alertmanager"
_PODS = ("prometheus", "alertmanager")
_OWN = ("ConfigMap", "Service", "NetworkPolicy", "StatefulSet")


class TestConfigurationFiles:
    def test_prometheus_takes_its_files(self, tmp_path):
        rules = {"groups": []}
        files = prometheus_files("logs", "kafkalogs", rules, "shipper-metrics.kafkalogs-shipper.svc:9479")
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        words = [promtool(), "check", "config", "--syntax-only", "prometheus.yml"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert subprocess.run([promtool(), "check", "web-config", "web.yml"], cwd=tmp_path, check=False).returncode in (
            0,
            1,
        )

    @pytest.mark.parametrize("pagerduty", [True, False])
    @pytest.mark.parametrize("webhook", ["https://x.example/y", None])
    def test_alertmanager_takes_its_files(self, tmp_path, pagerduty, webhook):
        files = alertmanager_files(pagerduty, "https://pagerduty:8443/v2/enqueue", True, webhook)
        (tmp_path / "alertmanager.yml").write_text(files["alertmanager.yml"])
        done = subprocess.run(
            [amtool(), "check-config", tmp_path / "alertmanager.yml"], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout

    def receivers(self, tmp_path, severity: str, **more) -> list[str]:
        values = {
            "pagerduty": True,
            "pagerduty_url": None,
            "pagerduty_own_ca": False,
            "webhook_url": "https://x.example",
        }
        files = alertmanager_files(**{**values, **more})
        (tmp_path / "a.yml").write_text(files["alertmanager.yml"])
        words = [amtool(), "config", "routes", "test", f"--config.file={tmp_path}/a.yml", f"severity={severity}"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip().split(",")

    def test_who_is_told_of_what(self, tmp_path):
        assert self.receivers(tmp_path, "critical") == ["webhook", "pagerduty"]
        assert self.receivers(tmp_path, "warning") == ["webhook"]
        assert self.receivers(tmp_path, "info") == ["shown"]
        assert self.receivers(tmp_path, "critical", pagerduty=False, webhook_url=None) == ["shown"]

    def test_the_routing_key_is_a_file_and_the_address_may_be_another(self):
        config = prometheus_config.alertmanager_config(True, "https://pagerduty:8443/v2/enqueue", True, None)
        (told,) = config["receivers"][1]["pagerduty_configs"]
        assert told["routing_key_file"] == "/etc/kafkalogs/pagerduty/routing-key"
        assert told["url"] == "https://pagerduty:8443/v2/enqueue"
        assert told["http_config"] == {"tls_config": {"ca_file": "/etc/kafkalogs/tls/ca.crt"}}


class TestNames:
    def test_rules_use_metrics_that_exist(self):
        recorded = {"kafkalogs:dead_letters:sum", "kafkalogs:broker_log_bytes:sum"}
        for rule in RULES.values():
            assert names_in(rule["expr"]) <= KNOWN | recorded, rule["alert"]

    def test_dashboards_use_metrics_that_exist(self):
        recorded = {"kafkalogs:dead_letters:sum", "kafkalogs:broker_log_bytes:sum", "ALERTS"}
        for text in dashboards.dashboard_files().values():
            for panel in json.loads(text)["panels"]:
                for target in panel["targets"]:
                    used = names_in(target["expr"])
                    assert used
                    assert used <= KNOWN | recorded, panel["title"]

    def test_queries_of_dashboards_are_ones_that_prometheus_takes(self, tmp_path):
        queries = [
            target["expr"]
            for text in dashboards.dashboard_files().values()
            for panel in json.loads(text)["panels"]
            for target in panel["targets"]
        ]
        rules = [{"record": f"q{i}", "expr": query} for i, query in enumerate(queries)]
        (tmp_path / "r.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
        done = subprocess.run(
            [promtool(), "check", "rules", tmp_path / "r.yml"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def test_panels_lie_beside_each_other(self):
        for text in dashboards.dashboard_files().values():
            board = json.loads(text)
            places = [panel["gridPos"] for panel in board["panels"]]
            taken = [(x, p["y"]) for p in places for x in range(p["x"], p["x"] + p["w"])]
            assert len(taken) == len(set(taken))
            assert max(x for x, _ in taken) < 24
            assert len({panel["id"] for panel in board["panels"]}) == len(places)

    def test_names_in_finds_names_only(self):
        query = 'sum by (topic) (rate(a_total{b="c", d=~"e.+"}[5m])) / on (f) group_left (g) h offset 5m > 1e3 and i'
        assert names_in(query) == {"a_total", "h", "i"}

    def test_jmx_rules_make_the_names_that_are_known(self):
        """Those whose names the patterns spell out; the others are read off running processes."""
        for config, part in ((jmx.KAFKA, "kafka"), (jmx.CONNECT, "connect")):
            for rule in config["rules"]:
                start = rule["name"].split("$")[0]
                assert any(name.startswith(start) for name in METRICS[part]), rule["name"]

    def test_the_config_map_of_jmx_is_what_the_resources_refer_to(self):
        reference = jmx.metrics_config("logs", jmx.KAFKA_KEY)["valueFrom"]["configMapKeyRef"]
        assert reference["name"] == jmx.config_map_name("logs")
        assert reference["key"] in jmx.config_map_data()
        assert yaml.safe_load(jmx.config_map_data()[reference["key"]]) == jmx.KAFKA

    def test_rules_watch_what_was_asked_for(self):
        assert WATCHED.broker_disk


class TestShipper:
    def test_all_parts(self):
        assert names(shipper()) == {
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
        spec = pod(shipper(kind=kind), "DaemonSet", "shipper")["spec"]
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
            return pod(shipper(**more), "DaemonSet", "shipper")["metadata"]["annotations"]

        assert annotation() == annotation()
        assert annotation() != annotation(namespaces=["*"])

    def test_the_topic_refuses_nothing_for_its_age(self):
        manifest = topic_manifest("kafkalogs", "logs", shipped("logs.platform", 3, 3, 2, 86_400_000))
        assert problems(manifest) == []
        config = manifest["spec"]["config"]
        forever = config["message.timestamp.before.max.ms"]
        assert forever > 10_000 * 365 * 24 * 3600 * 1000
        assert int(float(forever)) == forever  # as Pulumi's engine passes it on
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
