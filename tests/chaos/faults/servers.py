"""The servers that the sinks and the pager write to are away, or answer errors."""

from __future__ import annotations

import time

from tests.chaos.load import Load
from tests.chaos.state import SPACE, back
from tests.support.sandbox import Sandbox

AWAY = 180
"""Seconds that a server outside the pipeline is away."""


def scale(platform: Sandbox, name: str, replicas: int) -> None:
    """Let so many pods of a workload run."""
    platform.kubectl(*SPACE, "scale", name, f"--replicas={replicas}")


def away(platform: Sandbox, name: str) -> None:
    """Take a server away for AWAY seconds."""
    scale(platform, name, 0)
    try:
        time.sleep(AWAY)
    finally:
        scale(platform, name, 1)
    back(platform)


def s3_is_away(platform: Sandbox, load: Load) -> None:
    """The S3 server is away for 3 min."""
    away(platform, "statefulset/s3")


def the_database_is_away(platform: Sandbox, load: Load) -> None:
    """The database is away for 3 min."""
    away(platform, "statefulset/postgres")


def search_is_away(platform: Sandbox, load: Load) -> None:
    """Elasticsearch is away for 3 min."""
    away(platform, "statefulset/elasticsearch")


def the_registry_is_away(platform: Sandbox, load: Load) -> None:
    """The schema registry is away for 3 min."""
    away(platform, "deployment/registry")


def pagerduty_is_away(platform: Sandbox, load: Load) -> None:
    """PagerDuty is away for 3 min."""
    away(platform, "deployment/pagerduty")


def _pagerduty_answers(platform: Sandbox, status: str) -> None:
    asked = ("exec", "deploy/pagerduty", "--", "python3", "-m", "pagerduty")
    platform.kubectl(*SPACE, *asked, "fail", status, "1000000", "90")
    try:
        time.sleep(90)
    finally:
        platform.kubectl(*SPACE, *asked, "recover")


def pagerduty_answers_429(platform: Sandbox, load: Load) -> None:
    """PagerDuty answers 429 for 90 s."""
    _pagerduty_answers(platform, "429")


def pagerduty_answers_500(platform: Sandbox, load: Load) -> None:
    """PagerDuty answers 500 for 90 s."""
    _pagerduty_answers(platform, "500")
