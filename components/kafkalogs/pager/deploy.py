"""The pager of a stack."""

import pulumi

from ..catalog.part import LEAST_RATE
from ..config import units
from ..kube.wiring import Wiring
from .component import ENDPOINT, Pager, PagerArgs


def deploy(wiring: Wiring) -> pulumi.Resource | None:
    """The pager. It waits for the stream job, which writes the topic of critical errors."""
    pager = wiring.platform.pager
    if pager is None:
        return None
    args = PagerArgs(
        wiring.namespace,
        wiring.cluster,
        wiring.images["pager"],
        pager.routing_key_secret,
        pager.routing_key_field,
        wiring.endpoints.pagerduty or ENDPOINT,
        endpoint_ca_secret=wiring.endpoints.ca_secret("pagerduty"),
        quiet_seconds=pager.quiet // units.SECOND,
        update_seconds=pager.update // units.SECOND,
        producer_byte_rate=LEAST_RATE,
        replication_factor=wiring.copies,
        min_in_sync_replicas=wiring.in_sync,
    )
    return Pager("pager", args, wiring.options("stream"))
