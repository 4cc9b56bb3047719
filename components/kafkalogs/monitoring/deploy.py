"""The monitoring of a stack."""

import pulumi

from ..config.parts import ROUTING_KEY_FIELD
from ..kube.wiring import Wiring
from ..shipper.manifests import shipper_namespace
from .args import MonitoringArgs
from .component import Monitoring


def deploy(wiring: Wiring) -> pulumi.Resource | None:
    """Prometheus with its rules, Alertmanager and dashboards; or what a Prometheus operator watches."""
    config, monitoring = wiring.platform, wiring.platform.monitoring
    if monitoring is None:
        return None
    filebeat = config.shipper is not None and config.shipper.kind == "filebeat"
    args = MonitoringArgs(
        wiring.namespace,
        wiring.cluster,
        wiring.images["exporter"],
        wiring.images["monitoring"],
        brokers=config.brokers(),
        broker_disk=min(pool.storage.size for pool in config.broker_pools().values()),
        parts=list(wiring.readers),
        shipper_namespace=shipper_namespace(wiring.namespace) if filebeat else None,
        operator=monitoring.operator,
        pagerduty_secret=config.pager.routing_key_secret if config.pager else None,
        pagerduty_field=config.pager.routing_key_field if config.pager else ROUTING_KEY_FIELD,
        watchdog_secret=monitoring.watchdog_secret,
        watchdog_field=monitoring.watchdog_field,
        pagerduty_url=wiring.endpoints.pagerduty,
        pagerduty_own_ca=wiring.endpoints.ca_secret("pagerduty") is not None,
    )
    return Monitoring("monitoring", args, wiring.options("shipper") if monitoring.operator else wiring.options())
