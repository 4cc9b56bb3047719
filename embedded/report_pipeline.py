"""The report's part about what reads the logs: what each part has done, and how to look for oneself."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import KafkaException
from kafkalogs.client.cluster_access import AccessError, ClusterAccess
from kafkalogs.client.reach import OutsideError, UnansweredError, inside
from kafkalogs.client.settings import Catalog
from rich.markup import escape
from rich.table import Table

from embedded import measure_pipeline as measure
from embedded.look import Look, Section, look_around
from embedded.measure_archive import archive
from embedded.progress import console, say

# Seconds, for all parts together: for the first documents, files, minutes and offsets after a start.
_PATIENCE = 60
_COLORS = {True: "green", None: "yellow", False: "red"}


def sections(look: Look, bootstrap: str) -> list[Section]:
    """What each part that is there has done. bootstrap: where Kafka is reached from here."""
    parts: dict[str, Callable[[Look], Section | None]] = {
        "schemas": measure.schemas,
        "search": measure.search,
        "archive": archive,
        "stream": lambda look: measure.stream(look, bootstrap),
        "pager": measure.pager,
        "monitoring": measure.monitoring,
    }
    found = [_section(part, ask, look) for part, ask in parts.items()]
    return [section for section in found if section is not None]


def _section(part: str, ask: Callable[[Look], Section | None], look: Look) -> Section | None:
    failed = Section(part)
    try:
        return ask(look)
    except OutsideError as error:
        # What is not of the platform may be reached from the cluster only.
        failed.add("cannot be asked from here", str(error), good=None)
    except (UnansweredError, AccessError) as error:
        failed.fault("no answer", str(error))
    except KafkaException as error:
        failed.fault("no answer", f"Kafka says: {error.args[0].str()}")
    return failed


def ask(access: ClusterAccess, catalog: Catalog, bootstrap: str) -> tuple[Look, list[Section]]:
    """Ask all parts; what was asked, and what they said."""
    look = look_around(access, catalog, _PATIENCE)
    if look.connectors or look.deployments.keys() & {"stream", "pager", "exporter"}:
        say("asking what reads the logs")
    return look, sections(look, bootstrap)


def show(found: list[Section]) -> list[str]:
    """Print what the parts said; their faults."""
    if not found:
        return []
    table = Table("part", "what", "found", title="What reads the logs, and how far it is", title_justify="left")
    table.columns[0].no_wrap = True
    # a trace's id is to be copied
    table.columns[2].overflow = "fold"
    for section in found:
        for i, row in enumerate(section.rows):
            color = _COLORS[row.good]
            table.add_row("" if i else section.part, escape(row.what), f"[{color}]{escape(row.found)}[/{color}]")
        table.add_section()
    console.print(table)
    return [fault for section in found for fault in section.faults]


def commands(look: Look) -> list[str]:
    """Commands by which a person looks into the parts that are there; none has a password among its words."""
    kubectl = f"kubectl -n {look.access.namespace}"
    lines: list[str] = []
    search = look.connectors.get("search")
    if search and inside(search["spec"]["config"]["search.url"]):
        login = 'user = "{{.data.username | base64decode}}:{{.data.password | base64decode}}"'
        authority = '{{index .data "ca.crt" | base64decode}}'
        lines += [
            f"{kubectl} port-forward service/elasticsearch 9200 &   # and then the newest errors:",
            f"curl -sSK <({kubectl} get secret search-reader-credentials \\",
            f"    -o go-template='{login}') \\",
            f"  --cacert <({kubectl} get secret platform-ca -o go-template='{authority}') \\",
            "  'https://localhost:9200/logs-*/_search?q=level:error&sort=@timestamp:desc&size=3&pretty'",
        ]
    if "pagerduty" in look.services:
        lines.append(f"{kubectl} exec deploy/pagerduty -- python3 -m pagerduty incidents   # who was paged, and why")
    if "prometheus" in look.services:
        lines += [
            f"{kubectl} port-forward service/prometheus 9090   # then https://localhost:9090/alerts",
            f"{kubectl} get configmap kafkalogs-dashboards     # dashboards for Grafana",
        ]
    return lines
