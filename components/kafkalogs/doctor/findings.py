"""The results of `kafkalogs doctor`: findings, and their format for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

VERSION: Final = 1
"""Version of the JSON. New keys keep it; a key that is removed or changes its meaning makes a new version."""

FAMILIES: Final[Mapping[str, str]] = {
    "topics": "topics and their settings",
    "replicas": "brokers and replicas",
    "access": "users, rights and quotas",
    "tls": "listeners and services, TLS only",
    "certificates": "certificates",
    "schemas": "schemas and compatibility",
    "sinks": "connectors",
    "stream": "the Flink job",
    "lag": "consumers",
    "letters": "dead letters",
    "disk": "disks",
    "workloads": "resources and pods",
    "network": "network policies enforced",
}
"""The families of checks in the order of the report, each with what it checks."""


@dataclass(frozen=True)
class Finding:
    """One difference between the actual and the declared state."""

    rule: str
    """The check, like topic-retention; its meaning never changes."""

    what: str
    """Which thing, like topic logs.nginx."""

    declared: str
    """What the stack file asks for."""

    seen: str
    """What runs."""

    remedy: str
    """What to do about it."""


@dataclass(frozen=True)
class Checked:
    """The result of one family of checks."""

    family: str
    """One of `FAMILIES`."""

    count: int
    """How many things were compared."""

    findings: Sequence[Finding] = ()
    """What is not as declared."""

    skipped: str | None = None
    """Why the check could not run from here; None if it ran."""


@dataclass(frozen=True)
class Report:
    """All that the doctor found."""

    stack: str
    cluster: str
    namespace: str
    at: datetime
    checked: Sequence[Checked] = field(default=())

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """Every finding with its family."""
        return [(one.family, finding) for one in self.checked for finding in one.findings]


def as_json(report: Report) -> str:
    """The report for machines; docs/doctor.md describes the shape."""
    document = {
        "version": VERSION,
        "stack": report.stack,
        "cluster": report.cluster,
        "namespace": report.namespace,
        "at": report.at.isoformat(timespec="seconds"),
        "healthy": not report.findings,
        "checks": [
            {"family": one.family, "checked": one.count, "findings": len(one.findings), "skipped": one.skipped}
            for one in report.checked
        ],
        "findings": [{"family": family, **asdict(finding)} for family, finding in report.findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def some(names: Sequence[str], most: int = 5) -> str:
    """The first of a list of names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
