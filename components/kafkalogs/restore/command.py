"""The command ``kafkalogs restore``: writes log events from the archive to a file, or back to Kafka."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, Message

from kafkalogs.client.cluster_access import AccessError, ClusterAccess, find_kubeconfig
from kafkalogs.client.command_line import add_cluster_arguments, add_command, report_error
from kafkalogs.client.connect import FLUSH_SECONDS, Producer, connect_as
from kafkalogs.client.settings import Catalog
from kafkalogs.config.exit_codes import DONE, FAULTS, INTERRUPTED, UNREACHABLE, WRONG
from kafkalogs.restore import archive
from kafkalogs.restore.archive import Archived, ArchiveError, Slice

_EXIT_CODES = """\
exit codes:
  0    all events of the span are written
  1    the same, but some rows of the archive are not log events; the count says how many
  2    wrong arguments or an unknown service; nothing was written
  3    the archive, Kubernetes or Kafka cannot be reached or refuses; the last line says where to go on
  130  interrupted; the last line says where to go on
"""

_RESTORE = """\
Read the log events of a service from the archive (the Iceberg table in S3), from one time to before another, and write
them to a file, one event of JSON a line (--output), or into Kafka as a service of the stack file (--into).

Each event keeps its time, trace and level, and says in its attribute restored_from which record it was; what was
restored before is left out. In Kafka it is a new record: sinks archive and index it, and the stream job counts it.

The archive is found by PyIceberg's own configuration, of the catalog kafkalogs: see docs/production.md.
"""


class Sender:
    """Writes events to Kafka and checks that all are acknowledged."""

    def __init__(self, catalog: Catalog, service: str, producer: Producer) -> None:
        self._catalog = catalog
        self._service = catalog.service(service)
        self._producer = producer
        self._error = ""

    def send(self, events: Iterable[Archived]) -> None:
        """Write events and wait until all are acknowledged. Raises AccessError."""
        for archived in events:
            name = archive.topic_of(archived, self._service)
            key = archived.event.key(self._catalog.topics[name].partition_by)
            while not self._error:
                try:
                    self._producer.produce(name, archived.value, key, on_delivery=self._delivered)
                    self._producer.poll(0)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        left = self._producer.flush(FLUSH_SECONDS)
        if self._error or left:
            raise AccessError(f"Kafka did not accept all events: {self._error or f'{left} not acknowledged in time'}")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._error = self._error or f"{message.topic()}: {error.str()}"


def run_restore(arguments: argparse.Namespace) -> int:
    """The command ``restore``."""
    if arguments.begin >= arguments.end:
        problem = f"--from {arguments.begin.isoformat()} is not before --to {arguments.end.isoformat()}"
        return report_error(problem, WRONG)
    # The archive takes attributes nested 1,000 deep, and Python reads them by as many calls.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))
    sender = _sender(arguments) if arguments.into else None
    written, broken, reached = 0, 0, arguments.begin
    try:
        table = archive.open_table(arguments.catalog, arguments.table)
        # exclusive: never overwrite an existing file
        with Path(arguments.output).open("xb") if arguments.output else nullcontext() as file:
            for part in archive.slices(table, arguments.service, arguments.begin, arguments.end):
                if sender is not None:
                    sender.send(part.events)
                if file is not None:
                    file.writelines(archived.value + b"\n" for archived in part.events)
                written, broken, reached = written + len(part.events), broken + len(part.broken), part.end
                _report_broken(part)
    except FileExistsError:
        return report_error(f"{arguments.output} already exists; name another file", WRONG)
    except (ArchiveError, AccessError, KeyboardInterrupt) as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        problem = f"{'interrupted' if interrupted else error}. {written:,} events were written"
        code = INTERRUPTED if interrupted else UNREACHABLE
        return report_error(f"{problem}; to continue, use --from {reached.isoformat()}", code)
    where = arguments.output or f"the topics of {arguments.into}"
    print(f"{arguments.service}: {written:,} events restored to {where}")
    if broken:
        return report_error(f"{broken:,} rows of the archive are not log events and were skipped", FAULTS)
    return DONE


def _sender(arguments: argparse.Namespace) -> Sender:
    access = ClusterAccess(find_kubeconfig(arguments.kubeconfig), arguments.namespace)
    catalog = access.catalog()
    topics = sorted(set(catalog.service(arguments.into).topics.values()))
    kafka = connect_as(access, catalog, arguments.into, topics, arguments.bootstrap)
    return Sender(catalog, arguments.into, kafka.producer)


def _report_broken(part: Slice) -> None:
    for place in part.broken:
        print(f"kafkalogs: {place} is not a log event", file=sys.stderr)


def _moment(text: str) -> datetime:
    """A time of RFC 3339; UTC where it says no zone."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write it like 2026-01-31T18:00Z") from None


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    summary = "log events from the archive into a file or back into Kafka"
    command = add_command(commands, "restore", summary, _RESTORE, _EXIT_CODES)
    add_cluster_arguments(command)
    command.add_argument("--service", required=True, metavar="NAME", help="whose events")
    command.add_argument("--from", dest="begin", required=True, type=_moment, metavar="TIME", help="the first moment")
    command.add_argument("--to", dest="end", required=True, type=_moment, metavar="TIME", help="the end (exclusive)")
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--output", metavar="FILE", help="a new file for them")
    where.add_argument("--into", metavar="SERVICE", help="the service that writes the events to Kafka")
    command.add_argument("--catalog", default="kafkalogs", help="of PyIceberg's configuration (default: %(default)s)")
    command.add_argument("--table", default="logs.events", help="the archive's table (default: %(default)s)")
    command.set_defaults(run=run_restore)
