"""The command line of the platform: ``kafkalogs COMMAND``. Each command is a module of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

try:
    from kafkalogs.doctor import command as doctor_command
    from kafkalogs.plan import command as plan_command
    from kafkalogs.replay import command as replay_command
    from kafkalogs.restore import command as restore_command
except ModuleNotFoundError as missing:
    sys.exit(f"kafkalogs: {missing.name} is not installed; the command line needs: pip install 'kafkalogs[client]'")
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.client.settings import CatalogError
from kafkalogs.replay.file import ReplayError

WRONG, CLUSTER, INTERRUPTED = 2, 3, 130


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands; each command's function is in ``run``."""
    top = argparse.ArgumentParser(prog="kafkalogs", description="A log aggregation platform on Kafka.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    # shared by every command that reaches a cluster
    reach = argparse.ArgumentParser(add_help=False)
    group = reach.add_argument_group("cluster")
    group.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, else that of `make up`")
    group.add_argument("--namespace", default="kafkalogs", help="of the platform (default: %(default)s)")
    group.add_argument(
        "--bootstrap", metavar="HOST:PORT", help="of Kafka; default: what the catalog names for clients outside"
    )

    replay_command.add_to(commands, reach)
    restore_command.add_to(commands, reach)
    plan_command.add_to(commands)
    doctor_command.add_to(commands, reach)
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. What a person can put right is said in one sentence."""
    arguments = parser().parse_args(words)
    try:
        return arguments.run(arguments)
    except (ReplayError, CatalogError) as error:
        return _say(str(error), WRONG)
    except AccessError as error:
        return _say(str(error), CLUSTER)
    except OSError as error:
        # a disk that is full, a folder that may not be written
        return _say(f"{error.filename or 'file'}: {error.strerror or error}", WRONG)
    except KeyboardInterrupt:
        return INTERRUPTED


def _say(problem: str, code: int) -> int:
    print(f"kafkalogs: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
