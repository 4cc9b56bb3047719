"""The resources of `Monitoring`, without an engine."""

import subprocess

import pulumi
import pytest
from kafkalogs.kafka.identity import user_manifest
from kafkalogs.monitoring import prometheus as prometheus_config
from kafkalogs.monitoring.args import MonitoringArgs
from kafkalogs.monitoring.component import Monitoring, alertmanager_files, prometheus_files
from kafkalogs.monitoring.record import exporter_user
from kafkalogs.monitoring.watchdog import WATCHDOG

from tests.support.crd_schema import problems
from tests.support.graph import Graph, registered, unknown
from tests.support.prometheus_tools import amtool, promtool

WHERE = {"namespace": "kafkalogs", "cluster": "logs"}


def monitoring(preview=False, **more) -> Graph:
    values = {**WHERE, "image": "prometheus:1", "exporter_image": "exporter:1", **more}
    return registered(lambda: Monitoring("monitoring", MonitoringArgs(**values)), preview)


class TestMonitoring:
    def test_all_parts(self):
        assert monitoring().names() == {
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
        assert graph.names() == {
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
        spec = monitoring().pod(kind, f"monitoring-{name}")["spec"]
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
            return [graph.pod("StatefulSet", f"monitoring-{n}")["metadata"]["annotations"] for n in _PODS]

        before, after = annotation(), annotation(broker_disk=2**30, webhook_url="https://x.example/y")
        assert before == annotation()
        assert all(a != b for a, b in zip(before, after, strict=True))

    def test_disk(self):
        assert "volumeClaimTemplates" not in monitoring().one("StatefulSet", "monitoring-prometheus").inputs["spec"]
        graph = monitoring(storage_size="10Gi")
        (claim,) = graph.one("StatefulSet", "monitoring-prometheus").inputs["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"] == {"requests": {"storage": "10Gi"}}

    def test_the_routing_key_is_mounted_from_the_field_that_has_it(self):
        spec = monitoring(pagerduty_secret="pd", pagerduty_field="password").pod("StatefulSet", _ALERTMANAGER)["spec"]
        (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "pagerduty"]
        assert volume["secret"]["secretName"] == "pd"
        assert volume["secret"]["items"] == [{"key": "password", "path": "routing-key"}]
        mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert f"{mounts['pagerduty']}/routing-key" == prometheus_config.ROUTING_KEY
        without = monitoring().pod("StatefulSet", _ALERTMANAGER)["spec"]
        assert "pagerduty" not in {volume["name"] for volume in without["volumes"]}

    def test_the_watchdogs_url_is_a_secret(self):
        spec = monitoring(watchdog_secret="switch", watchdog_field="ping").pod("StatefulSet", _ALERTMANAGER)["spec"]
        (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "watchdog"]
        assert volume["secret"]["secretName"] == "switch"
        assert volume["secret"]["items"] == [{"key": "ping", "path": "url"}]
        mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert f"{mounts['watchdog']}/url" == prometheus_config.WATCHDOG_URL

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

    def receivers(self, tmp_path, severity: str, *labels: str, **more) -> list[str]:
        values = {
            "pagerduty": True,
            "pagerduty_url": None,
            "pagerduty_own_ca": False,
            "webhook_url": "https://x.example",
        }
        files = alertmanager_files(**{**values, **more})
        (tmp_path / "a.yml").write_text(files["alertmanager.yml"])
        words = [amtool(), "config", "routes", "test", f"--config.file={tmp_path}/a.yml", f"severity={severity}"]
        words += labels
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip().split(",")

    def test_who_is_told_of_what(self, tmp_path):
        assert self.receivers(tmp_path, "critical") == ["webhook", "pagerduty"]
        assert self.receivers(tmp_path, "warning") == ["webhook"]
        assert self.receivers(tmp_path, "info") == ["shown"]
        assert self.receivers(tmp_path, "critical", pagerduty=False, webhook_url=None) == ["shown"]

    def test_the_watchdog_has_an_endpoint_of_its_own(self, tmp_path):
        watchdog = f"alertname={WATCHDOG}"
        assert self.receivers(tmp_path, "info", watchdog, watchdog=True) == ["watchdog"]
        assert self.receivers(tmp_path, "info", watchdog) == ["shown"]
        assert self.receivers(tmp_path, "critical", watchdog=True) == ["webhook", "pagerduty"]
        config = prometheus_config.alertmanager_config(True, None, False, None, watchdog=True)
        (receiver,) = [one for one in config["receivers"] if one["name"] == "watchdog"]
        assert receiver["webhook_configs"] == [{"url_file": "/etc/kafkalogs/watchdog/url", "send_resolved": False}]
        assert "pagerduty_configs" not in receiver, "it shares no key with the pages"

    def test_the_routing_key_is_a_file_and_the_address_may_be_another(self):
        config = prometheus_config.alertmanager_config(True, "https://pagerduty:8443/v2/enqueue", True, None)
        (told,) = config["receivers"][1]["pagerduty_configs"]
        assert told["routing_key_file"] == "/etc/kafkalogs/pagerduty/routing-key"
        assert told["url"] == "https://pagerduty:8443/v2/enqueue"
        assert told["http_config"] == {"tls_config": {"ca_file": "/etc/kafkalogs/tls/ca.crt"}}
