"""The command ``kafkalogs plan``: the output of `pulumi preview --json` as a report for people."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from ..client.command_line import add_command
from ..config.exit_codes import PLAN_UNREADABLE
from .cost import PRICES_OF, Prices
from .preview import PlanError, read

_DESCRIPTION = f"""\
Turn the output of `pulumi preview --json` into a report for people, as Markdown: first of all what can lose data or
widen access, then what is added, changed and removed, then what the logs need on disk and in S3 and what that costs.

  pulumi preview -s prod --json | kafkalogs plan

Prices are for a GiB and a month; the defaults are AWS' list prices in us-east-1, {PRICES_OF}.
"""

_EXIT_CODES = """\
exit codes:
  0    nothing changes
  2    something changes, and nothing was found that loses data or widens access
  3    something may lose data or widen access, or the preview hides whether it does
  4    the input is not a readable preview, the arguments are wrong, or the report cannot be written
"""


class _Parser(argparse.ArgumentParser):
    """Wrong arguments exit with 4 here: argparse's exit code 2 would mean a plan with changes."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] - same method, no overloads
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Like argparse, but unknown arguments are refused here, and not by the parser of all commands."""
        known, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return known, []

    def error(self, message: str) -> NoReturn:
        """Print the error and exit."""
        self.print_usage(sys.stderr)
        self.exit(PLAN_UNREADABLE, f"{self.prog}: error: {message}\n")


def _price(text: str) -> float:
    """A price or a ratio: a number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a price; write a number like 0.08")
    return value


def run(arguments: argparse.Namespace) -> int:
    """The command ``plan``."""
    # Imported here because they load the configuration's models, which other commands do not need.
    from .report import markdown, report

    prices = Prices(**{key: getattr(arguments, key) for key in Prices.__dataclass_fields__})
    try:
        told = report(read(_text(arguments.file)), prices)
    except PlanError as error:
        print(f"kafkalogs plan: {error}", file=sys.stderr)
        return PLAN_UNREADABLE
    try:
        # UTF-8 in any terminal: other programs read the report as a file
        sys.stdout.buffer.write(markdown(told).encode())
        sys.stdout.flush()
    except OSError as error:
        # The disk is full or the reader has gone: nobody has the report, so its exit code would mislead.
        print(f"kafkalogs plan: the report cannot be written: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PLAN_UNREADABLE
    return told.exit_code


def _text(file: str) -> str:
    """The input as text. It may have a byte order mark or be UTF-16, as some shells write it."""
    name = "the input" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise PlanError(f"{name}: {error.strerror or error}") from error
    wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    try:
        return data.decode("utf-16" if wide else "utf-8").lstrip("\ufeff")
    except UnicodeDecodeError:
        raise PlanError(f"{name} is not text in UTF-8; give the output of pulumi preview --json") from None


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    summary = "a report of what `pulumi preview --json` would change"
    command = add_command(commands, "plan", summary, _DESCRIPTION, _EXIT_CODES)
    command.__class__ = _Parser
    command.add_argument("file", nargs="?", default="-", metavar="FILE", help="the preview; default: standard input")
    prices = command.add_argument_group("prices")
    defaults = Prices()
    for key, what in (
        ("disk", "of disk"),
        ("standard", "in S3 Standard"),
        ("infrequent", "in S3 Standard-IA"),
        ("instant", "in S3 Glacier Instant Retrieval"),
    ):
        text = f"price of one GiB {what} for one month (default: %(default)s)"
        prices.add_argument(
            f"--{key}-price", dest=key, type=_price, default=getattr(defaults, key), metavar="N", help=text
        )
    prices.add_argument(
        "--archive-ratio",
        type=_price,
        default=defaults.archive_ratio,
        metavar="N",
        help="bytes in the archive for each byte that producers send (default: %(default)s)",
    )
    prices.add_argument("--currency", default=defaults.currency, help="of the prices (default: %(default)s)")
    command.set_defaults(run=run)


def main(words: Sequence[str] | None = None) -> int:
    """The command alone: `python -m kafkalogs.plan.command plan`."""
    parser = argparse.ArgumentParser(prog="kafkalogs")
    add_to(parser.add_subparsers(required=True))
    arguments = parser.parse_args(words)
    return cast("int", arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
