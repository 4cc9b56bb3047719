"""The shipper of a stack."""

import pulumi

from ..kube.wiring import Wiring
from .args import LogShipperArgs
from .daemon import LogShipper
from .record import RETENTION_CLASS, TOPIC


def deploy(wiring: Wiring) -> pulumi.Resource | None:
    """The shipper. Its topic has the retention of the other logs of its class."""
    shipper = wiring.platform.shipper
    if shipper is None:
        return None
    args = LogShipperArgs(
        wiring.namespace,
        wiring.cluster,
        wiring.images["shipper"],
        wiring.images["exporter"],
        shipper.kind,
        TOPIC,
        replicas=wiring.copies,
        min_in_sync_replicas=wiring.in_sync,
        retention_ms=wiring.platform.retention_classes()[RETENTION_CLASS],
        producer_byte_rate=shipper.rate,
        protect=wiring.platform.protect,
    )
    return LogShipper("shipper", args, wiring.options())
