"""A small valid configuration, and copies of it with something changed."""

import copy
from typing import Any

VALID: dict[str, Any] = {
    "operator": "strimzi",
    "kafka": {
        "pools": {
            "kafka": {
                "roles": ["controller", "broker"],
                "replicas": 3,
                "memory": "1Gi",
                "storage": {"size": "100Gi"},
            }
        },
        "external": {"host": "localhost", "port": 32090},
    },
    "retention": {"application": "12h"},
    "services": {
        "checkout-service": {"team": "payments", "rate": "200KiB/s", "partitionBy": "trace_id"},
        "auth-service": {"team": "identity", "rate": "20KiB/s", "layout": "service", "types": ["application", "audit"]},
        "nginx": {"team": "edge", "rate": "500KiB/s", "types": ["access"], "retention": "6h"},
        "mailer": {"team": "crm", "rate": "10KiB/s", "layout": "level"},
    },
    "teams": {"security": {"reads": ["logs.audit", "logs.*"], "rate": "10MiB/s"}, "edge": {"reads": ["logs.access"]}},
}

REMOVED = object()


def changed(*changes: tuple[str, Any], base: dict[str, Any] = VALID) -> dict[str, Any]:
    """`base` with the value at each dotted path replaced (or `REMOVED`); a topic's own dots are written `/`."""
    config = copy.deepcopy(base)
    for path, value in changes:
        *holders, key = [part.replace("/", ".") for part in path.split(".")]
        target = config
        for part in holders:
            target = target.setdefault(part, {})
        if value is REMOVED:
            del target[key]
        else:
            target[key] = value
    return config
