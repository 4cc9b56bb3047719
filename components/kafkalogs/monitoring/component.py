"""`Monitoring`: the exporter, Prometheus with the platform's alerts, Alertmanager and the dashboards.

Where a Prometheus operator already runs (`operator: true`), PodMonitors and a PrometheusRule replace the platform's
Prometheus and Alertmanager. The exporter and the dashboards stay the same.
"""

from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet
from pulumi_kubernetes.core.v1 import ConfigMap, Service, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from ..catalog.network import PROMETHEUS as PROMETHEUS_PODS
from ..kafka.identity import user_manifest, user_resource
from ..kube import policies
from ..kube.resources import Manifest, after, known, manifest_of, metadata, part, typed, untyped
from ..shipper.record import METRICS_SERVICE, METRICS_SERVICE_PORT
from ..sinks.record import ARCHIVE, AUDIT, SEARCH
from . import alert_rules, dashboards, manifests
from . import prometheus as prometheus_config
from .args import MonitoringArgs
from .consumer_rules import CONSUMERS
from .record import ALERTMANAGER, ALERTMANAGER_PORT, PROMETHEUS, PROMETHEUS_PORT, SERVERS, exporter_user


def watched(args: MonitoringArgs) -> alert_rules.Watched:
    """What the rules watch. Raises pulumi.RunError when `parts` names an unknown part."""
    known = CONSUMERS
    parts = list(known) if args.parts is None else args.parts
    if unknown := sorted(set(parts) - known.keys()):
        raise pulumi.RunError(f"Monitoring: parts {', '.join(unknown)}: write {', '.join(known)}")
    return alert_rules.Watched(
        consumers={name: known[name] for name in known if name in parts},
        broker_disk=args.broker_disk,
        brokers=args.brokers,
        connect=bool({ARCHIVE.key, SEARCH.key, AUDIT.key} & set(parts)),
        shipper=args.shipper_namespace is not None,
    )


def prometheus_files(cluster: str, namespace: str, rules: Manifest, shipper: str | None) -> dict[str, str]:
    """Prometheus' configuration files."""
    return {
        "prometheus.yml": manifests.as_yaml(prometheus_config.prometheus_config(cluster, namespace, shipper)),
        "rules.yml": manifests.as_yaml(rules),
        "web.yml": manifests.as_yaml(prometheus_config.web_config()),
    }


def alertmanager_files(
    pagerduty: bool,
    pagerduty_url: str | None,
    pagerduty_own_ca: bool,
    webhook_url: str | None,
    *,
    watchdog: bool = False,
) -> dict[str, str]:
    """Alertmanager's configuration files."""
    config = prometheus_config.alertmanager_config(
        pagerduty, pagerduty_url, pagerduty_own_ca, webhook_url, watchdog=watchdog
    )
    return {
        "alertmanager.yml": manifests.as_yaml(config),
        # Who may write here can silence each alert.
        "web.yml": manifests.as_yaml(prometheus_config.web_config(client=PROMETHEUS)),
    }


def exporter_user_manifest(args: MonitoringArgs) -> Manifest:
    """The KafkaUser of the exporter."""
    return user_manifest(known(args.namespace), known(args.cluster), exporter_user(known(args.user)))


