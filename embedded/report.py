"""The report at the end of `make up`: what runs, what flows, what is refused. All of it measured on the spot."""

from __future__ import annotations

import itertools
from pathlib import Path

from confluent_kafka import KafkaException
from kafkalogs.client.cluster_access import AccessError, ClusterAccess
from kafkalogs.client.settings import Catalog, CatalogError, Credentials
from rich.markup import escape
from rich.table import Table

from embedded import measure, report_pipeline, state
from embedded.cache import EmbeddedError
from embedded.progress import console, step

# The team whose certificate reads everything; another that does is taken where a stack has no such team.
READER = "operations"
_MIB = 1024**2
# Seconds: for the shop's first records, for reading, and at least for the rate.
_FIRST, _READING, _RATE = 60, 7, 6


def report(kubeconfig: Path | None = None, namespace: str = "kafkalogs") -> None:
    """Print it. Raises EmbeddedError naming every check that failed, or what could not be asked.

    kubeconfig: this checkout's unless given.
    """
    faults: list[str] = []
    try:
        access = ClusterAccess(kubeconfig or state.kubeconfig(), namespace)
        catalog = access.catalog()
        bootstrap = catalog.external or catalog.bootstrap
        if not catalog.teams:
            raise EmbeddedError("no report: no team may read; the stack needs `teams: {operations: {reads: [logs.*]}}`")
        team = READER if READER in catalog.teams else max(catalog.teams, key=lambda t: len(catalog.topics_for(t)))
        with step("Looking at what runs"):
            credentials = access.credentials(catalog.cluster, catalog.team(team).user)
            reader = measure.Reader(catalog, team, credentials, bootstrap)
            services = measure.shop_services(access) & set(catalog.services)
            faults += _wait(reader, catalog, services)
            flows = measure.flows(reader, reading=_READING, at_least=_RATE)
            if services and not any(flow.rate for flow in flows):
                faults.append(f"the shop runs, but nothing was logged within {_RATE} s")
            answers = _refusals(access, catalog, credentials, bootstrap)
            look, parts = report_pipeline.ask(access, catalog, bootstrap)
        faults += _show_pods(access)
        faults += _show_topics(reader, catalog, team, flows)
        faults += report_pipeline.show(parts)
        faults += _show_answers(answers)
    except (AccessError, CatalogError) as error:
        raise EmbeddedError(f"no report: {error}") from error
    except KafkaException as error:
        raise EmbeddedError(f"no report: Kafka says: {error.args[0].str()}") from error
    if faults:
        raise EmbeddedError("the platform is up, but not as it should be:\n" + "\n".join(f"- {f}" for f in faults))
    _show_next(catalog, namespace, report_pipeline.commands(look))


def _wait(reader: measure.Reader, catalog: Catalog, services: set[str]) -> list[str]:
    silent = measure.first_records(reader, catalog, services, _FIRST)
    return [
        f"{service} has logged nothing within {_FIRST} s; see `kubectl logs deploy/{service}`" for service in silent
    ]


def _refusals(access: ClusterAccess, catalog: Catalog, reader: Credentials, bootstrap: str) -> list[measure.Answer]:
    """What is answered to a write into a topic that is another service's own, and to clients that are nobody."""
    answers = [measure.without_certificate(bootstrap, reader.ca), measure.in_plaintext(bootstrap)]
    pairs = itertools.permutations(sorted(catalog.services), 2)
    writes = {service: set(catalog.topics_of(service)) for service in catalog.services}
    for service, other in pairs:
        foreign = writes[other] - writes[service]
        if foreign:
            user = access.credentials(catalog.cluster, catalog.service(service).user)
            # the longest name is the other's own, not one that services share
            topic = max(foreign, key=len)
            return [measure.foreign_write(catalog, service, topic, user, bootstrap), *answers]
    return answers


def _show_pods(access: ClusterAccess) -> list[str]:
    table = Table("part", "pods ready", "node", "memory requested", title="What runs where", title_justify="left")
    parts = measure.components(access)
    for part in parts:
        color = "green" if part.ready == part.pods else "red"
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


def _show_topics(reader: measure.Reader, catalog: Catalog, team: str, flows: list[measure.Flow]) -> list[str]:
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
        table.add_row(
            flow.topic,
            str(partitions),
            str(replicas),
            f"{flow.came:,}",
            f"[{color}]{flow.read:,}[/{color}]",
            f"{flow.rate:,.1f}",
        )
        if (partitions, replicas) != (wanted.partitions, wanted.replicas):
            faults.append(
                f"{flow.topic} has {partitions} partitions and {replicas} replicas, "
                f"not {wanted.partitions} and {wanted.replicas} as declared"
            )
    came, out = sum(f.came for f in flows), sum(f.read for f in flows)
    table.add_section()
    table.add_row("all", "", "", f"{came:,}", f"{out:,}", f"{sum(f.rate for f in flows):,.1f}")
    console.print(table)
    if 0 < out < came:
        console.print(f"[yellow]{came - out:,} records more than could be read in {_READING} s[/yellow]")
    elif out < came:
        faults.append(f"team {team} could read none of {came:,} records")
    missing = set(catalog.topics_for(team)) - set(reader.topics)
    return faults + [f"{topic} does not exist; see `kubectl get kafkatopics`" for topic in sorted(missing)]


def _show_answers(answers: list[measure.Answer]) -> list[str]:
    table = Table("tried", "answer", title="What is refused", title_justify="left")
    for answer in answers:
        color = "green" if answer.refused else "red"
        table.add_row(answer.asked, f"[{color}]{escape(answer.said)}[/{color}]")
    console.print(table)
    return [f"{answer.asked}, and was not refused: {answer.said}" for answer in answers if not answer.refused]


def _show_next(catalog: Catalog, namespace: str, looking: list[str]) -> None:
    service = "nginx" if "nginx" in catalog.services else next(iter(catalog.services))
    console.print("[bold]Next[/bold]", markup=True)
    lines = [
        'eval "$(make -s env)"                                  # pulumi, kubectl and kafkalogs in this shell',
        f"kafkalogs replay /var/log/dpkg.log --service {service}    # a log file of yours, as events",
        f"kubectl get kafka,kafkatopics,kafkausers -n {namespace}",
        *looking,
        "$EDITOR stacks/Pulumi.local.yaml && pulumi up -s local   # one line is one more service",
        "make test                                              # on a cluster of its own, beside this one",
        "make down                                              # removes all of it",
    ]
    console.print("\n".join(f"  {line}" for line in lines), markup=False)
