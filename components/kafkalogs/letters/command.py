"""The command ``kafkalogs letters``: dead letters, listed, shown and sent again to where they come from."""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from kafkalogs.client.cluster_access import AccessError, ClusterAccess, find_kubeconfig
from kafkalogs.client.command_line import add_cluster_arguments, add_command, report_error
from kafkalogs.client.settings import CatalogError, connection
from kafkalogs.config.exit_codes import DONE, FAULTS, INTERRUPTED, UNREACHABLE
from kafkalogs.config.naming import DEAD_LETTER_PREFIX
from kafkalogs.kafka.letters_user import LETTERS
from kafkalogs.letters.box import Box, Letters, Sent
from kafkalogs.letters.letter import Letter

_EXIT_CODES = """\
exit codes:
  0    done
  1    done, but some letters cannot be sent again; the count says which and why
  2    wrong arguments, or no such dead-letter topic; nothing was sent
  3    Kubernetes or Kafka cannot be reached, or refuses; run again to go on
  130  interrupted; run again to go on
"""

_LETTERS = """\
Dead letters are records that a sink, the stream job or the pager could not process.

`list` counts them with their reasons. `show` prints them. `send` writes each letter of a topic again to the topic and
partition that it comes from, in its order, with its key and headers; the header sent-again-from names the letter. Mend
the cause first.

A letter is sent once, however often the command runs and wherever it ends: Kafka keeps the place in the same
transaction. `send` skips letters that it cannot send, says why, and does not come back to them; `list` counts them on.
--restart begins at the oldest letter: it sends all again, also those that were sent. In its topic the record is new:
also the readers that took it before read it again.
"""

_TEXT = 200
"""Characters of a value that `show` prints, unless --whole."""

console = Console(highlight=False, soft_wrap=True)


def _letters(arguments: argparse.Namespace) -> Letters:
    access = ClusterAccess(find_kubeconfig(arguments.kubeconfig), arguments.namespace)
    catalog = access.catalog()
    try:
        credentials = access.credentials(catalog.cluster, LETTERS)
    except AccessError as error:
        raise AccessError(f"{error}; `pulumi up` creates KafkaUser {LETTERS}") from error
    bootstrap = arguments.bootstrap or catalog.external or catalog.bootstrap
    return Letters(connection(bootstrap, credentials, f"kafkalogs-{LETTERS}"))


def _box(letters: Letters, topic: str) -> Box:
    topics = letters.topics()
    name = topic if topic.startswith(DEAD_LETTER_PREFIX) else f"{DEAD_LETTER_PREFIX}{topic}"
    if name not in topics:
        raise CatalogError(f"there is no dead-letter topic {name!r}; the topics are: {', '.join(topics) or 'none'}")
    return letters.box(name)


def run_list(arguments: argparse.Namespace) -> int:
    """The command ``letters list``."""
    letters = _letters(arguments)
    for topic in letters.topics():
        box = letters.box(topic)
        waiting = list(letters.read(box, everything=False)) if box.waiting else []
        times = sorted(one.at for one in waiting)
        span = f", {_time(times[0])} to {_time(times[-1])}" if times else ""
        console.print(f"{topic}: {len(waiting):,} letters to send again{span}", markup=False)
        if box.skipped:
            passed = f"  {box.skipped:,} before them were skipped by `send`, and never sent"
            console.print(f"{passed}; `show {topic} --all` prints them", markup=False)
        reasons = Counter((one.source[0] if one.source else "?", one.reason[:_TEXT]) for one in waiting)
        for (source, reason), count in reasons.most_common(10):
            console.print(f"  {count:,} of {source}: {reason}", markup=False)
    return DONE


def run_show(arguments: argparse.Namespace) -> int:
    """The command ``letters show``."""
    letters = _letters(arguments)
    box = _box(letters, arguments.topic)
    shown = 0
    for letter in letters.read(box, everything=arguments.all):
        if shown == arguments.limit:
            break
        shown += 1
        _show(letter, whole=arguments.whole)
    if not shown:
        more = "" if arguments.all else " to send again; --all shows the others"
        console.print(f"{box.topic}: no letter{more}", markup=False)
    return DONE


def _show(letter: Letter, *, whole: bool) -> None:
    source = "unknown" if letter.source is None else "/".join(map(str, letter.source))
    console.print(f"{letter.place}  {_time(letter.at)}  from {source}", markup=False)
    console.print(f"  reason: {letter.reason}", markup=False)
    if letter.key is not None:
        console.print(f"  key: {_text(letter.key, whole=whole)}", markup=False)
    for name, value in letter.headers:
        console.print(f"  header {name}: {_text(value, whole=whole)}", markup=False)
    console.print(f"  value: {_text(letter.value, whole=whole)}", markup=False)


def _text(value: bytes | None, *, whole: bool) -> str:
    """A value for a terminal: what is no printable text is escaped."""
    if value is None:
        return "none"
    text = value.decode(errors="backslashreplace")
    shown = "".join(one if one.isprintable() else repr(one)[1:-1] for one in (text if whole else text[:_TEXT]))
    return shown if whole or len(text) <= _TEXT else f"{shown}... ({len(value):,} bytes)"


def _time(at: int) -> str:
    if at < 0:
        return "at an unknown time"
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_send(arguments: argparse.Namespace) -> int:
    """The command ``letters send``."""
    letters = _letters(arguments)
    topic, done = _box(letters, arguments.topic).topic, Sent()
    problem, code = "", DONE
    try:
        letters.send(topic, done, everything=arguments.restart, limit=arguments.limit)
    except AccessError as error:
        problem, code = str(error), UNREACHABLE
    except KeyboardInterrupt:
        problem, code = "interrupted", INTERRUPTED
    skipped = sum(done.skipped.values())
    console.print(f"{topic}: {done.sent:,} letters sent again, {skipped:,} not", markup=False)
    for reason, count in sorted(done.skipped.items()):
        console.print(f"  not sent: {count:,}, {reason}", markup=False)
    if problem:
        again = "" if not arguments.restart else " without --restart"
        return report_error(f"{problem}. Run the same command again{again} to go on", code)
    return FAULTS if skipped else DONE


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count; write a number from 1")
    return int(text)


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    summary = "list, show and send dead letters again"
    own = add_command(commands, "letters", summary, _LETTERS, _EXIT_CODES)
    actions = own.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = add_command(actions, "list", "count the letters of each topic", _LETTERS, _EXIT_CODES)
    show = add_command(actions, "show", "print letters", _LETTERS, _EXIT_CODES)
    send = add_command(actions, "send", "send letters to where they come from", _LETTERS, _EXIT_CODES)
    for action, run in ((listing, run_list), (show, run_show), (send, run_send)):
        add_cluster_arguments(action)
        action.set_defaults(run=run)
    for action in (show, send):
        action.add_argument("topic", metavar="TOPIC", help="the dead-letter topic, like dlq.search or search")
    show.add_argument("--limit", type=_count, default=10, metavar="N", help="letters at most (default: %(default)s)")
    show.add_argument("--all", action="store_true", help="also letters that `send` has sent or skipped")
    show.add_argument("--whole", action="store_true", help="whole values, not their beginning")
    send.add_argument("--limit", type=_count, metavar="N", help="letters at most; all when absent")
    send.add_argument("--restart", action="store_true", help="begin at the oldest letter, whatever was sent before")
