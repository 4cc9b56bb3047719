"""The stream job of a stack."""

import pulumi

from ..catalog.part import passed_on
from ..kube.wiring import Wiring
from .args import FlinkJobArgs
from .job import FlinkJob
from .record import kept


def deploy(wiring: Wiring) -> pulumi.Resource | None:
    """The Flink job, with the catalog of the stack's services."""
    config, stream, where = wiring.platform, wiring.platform.stream, wiring.endpoints
    if stream is None:
        return None
    args = FlinkJobArgs(
        wiring.namespace,
        wiring.cluster,
        wiring.images["flink"],
        wiring.images["catalog"],
        wiring.job,
        {name: {"team": service.team, "tier": service.tier} for name, service in config.services.items()},
        writers=wiring.writers,
        state=stream.state,
        s3_endpoint=where.s3,
        s3_credentials_secret="s3-credentials" if where.s3 else None,
        s3_ca_secret=where.ca_secret("s3"),
        parallelism=stream.parallelism,
        aws_region=config.aws.region if config.aws else None,
        account_annotations=where.identity("stream"),
        producer_byte_rate=passed_on(config),
        replication_factor=wiring.copies,
        min_in_sync_replicas=wiring.in_sync,
        retention_ms=kept(config),
    )
    return FlinkJob("stream", args, wiring.options())
