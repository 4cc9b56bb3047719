"""The schemas of a stack, and the registry if the stack file names none."""

import pulumi

from ..catalog.part import LEAST_RATE
from ..kube.service_secrets import CA_SECRET
from ..kube.wiring import Wiring
from .registration import LogSchema, LogSchemaArgs
from .registry import SchemaRegistry, SchemaRegistryArgs, registry_url


def deploy(wiring: Wiring) -> pulumi.Resource | None:
    """The registry, and in it the schema of each topic of log events."""
    schemas = wiring.platform.schemas
    if schemas is None:
        return None
    url, ca_secret, registry = schemas.url, schemas.ca_secret, None
    if url is None:
        args = SchemaRegistryArgs(
            wiring.namespace,
            wiring.cluster,
            wiring.images["registry"],
            replication_factor=wiring.copies,
            min_in_sync_replicas=wiring.in_sync,
            producer_byte_rate=LEAST_RATE,
        )
        registry = SchemaRegistry("registry", args, wiring.options())
        # These are known before the registry exists, so a first preview shows all settings of the Job.
        url, ca_secret = registry_url(wiring.namespace), CA_SECRET
    registered = LogSchemaArgs(
        wiring.namespace,
        wiring.images["schemas"],
        url,
        list(wiring.log_classes),
        schemas.compatibility,
        ca_secret,
        schemas.credentials_secret,
    )
    return LogSchema("schemas", registered, wiring.options("shipper", registry))
