"""The command ``kafkalogs replay``: its arguments, the run, and the report."""

from __future__ import annotations

import argparse
import os
import signal
import socket
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from kafkalogs.client.cluster_access import ClusterAccess, find_kubeconfig
from kafkalogs.client.command_line import add_cluster_arguments, add_command
from kafkalogs.client.connect import Producer, connect_as
from kafkalogs.client.settings import LogType
from kafkalogs.config.exit_codes import DONE, FAULTS, INTERRUPTED, UNREACHABLE
from kafkalogs.config.levels import LEVELS
from kafkalogs.replay import sender
from kafkalogs.replay.file import LogFile, Place, ReplayState

_EXIT_CODES = """\
exit codes:
  0    every line that is not empty is acknowledged by Kafka
  1    the same, but some lines were rejected; the count says which and why
  2    wrong arguments, an unknown service, or a file that cannot be replayed; nothing was sent
  3    Kubernetes or Kafka cannot be reached, or refuses; run again to go on
  130  interrupted; run again to go on
"""

_REPLAY = """\
Send a text log to a service's topic: one line is one log event, its message the line.

The level is read from the line: a syslog priority, a level's name (WARN, [error], level=error), the status of an HTTP
access line; else info. The time is read from known formats at the line's beginning, as UTC where it has no zone; else
it is now. Attributes name the file and the line's number (source_file, source_line) and the time as it was written
(source_time). Empty lines, lines that are not UTF-8 or hold NUL bytes, and lines too long for the topic are rejected
and counted.

An interrupted replay goes on where it stopped and sends nothing twice. After a kill or an error, lines that Kafka
acknowledged behind the last saved place may be sent again; they have the same trace_id. A replay to a recreated topic
starts at line 1.
"""

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def state_folder(given: str | None, kubeconfig: Path) -> Path:
    """The folder of replay states: as given, else beside `make up`'s cluster, else the user's state folder (XDG)."""
    if given:
        return Path(given)
    if (kubeconfig.parent / "machine.json").exists():
        return kubeconfig.parent / "replay"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "kafkalogs" / "replay"


def run_replay(arguments: argparse.Namespace) -> int:
    """The command ``replay``."""
    file = LogFile(Path(arguments.file))
    try:
        kubeconfig = find_kubeconfig(arguments.kubeconfig)
        access = ClusterAccess(kubeconfig, arguments.namespace)
        catalog = access.catalog()
        to = sender.Destination(
            catalog, arguments.service, arguments.type, arguments.level, arguments.instance or socket.gethostname()
        )
        kafka = connect_as(access, catalog, arguments.service, to.topics, arguments.bootstrap)
        target = "\0".join([arguments.service, to.type, *(kafka.topic_ids[topic] for topic in to.topics)])
        state = ReplayState(state_folder(arguments.state, kubeconfig), file, target)
        with state.held():
            return _send(file, state, to, kafka.producer, restart=arguments.restart)
    finally:
        file.close()


def _send(file: LogFile, state: ReplayState, to: sender.Destination, producer: Producer, *, restart: bool) -> int:
    if restart:
        state.forget()
    place, anew = state.load()
    if anew:
        console.print(f"Starting at line 1: {anew}.")
    if place.offset >= file.size:
        said = f"No new lines in {file.path}: {_totals(place)} in earlier runs. --restart sends all lines again."
        console.print(said, markup=False)
        return FAULTS if _faulty(place.rejected) else DONE
    if place.line:
        console.print(f"Continuing after line {place.line:,}.")
    run = sender.Replay(file, state, place, to, producer)
    before = place.line

    def stop(number: int, frame: object) -> None:
        # A second signal ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        run.stop()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _bar() as bar:
            task = bar.add_task(file.path.name, total=file.size, completed=place.offset)
            result = run.run(lambda offset: bar.update(task, completed=offset))
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return _report(file, to, result, went_on=before > 0)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def _report(file: LogFile, to: sender.Destination, result: sender.Result, *, went_on: bool) -> int:
    topics = ", ".join(to.topics)
    console.print(
        f"{file.path} to {topics} as {to.service}: {result.read:,} lines read, {result.sent:,} sent, "
        f"{sum(result.rejected.values()):,} rejected, {result.unacknowledged:,} not acknowledged",
        markup=False,
    )
    for reason, count in sorted(result.rejected.items()):
        console.print(f"  rejected: {count:,} {reason} (first: line {result.first_rejected[reason]:,})", markup=False)
    if went_on:
        console.print(f"All runs together: {_totals(result.place)}.", markup=False)
    if result.error:
        errors.print(f"kafkalogs: Kafka did not accept all lines: {result.error}. {_GO_ON}", markup=False)
        return UNREACHABLE
    if result.interrupted:
        errors.print(f"kafkalogs: interrupted after line {result.place.line:,}. {_GO_ON}", markup=False)
        return INTERRUPTED
    return FAULTS if _faulty(result.place.rejected) else DONE


_GO_ON = "To continue, run the same command again."


def _faulty(rejected: dict[str, int]) -> bool:
    return any(count for reason, count in rejected.items() if reason != sender.EMPTY)


def _totals(place: Place) -> str:
    return f"{place.line:,} lines read, {place.delivered:,} sent, {sum(place.rejected.values()):,} rejected"


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    command = add_command(commands, "replay", "send a text log file to a service's topic", _REPLAY, _EXIT_CODES)
    add_cluster_arguments(command)
    command.add_argument("file", metavar="FILE", help="a text log in UTF-8")
    command.add_argument("--service", required=True, metavar="NAME", help="whose log it is; its certificate is used")
    command.add_argument(
        "--type", choices=get_args(LogType), help="default: application if the service writes it, else its first type"
    )
    command.add_argument("--level", choices=LEVELS, help="of all lines; default: read from each line")
    command.add_argument("--instance", metavar="NAME", help="who wrote the log (default: this host)")
    command.add_argument("--restart", action="store_true", help="begin at line 1, even if lines were sent before")
    command.add_argument(
        "--state",
        metavar="FOLDER",
        help="where places are kept; default: beside the kubeconfig of `make up`, else ~/.local/state",
    )
    command.set_defaults(run=run_replay)
