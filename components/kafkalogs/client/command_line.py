"""What all commands of `kafkalogs` use: their declaration, the arguments of a cluster, and the report of an error."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def report_error(problem: object, code: int) -> int:
    """Print a problem in one line and return the exit code."""
    print(f"kafkalogs: {problem}", file=sys.stderr)
    return code


def add_command(commands: Any, name: str, summary: str, description: str, exit_codes: str) -> argparse.ArgumentParser:
    """Add a command. commands: what argparse's add_subparsers returned. summary: for the list of all commands."""
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=exit_codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_cluster_arguments(command: argparse.ArgumentParser, *, namespace: bool = True) -> None:
    """Add the arguments for the cluster's address and the platform's namespace."""
    group = command.add_argument_group("cluster")
    group.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, else that of `make up`")
    if namespace:
        group.add_argument("--namespace", default="kafkalogs", help="of the platform (default: %(default)s)")
    group.add_argument("--bootstrap", metavar="HOST:PORT", help="of Kafka; default: its listener for clients outside")
