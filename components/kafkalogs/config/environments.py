"""Defaults that depend on the environment of a stack file, and values that follow from its `aws`.

They are merged under the values of the file before the checks. So the path of each problem can be written in the file.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final, cast

from .aws import BUCKET, REGION, STORAGE_CLASS
from .models import PART_KEYS

DEFAULT: Final = "prod"
"""The environment of a stack file that names none: the strictest."""

ENVIRONMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    # For a single machine; the data may be lost.
    "local": {
        "operator": "auto",
        "protect": False,
        # Records are kept for half an hour, so that the disk stays small.
        "longestOutage": "15m",
        # Few brokers and clients: Kafka's default of 50 partitions each means 300 replicas to make at the start.
        "kafka": {"config": {"offsets.topic.num.partitions": 12, "transaction.state.log.num.partitions": 12}},
        "connect": {"workers": "shared", "replicas": 1, "cpu": "100m"},
        "archive": {"commitInterval": "30s"},
        # The shop writes far less than its services may, and a machine's disk is small.
        "stream": {"plannedShare": 0.05},
        "pager": {"quiet": "2m", "update": "30s"},
        "compliance": {"auditFloor": "1h", "archiveYears": {"access": 1, "application": 1, "audit": 1, "errors": 1}},
    },
    # Like production, but nobody is obliged to keep the logs.
    "staging": {
        "compliance": {"auditFloor": "24h", "archiveYears": {"access": 1, "application": 1, "audit": 1, "errors": 1}},
    },
    # The defaults of the models are those of production.
    "prod": {},
}
"""What differs from production in each environment. The settings of a part apply only if the file has the part."""


def merged(raw: Any) -> Any:
    """The configuration of a stack, completed with the defaults. Idempotent. What is no mapping stays."""
    if not isinstance(raw, Mapping):
        return raw
    given = _mapping(raw)
    environment = given.get("environment", DEFAULT)
    known = isinstance(environment, str) and environment in ENVIRONMENTS
    defaults = ENVIRONMENTS[environment if known else DEFAULT]
    values = _under(given, {key: value for key, value in defaults.items() if key not in PART_KEYS or key in given})
    return _with_aws(values)


def _under(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, completed from `defaults`."""
    values = copy.deepcopy(dict(given))
    for key, default in defaults.items():
        if key not in values:
            values[key] = copy.deepcopy(default)
        elif isinstance(default, Mapping) and isinstance(values[key], Mapping):
            values[key] = _under(_mapping(values[key]), _mapping(default))
    return values


def _with_aws(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with what follows from `aws`: the archive's bucket, region and Glue catalog, and the StorageClass."""
    aws = values.get("aws")
    if not isinstance(aws, Mapping):
        return values
    account = _mapping(aws)
    follows: dict[str, Any] = {}
    if "archive" in values:
        place = {"region": account["region"]} if REGION.fits(account.get("region")) else {}
        bucket = {"warehouse": f"s3://{account['bucket']}/logs"} if BUCKET.fits(account.get("bucket")) else {}
        follows["archive"] = {"catalog": "glue", **place, **bucket}
    pools = _mapping(_mapping(values.get("kafka")).get("pools"))
    disks: dict[str, Any] = {
        name: {"storage": {"class": STORAGE_CLASS}}
        for name, pool in pools.items()
        if _mapping(_mapping(pool).get("storage")).get("type") != "ephemeral"
    }
    if disks and account.get("storageClass", True) is True:
        follows["kafka"] = {"pools": disks}
    return _under(values, follows)


def _mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is a mapping, else an empty mapping. The checks report a value that should be a mapping."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
