"""One alert, as a rule of Prometheus."""

from typing import Any

Rule = dict[str, Any]
"""A rule of Prometheus (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules)."""


def alert(name: str, expr: str, after: str, severity: str, summary: str, description: str) -> Rule:
    """An alert that fires when `expr` has held for the time `after`, like 10m. severity: critical, warning or info."""
    return {
        "alert": name,
        "expr": expr,
        "for": after,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description},
    }
