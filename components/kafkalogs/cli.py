"""The command line of the platform: ``kafkalogs COMMAND``. Each command has its own package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

try:
    from kafkalogs.doctor import command as doctor_command
    from kafkalogs.letters import command as letters_command
    from kafkalogs.plan import command as plan_command
    from kafkalogs.replay import command as replay_command
    from kafkalogs.restore import command as restore_command
except ModuleNotFoundError as missing:
    sys.exit(f"kafkalogs: {missing.name} is not installed; the command line needs: pip install 'kafkalogs[client]'")
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.client.command_line import report_error
from kafkalogs.client.settings import CatalogError
from kafkalogs.config.exit_codes import INTERRUPTED, UNREACHABLE, WRONG
from kafkalogs.replay.file import ReplayError


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands; each command's function is in ``run``."""
    top = argparse.ArgumentParser(prog="kafkalogs", description="A log aggregation platform on Kafka.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    for command in (replay_command, restore_command, letters_command, plan_command, doctor_command):
        command.add_to(commands)
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. An error that the user can correct is reported in one sentence."""
    arguments = parser().parse_args(words)
    try:
        return arguments.run(arguments)
    except (ReplayError, CatalogError) as error:
        return report_error(error, WRONG)
    except AccessError as error:
        return report_error(error, UNREACHABLE)
    except OSError as error:
        # for example, a full disk or a folder without write permission
        return report_error(f"{error.filename or 'file'}: {error.strerror or error}", WRONG)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
