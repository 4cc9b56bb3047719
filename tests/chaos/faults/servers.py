"""The servers that the sinks and the pager write to are away, or answer errors."""

from __future__ import annotations

import json
import time

from tests.chaos.load import Load
from tests.chaos.stand_in import REGISTRY, S3, SEARCH, answers
from tests.chaos.state import SPACE, back
from tests.support import elasticsearch
from tests.support.sandbox import Sandbox

AWAY = 180
"""Seconds that a server outside the pipeline is away."""

REFUSING = 90
"""Seconds that a server answers errors."""


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


# -- answers of a server that is in trouble


def s3_answers_500(platform: Sandbox, load: Load) -> None:
    """S3 answers 500 to each request, for 90 s."""
    answers(platform, S3, 500, REFUSING)


def s3_answers_503(platform: Sandbox, load: Load) -> None:
    """S3 answers 503 to each request, as it does when there are too many, for 90 s."""
    answers(platform, S3, 503, REFUSING)


def search_answers_500(platform: Sandbox, load: Load) -> None:
    """Elasticsearch answers 500 to each request, for 90 s."""
    answers(platform, SEARCH, 500, REFUSING)


def the_registry_answers_500(platform: Sandbox, load: Load) -> None:
    """The schema registry answers 500 to each request, for 90 s."""
    answers(platform, REGISTRY, 500, REFUSING)


def search_refuses_to_write(platform: Sandbox, load: Load) -> None:
    """Elasticsearch answers 403 to each document, because its indices are blocked for writes, for 90 s."""
    with elasticsearch.changed(platform, elasticsearch.INDICES, {"index.blocks.write": True}):
        time.sleep(REFUSING)


def search_lacks_a_pipeline(platform: Sandbox, load: Load) -> None:
    """Elasticsearch answers 400 to each document, because its indices name a pipeline that is not there, for 90 s."""
    with elasticsearch.changed(platform, elasticsearch.INDICES, {"index.default_pipeline": "not-there"}):
        time.sleep(REFUSING)


def the_disk_of_search_is_full(platform: Sandbox, load: Load) -> None:
    """Elasticsearch takes its disk for full and answers 429 to each document, for 90 s."""
    mark = "cluster.routing.allocation.disk.watermark"
    # It looks at its disk twice a minute, blocks all indices itself, and unblocks them itself.
    full = {f"{mark}.{stage}": "1%" for stage in ("low", "high", "flood_stage")}

    def blocked() -> bool:
        return "read_only_allow_delete" in json.dumps(elasticsearch.ask(platform, "GET", elasticsearch.INDICES))

    with elasticsearch.changed(platform, elasticsearch.CLUSTER, full):
        platform.wait("all indices are blocked", blocked, 120)
        time.sleep(REFUSING)
    platform.wait("no index is blocked", lambda: not blocked(), 120)


def the_database_is_read_only(platform: Sandbox, load: Load) -> None:
    """The database refuses each write, for 90 s."""
    psql(platform, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    try:
        time.sleep(REFUSING)
    finally:
        psql(platform, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")


def the_database_takes_no_connection(platform: Sandbox, load: Load) -> None:
    """The database ends all connections and refuses new ones, for 90 s."""
    others = "FROM pg_stat_activity WHERE datname = 'kafkalogs'"
    psql(platform, "ALTER DATABASE kafkalogs CONNECTION LIMIT 0", f"SELECT pg_terminate_backend(pid) {others}")
    try:
        time.sleep(REFUSING)
    finally:
        psql(platform, "ALTER DATABASE kafkalogs CONNECTION LIMIT -1")


def psql(platform: Sandbox, *statements: str) -> None:
    """Run statements as PostgreSQL's superuser, which is let in within the pod only."""
    words = ("psql", "--no-psqlrc", "--quiet", "--host=/tmp", "--username=postgres", "--dbname=postgres")
    text = "".join(f"{statement};\n" for statement in ("SET default_transaction_read_only = off", *statements))
    pod = ("exec", "-i", "postgres-0", "-c", "database", "--")
    platform.kubectl(*SPACE, *pod, *words, "--set=ON_ERROR_STOP=1", input=text)
