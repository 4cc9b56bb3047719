"""The command ``kafkalogs doctor``: a report for people, or JSON for programs."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kafkalogs.client.cluster_access import ClusterAccess, find_kubeconfig
from kafkalogs.client.command_line import add_cluster_arguments, add_command, report_error
from kafkalogs.config.exit_codes import DONE, FAULTS, WRONG
from kafkalogs.doctor.findings import FAMILIES, Finding, Report, as_json, some

if TYPE_CHECKING:
    from kafkalogs.config.models import Platform

_EXIT_CODES = """\
exit codes:
  0  everything runs as declared
  1  something does not; the findings say what
  2  wrong arguments, an unknown stack, or a stack file with problems; nothing was checked
  3  Kubernetes or Kafka cannot be reached or refuses, or a certificate that the doctor connects with has expired
"""

_DOCTOR = """\
Compare what runs with what a stack file declares. Nothing is changed.

The doctor checks topics and replicas, users, rights and quotas (also those that nobody declared), listeners,
certificates, schemas, connectors, the Flink job, consumers, dead letters, disks and pods. Each finding names
the thing, what is declared, what was seen, and the remedy.

It connects to Kafka as KafkaUser doctor, which may see everything and read no record, and to Kubernetes as the user of
the kubeconfig.
"""

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class StackError(Exception):
    """A stack file that cannot be used. Its text says what to do."""


def read_stack(stack: str, file: str | None) -> dict[str, Any]:
    """The platform's configuration in a stack file. Raises StackError."""
    import yaml

    path = Path(file) if file else Path("stacks") / f"Pulumi.{stack}.yaml"
    try:
        document: Any = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        there = sorted(one.name.split(".")[1] for one in path.parent.glob("Pulumi.*.yaml"))
        known = (
            f"the stacks there are {', '.join(there)}" if there else "run it in the project's folder, or name --file"
        )
        raise StackError(f"there is no stack file {path}; {known}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise StackError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return cast("dict[str, Any]", document["config"]["kafkalogs:platform"])
    except (KeyError, TypeError) as error:
        raise StackError(f"{path} has no config with kafkalogs:platform; write the platform below it") from error


def load_stack(stack: str, file: str | None) -> Platform:
    """The configuration of a stack. Raises StackError with all its problems."""
    from kafkalogs.checks.loading import load
    from kafkalogs.config.problems import ConfigError

    try:
        return load(read_stack(stack, file))
    except ConfigError as error:
        raise StackError(str(error)) from error


def run_doctor(arguments: argparse.Namespace) -> int:
    """The command ``doctor``."""
    try:
        platform = load_stack(arguments.stack, arguments.file)
    except StackError as error:
        return report_error(error, WRONG)
    if arguments.role:
        return _print_role(platform)
    from kafkalogs.doctor.examine import examine

    threading.excepthook = _overlook
    access = ClusterAccess(find_kubeconfig(arguments.kubeconfig), platform.namespace)
    with errors.status("looking at Kubernetes") as status:

        def tell(what: str) -> None:
            status.update(f"looking at {what}")

        report = examine(access, platform, arguments.stack, arguments.bootstrap, tell)
    if arguments.json:
        print(as_json(report))
    else:
        show(report, console)
    return FAULTS if report.findings else DONE


def _print_role(platform: Platform) -> int:
    import yaml

    from kafkalogs.doctor.declared import declared
    from kafkalogs.doctor.rights import role

    print(yaml.safe_dump(role(declared(platform)), sort_keys=False), end="")
    return DONE


def _overlook(thread: threading.ExceptHookArgs) -> None:
    """Hide the traceback of a failed port-forward; its user gets the error too. The Kubernetes client has a thread for
    each port-forward, and that thread fails when the other side closes first."""
    forward = thread.thread is not None and thread.thread.name.startswith("Kubernetes port forward")
    if not (forward and isinstance(thread.exc_value, OSError)):
        threading.__excepthook__(thread)


def show(report: Report, to: Console) -> None:
    """The report for people: what was compared, then each finding."""
    table = Table("", "checked", "findings", title=f"{report.cluster} in {report.namespace}, stack {report.stack}")
    table.title_justify = "left"
    for one in report.checked:
        said = f"[red]{len(one.findings)}[/red]" if one.findings else "[green]none[/green]"
        if one.skipped:
            said = f"[yellow]skipped: {escape(one.skipped)}[/yellow]"
        table.add_row(FAMILIES[one.family], str(one.count), said)
    to.print(table)
    if not report.findings:
        to.print("[green]Everything runs as declared.[/green]")
        return
    found = Table("what", "declared", "seen", "remedy", title=_counted(len(report.findings)), title_justify="left")
    for column in found.columns:
        column.overflow = "fold"
    for family in FAMILIES:
        for whats, finding in _alike([one for of, one in report.findings if of == family]):
            cells = (some(whats), finding.declared, finding.seen, finding.remedy)
            found.add_row(*(escape(cell) for cell in cells))
        found.add_section()
    to.print(found)


def _alike(findings: Sequence[Finding]) -> list[tuple[list[str], Finding]]:
    """Groups of findings that differ only in the thing: the things, and one finding for all of them."""
    found: dict[tuple[str, ...], tuple[list[str], Finding]] = {}
    for one in findings:
        key = (one.rule, one.declared, one.seen, one.remedy)
        found.setdefault(key, ([], one))[0].append(one.what)
    return list(found.values())


def _counted(count: int) -> str:
    return f"{count} finding{'' if count == 1 else 's'}"


def add_to(commands: Any) -> None:
    """Add the command to the command line. The stack file names the namespace."""
    summary = "compare what runs with what a stack file declares"
    command = add_command(commands, "doctor", summary, _DOCTOR, _EXIT_CODES)
    add_cluster_arguments(command, namespace=False)
    command.add_argument("-s", "--stack", required=True, metavar="STACK", help="the stack, like local")
    command.add_argument("--file", metavar="FILE", help="its stack file (default: stacks/Pulumi.STACK.yaml)")
    command.add_argument("--role", action="store_true", help="only print the Role that the doctor needs in Kubernetes")
    command.add_argument("--json", action="store_true", help="for machines; docs/doctor.md describes the shape")
    command.set_defaults(run=run_doctor)
