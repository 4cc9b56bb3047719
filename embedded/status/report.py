"""The report at the end of `make up`: pods, records, refused connections; all are measured when the report runs."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import KafkaException
from kafkalogs.client.cluster_access import AccessError, ClusterAccess
from kafkalogs.client.settings import Catalog, CatalogError
from rich.markup import escape
from rich.table import Table

from embedded.build.cache import EmbeddedError
from embedded.build.progress import console, step
from embedded.machine import state
from embedded.status.next_steps import show_next_steps
from embedded.status.parts import ask_parts
from embedded.status.platform import find_platform
from embedded.status.pods import Component, components, shop_services
from embedded.status.refusals import Answer, refusals
from embedded.status.section import Section
from embedded.status.topics import Flow, Reader, flows, silent_services

# The report reads with this team's certificate. In a stack without this team: the team that may read most topics.
READER = "operations"
_MIB = 1024**2
# seconds: at most for the shop's first records and for reading, and at least for the rate
_FIRST, _READING, _RATE = 60, 7, 6
# seconds, for all parts together: for the first documents, files, minutes and offsets after a start
_PATIENCE = 60
_COLORS = {True: "green", None: "yellow", False: "red"}


def report(kubeconfig: Path | None = None, namespace: str = "kafkalogs") -> None:
    """Print the report. Raises EmbeddedError that names every failed check, or the server that did not answer.

    kubeconfig: this checkout's by default.
    """
    try:
        access = ClusterAccess(kubeconfig or state.kubeconfig(), namespace)
        catalog = access.catalog()
        bootstrap = catalog.external or catalog.bootstrap
        if not catalog.teams:
            raise EmbeddedError("no report: no team may read; the stack needs `teams: {operations: {reads: [logs.*]}}`")
        team = READER if READER in catalog.teams else max(catalog.teams, key=lambda t: len(catalog.topics_for(t)))
        with step("Looking at what runs"):
            credentials = access.credentials(catalog.cluster, catalog.team(team).user)
            reader = Reader(catalog, team, credentials, bootstrap)
            services = shop_services(access) & set(catalog.services)
            silent = silent_services(reader, catalog, services, _FIRST)
            measured = flows(reader, reading=_READING, at_least=_RATE)
            answers = refusals(access, catalog, bootstrap, credentials.ca)
            platform = find_platform(access, catalog, _PATIENCE)
            sections = ask_parts(platform, bootstrap)
        faults = [f"{name} has logged nothing within {_FIRST} s; see `kubectl logs deploy/{name}`" for name in silent]
        if services and not any(flow.rate for flow in measured):
            faults.append(f"the shop runs, but nothing was logged within {_RATE} s")
        faults += show_pods(components(access))
        faults += show_topics(reader, catalog, team, measured)
        faults += show_parts(sections)
        faults += show_answers(answers)
    except (AccessError, CatalogError) as error:
        raise EmbeddedError(f"no report: {error}") from error
    except KafkaException as error:
        raise EmbeddedError(f"no report: Kafka says: {error.args[0].str()}") from error
    if faults:
        raise EmbeddedError("the platform is up, but has faults:\n" + "\n".join(f"- {f}" for f in faults))
    show_next_steps(platform)


def show_pods(parts: list[Component]) -> list[str]:
    """Print the pods by part; return a fault for each part with pods that are not ready."""
    table = Table("part", "pods ready", "node", "memory requested", title="What runs where", title_justify="left")
    for part in parts:
        color = _COLORS[part.ready == part.pods]
        table.add_row(
            part.name,
            f"[{color}]{part.ready}/{part.pods}[/{color}]",
            ", ".join(part.nodes),
            f"{part.memory / _MIB:,.0f} MiB",
        )
    total = sum(part.memory for part in parts)
    table.add_section()
    table.add_row("all", str(sum(part.pods for part in parts)), "", f"{total / _MIB:,.0f} MiB")
    console.print(table)
    return [
        f"{part.pods - part.ready} of {part.pods} pods of {part.name} are not ready"
        for part in parts
        if part.ready < part.pods
    ]


def show_topics(reader: Reader, catalog: Catalog, team: str, flows: list[Flow]) -> list[str]:
    """Print the records of each topic; return a fault for each topic that is missing or not as declared."""
    brokers = ", ".join(map(str, reader.brokers))
    table = Table(
        "topic", "parts", "copies", "in", "out", "in/s",
        title=f"What flows through brokers {brokers}; out: read with the certificate of team {team}",
        title_justify="left",
    )  # fmt: skip
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    faults: list[str] = []
    for flow in flows:
        partitions, replicas = reader.shape[flow.topic]
        wanted = reader.topics[flow.topic]
        color = "green" if flow.read == flow.came else "yellow"
        out = f"[{color}]{flow.read:,}[/{color}]"
        table.add_row(flow.topic, str(partitions), str(replicas), f"{flow.came:,}", out, f"{flow.rate:,.1f}")
        if (partitions, replicas) != (wanted.partitions, wanted.replicas):
            faults.append(
                f"{flow.topic} has {partitions} partitions and {replicas} replicas, "
                f"not {wanted.partitions} and {wanted.replicas} as declared"
            )
    came, read = sum(f.came for f in flows), sum(f.read for f in flows)
    table.add_section()
    table.add_row("all", "", "", f"{came:,}", f"{read:,}", f"{sum(f.rate for f in flows):,.1f}")
    console.print(table)
    if 0 < read < came:
        console.print(f"[yellow]{came - read:,} records more than could be read in {_READING} s[/yellow]")
    elif read < came:
        faults.append(f"team {team} could read none of {came:,} records")
    missing = set(catalog.topics_for(team)) - set(reader.topics)
    return faults + [f"{topic} does not exist; see `kubectl get kafkatopics`" for topic in sorted(missing)]


def show_parts(sections: list[Section]) -> list[str]:
    """Print the results of the parts that read the logs; return their faults."""
    if not sections:
        return []
    table = Table("part", "what", "found", title="What reads the logs, and how far it is", title_justify="left")
    table.columns[0].no_wrap = True
    # nothing is cut off, so that a person can copy a trace's id
    table.columns[2].overflow = "fold"
    for section in sections:
        for i, row in enumerate(section.rows):
            color = _COLORS[row.good]
            table.add_row("" if i else section.part, escape(row.what), f"[{color}]{escape(row.found)}[/{color}]")
        table.add_section()
    console.print(table)
    return [fault for section in sections for fault in section.faults]


def show_answers(answers: list[Answer]) -> list[str]:
    """Print the answers to unauthorized clients; return a fault for each answer that is no refusal."""
    table = Table("tried", "answer", title="What is refused", title_justify="left")
    for answer in answers:
        color = _COLORS[answer.refused]
        table.add_row(answer.asked, f"[{color}]{escape(answer.said)}[/{color}]")
    console.print(table)
    return [f"{answer.asked}, and was not refused: {answer.said}" for answer in answers if not answer.refused]
