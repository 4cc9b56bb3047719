"""The dead man's switch: an alert that always fires, and is told to an endpoint outside the platform again and again.

The endpoint raises the alarm when it is told nothing more. It therefore notices what no alert can tell: that
Prometheus, Alertmanager or the whole cluster is gone, or that nobody would be paged.
"""

from typing import Final

from .alert import Rule, alert
from .consumer_rules import CONSUMERS

WATCHDOG: Final = "KafkalogsWatchdog"
"""The name of the alert."""

FIRING: Final = f'ALERTS{{alertstate="firing", alertname!="{WATCHDOG}"}}'
"""What Prometheus knows of the alerts that fire, without the watchdog, which fires while all is well."""

NOBODY_PAGED: Final = (
    CONSUMERS["pager"].alert,
    f"{CONSUMERS['pager'].alert}NoConsumer",
    "PagerFailing",
    "PagerNotReady",
    "MonitoringBlind",
    "NotificationsFailing",
)
"""The alerts that say that nobody may be paged. They use PagerDuty's key themselves, so they silence the watchdog: then
the endpoint raises the alarm."""


def watchdog_rule() -> Rule:
    """The alert that fires as long as people can be paged."""
    return alert(
        WATCHDOG,
        f'vector(1) unless on() (ALERTS{{alertname=~"{"|".join(NOBODY_PAGED)}", alertstate="firing"}} == 1)',
        "0m",
        "info",
        "alerts can be told",
        "This alert fires while all is well. Its endpoint raises the alarm when the alert is told no more.",
    )