class Monitoring(pulumi.ComponentResource):
    """Monitoring that alerts people when logs no longer arrive, cannot be found, or no longer page anybody."""

    user: pulumi.Output[str]
    """The exporter's KafkaUser, known when it is ready."""

    exporter: pulumi.Output[str]
    """The exporter's Deployment, known when it runs."""

    prometheus: pulumi.Output[str] | None
    """The address of Prometheus within the namespace; None where an operator's is used."""

    alertmanager: pulumi.Output[str] | None
    """The address of Alertmanager within the namespace; None where an operator's is used."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(MonitoringArgs, args)
        if not args.operator and not args.image:
            raise pulumi.RunError(f"Monitoring {name}: needs image, with Prometheus and Alertmanager, or operator")
        rules = alert_rules.rule_groups(watched(args))
        super().__init__("kafkalogs:index:Monitoring", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._exporter()
        self._dashboards()
        if args.operator:
            self._for_operator(rules)
            self.prometheus = self.alertmanager = None
        else:
            self.alertmanager = self._alertmanager()
            self.prometheus = self._prometheus()
        self._metrics_policy()
        self.register_outputs(
            {
                "user": self.user,
                "exporter": self.exporter,
                "prometheus": self.prometheus,
                "alertmanager": self.alertmanager,
            }
        )

    def _about(self, name: str) -> Any:
        return untyped(metadata(name, self._args.namespace))

    def _exporter(self) -> None:
        args = self._args
        user = user_resource(f"{self._name}-user", manifest_of(exporter_user_manifest, args), self._child)
        self.user = user.urn.apply(lambda _: args.user)
        manifest = manifest_of(manifests.exporter_manifest, args)
        deployment = Deployment(
            f"{self._name}-exporter",
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            opts=after(self, [user], minutes=5, delete=None),
        )
        self.exporter = deployment.metadata.apply(lambda about: str(about.name))

    def _dashboards(self) -> None:
        about = metadata("kafkalogs-dashboards", self._args.namespace)
        about["labels"] = {**about["labels"], **dashboards.SIDECAR_LABEL}
        ConfigMap(
            f"{self._name}-dashboards", metadata=untyped(about), data=dashboards.dashboard_files(), opts=self._child
        )

    def _metrics_policy(self) -> None:
        if not self._args.operator:
            self._open_metrics("metrics", self._args.namespace, policies.pods(PROMETHEUS_PODS))
            return
        peer = policies.pods_of_namespace(self._args.prometheus_namespace)
        self._open_metrics("metrics", self._args.namespace, peer)
        if self._args.shipper_namespace:
            self._open_metrics("shipper-metrics", self._args.shipper_namespace, peer)

    def _open_metrics(self, what: str, namespace: pulumi.Input[str], prometheus: Manifest) -> None:
        NetworkPolicy(
            f"{self._name}-{what}",
            metadata=untyped(metadata("metrics", namespace)),
            spec=untyped(policies.metrics_ingress(prometheus)),
            opts=self._child,
        )

    def _for_operator(self, rules: Manifest) -> None:
        args = self._args
        monitors = manifest_of(_monitors, args)
        for monitor in manifests.pod_monitor_specs("", None):
            CustomResource(
                f"{self._name}-{monitor}",
                api_version=manifests.OPERATOR_API,
                kind="PodMonitor",
                metadata=self._about(monitor),
                spec=part(monitors, monitor),
                opts=self._child,
            )
        CustomResource(
            f"{self._name}-rules",
            api_version=manifests.OPERATOR_API,
            kind="PrometheusRule",
            metadata=self._about("kafkalogs"),
            spec=rules,
            opts=self._child,
        )

    def _prometheus(self) -> pulumi.Output[str]:
        args = self._args
        account = ServiceAccount(f"{self._name}-prometheus", metadata=self._about(PROMETHEUS), opts=self._child)
        role = Role(
            f"{self._name}-prometheus",
            metadata=self._about(PROMETHEUS),
            rules=untyped(manifests.discovery_rules()),
            opts=self._child,
        )
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": PROMETHEUS}
        subject = {"kind": "ServiceAccount", "name": PROMETHEUS, "namespace": args.namespace}
        binding = RoleBinding(
            f"{self._name}-prometheus",
            metadata=self._about(PROMETHEUS),
            role_ref=untyped(reference),
            subjects=untyped([subject]),
            opts=self._child,
        )
        return self._run(
            PROMETHEUS,
            PROMETHEUS_PORT,
            manifest_of(_prometheus_files, args),
            manifest_of(_prometheus_manifest, args),
            [account, role, binding],
        )

    def _alertmanager(self) -> pulumi.Output[str]:
        args = self._args
        manifest = manifest_of(_alertmanager_manifest, args)
        files: pulumi.Input[Manifest] = manifest_of(_alertmanager_files, args)
        return self._run(ALERTMANAGER, ALERTMANAGER_PORT, files, manifest, [])

    def _run(
        self,
        what: str,
        port: int,
        files: pulumi.Input[Manifest],
        manifest: pulumi.Input[Manifest],
        needed: list[pulumi.Resource],
    ) -> pulumi.Output[str]:
        """The ConfigMap, Service, NetworkPolicy and StatefulSet of Prometheus or Alertmanager; its address."""
        name = f"{self._name}-{what}"
        config = ConfigMap(name, metadata=self._about(what), data=files, opts=self._child)
        # Nothing may wait for it: Pulumi waits itself until a Service has a pod that is ready.
        Service(name, metadata=self._about(what), spec=untyped(manifests.service_spec(what, port)), opts=self._child)
        NetworkPolicy(name, metadata=self._about(what), spec=untyped(policies.ingress(SERVERS[what])), opts=self._child)
        stateful = StatefulSet(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            opts=after(self, [config, *needed], minutes=5, delete=None),
        )
        return pulumi.Output.all(namespace=self._args.namespace, ready=stateful.urn).apply(
            lambda known: f"https://{what}.{known['namespace']}.svc:{port}"
        )


def _monitors(args: MonitoringArgs) -> Manifest:
    return manifests.pod_monitor_specs(known(args.namespace), known(args.shipper_namespace))


def _prometheus_files(args: MonitoringArgs) -> Manifest:
    namespace = known(args.shipper_namespace)
    shipper = f"{METRICS_SERVICE}.{namespace}.svc.cluster.local:{METRICS_SERVICE_PORT}" if namespace else None
    rules = alert_rules.rule_groups(watched(args))
    return {**prometheus_files(known(args.cluster), known(args.namespace), rules, shipper)}


def _prometheus_manifest(args: MonitoringArgs) -> Manifest:
    return manifests.prometheus_manifest(args, _prometheus_files(args))


def _alertmanager_files(args: MonitoringArgs) -> Manifest:
    pages = known(args.pagerduty_secret) is not None
    watched = known(args.watchdog_secret) is not None
    url, webhook = known(args.pagerduty_url), known(args.webhook_url)
    return {**alertmanager_files(pages, url, args.pagerduty_own_ca, webhook, watchdog=watched)}


def _alertmanager_manifest(args: MonitoringArgs) -> Manifest:
    return manifests.alertmanager_manifest(args, _alertmanager_files(args))
