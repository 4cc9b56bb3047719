"""The report of a plan as Markdown: first changes that can lose data or widen access, then all changes, then costs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..config import units
from ..config.exit_codes import PLAN_CHANGES, PLAN_DANGERS, PLAN_UNCHANGED
from . import changes, cost, dangers
from .changes import ADDED, CHANGED, REMOVED, Change
from .cost import Costs, Need, Prices
from .findings import KINDS, Context, Danger
from .markdown import Markdown, code, table
from .preview import Preview
from .values import mapping, sequence

_MOST_ROWS: Final = 150
_MOST_NAMES: Final = 20
_MOST_SERVICES: Final = 10
_VERBS: Final = (ADDED, CHANGED, REMOVED)


@dataclass(frozen=True)
class Report:
    """The content of the report of a preview."""

    preview: Preview
    dangers: Sequence[Danger]
    changes: Sequence[Change]
    costs: Costs
    prices: Prices

    @property
    def exit_code(self) -> int:
        """The exit code, as docs/plan.md defines it."""
        if self.dangers:
            return PLAN_DANGERS
        return PLAN_CHANGES if self.changes or self.preview.steps else PLAN_UNCHANGED


def report(preview: Preview, prices: Prices) -> Report:
    """The report of a preview."""
    context = Context(preview)
    return Report(
        preview,
        dangers.find(preview, context),
        changes.find(preview, context),
        cost.find(preview, context, prices),
        prices,
    )


def markdown(told: Report) -> str:
    """The report as Markdown, ending in a newline."""
    of = f" of {code(told.preview.project)}" if told.preview.project else ""
    blocks = [f"# Plan for stack {code(told.preview.stack or 'unknown')}{of}", _verdict(told)]
    if told.dangers:
        blocks += ["## Can lose data or widen access", _dangers(told.dangers)]
    for verb in _VERBS:
        if lines := [change for change in told.changes if change.verb == verb]:
            blocks += [f"## {verb}", _changes(lines)]
    blocks += ["## Disk and S3", *_costs(told)]
    if exceptions := list(_exceptions(told.preview)):
        head = ("Rule", "Resources", "Until", "Reason")
        blocks += ["## Exceptions from the policies", table(head, exceptions)]
    return "\n\n".join(blocks) + "\n"


def _verdict(told: Report) -> str:
    counts = Counter(change.verb for change in told.changes)
    lines = ", ".join(f"{counts[verb]} {verb.lower()}" for verb in _VERBS if counts[verb])
    if told.dangers:
        several = "1 danger" if len(told.dangers) == 1 else f"{len(told.dangers)} dangers"
        return f"**Dangerous: {several}.** {f'Of the platform: {lines}.' if lines else ''}".strip()
    if told.exit_code == PLAN_UNCHANGED:
        return "**Nothing changes.**"
    found = "Nothing was found that loses data or widens access."
    return f"**Changes: {lines}.** {found}" if lines else f"**Changes in the deployment only.** {found}"


def _dangers(dangers: Sequence[Danger]) -> str:
    """One row for all resources with the same danger, so that a different row stands out."""
    alike: dict[tuple[str, ...], list[Markdown]] = {}
    for danger in dangers:
        alike.setdefault((danger.kind, danger.before, danger.after, danger.follows), []).append(danger.where)
    rows = [
        (f"**{KINDS[kind]}**", _names(where), f"{before} → {after}", follows)
        for (kind, before, after, follows), where in alike.items()
    ]
    return table(("Danger", "Where", "Before → after", "What follows"), _limited(rows))


def _names(where: Sequence[Markdown]) -> str:
    text = ", ".join(where[:_MOST_NAMES])
    count = f"{len(where)}: " if len(where) > 1 else ""
    return f"{count}{text}" + (f" and {len(where) - _MOST_NAMES:,} more" if len(where) > _MOST_NAMES else "")


def _changes(changes: Sequence[Change]) -> str:
    """One row for all equal changes."""
    alike: dict[tuple[str, str], list[Markdown]] = {}
    for one in changes:
        alike.setdefault((one.section, one.details), []).append(one.what)
    rows = [(section, _names(what), details) for (section, details), what in alike.items()]
    return table(("", "What", "Details"), _limited(rows))


def _limited(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """As many rows as a comment can hold, and the number of the rows left out."""
    yield from rows[:_MOST_ROWS]
    if len(rows) > _MOST_ROWS:
        rest = ("see the output of `pulumi preview`" for _ in rows[0][1:])
        yield (f"**{len(rows) - _MOST_ROWS:,} more rows**", *rest)


# -- costs


def _costs(told: Report) -> Iterator[str]:
    before, after, prices = told.costs.before, told.costs.after, told.prices
    if before is None or after is None:
        yield f"Not known: {code(told.costs.why or 'the preview does not show the catalog')}."
        return
    (disk, archive), (disk_after, archive_after) = before.total(), after.total()
    money = code(prices.currency)
    rows = [
        ("Disk that the logs need", *_three(disk, disk_after, _size)),
        (f"for a month, {money}", *_three(_disk_cost(disk, prices), _disk_cost(disk_after, prices), _money)),
    ]
    if archive or archive_after:
        rows += [
            ("Archive in S3, once it is full", *_three(archive, archive_after, _size)),
            (f"for a month, {money}", *_three(before.archive_cost, after.archive_cost, _money)),
        ]
    yield table(("", "Before", "After", "Difference"), rows)
    if moved := list(_moved(before, after)):
        yield table(("Service", "Disk before", "Disk after", "Archive before", "Archive after"), moved)
    yield (
        f"For a GiB and a month {prices.disk:g} {money} on disk (gp3), {prices.standard:g} in S3 Standard, "
        f"{prices.infrequent:g} in Standard-IA, {prices.instant:g} in Glacier Instant Retrieval; the defaults are AWS' "
        f"list prices in us-east-1, {cost.PRICES_OF}. Disk: rate x (retention + segment) x copies. Archive: rate "
        f"x years of the retention class x {prices.archive_ratio:g}. Rates are the declared maximum rates."
    )


def _disk_cost(size: int, prices: Prices) -> float:
    return size / units.GIB * prices.disk


def _three(before: Any, after: Any, words: Any) -> tuple[str, str, str]:
    difference = after - before
    sign = "+" if difference > 0 else "-" if difference < 0 else ""
    return words(before), words(after), f"{sign}{words(abs(difference))}"


def _size(size: float) -> str:
    return units.about(size)


def _money(amount: float) -> str:
    return f"{amount:,.2f}"


def _moved(before: Need, after: Need) -> Iterator[tuple[str, ...]]:
    """The services whose need changes, the largest difference first."""
    names = {*before.disk, *after.disk}

    def difference(name: str) -> int:
        disk = abs(after.disk.get(name, 0) - before.disk.get(name, 0))
        return disk + abs(after.archive.get(name, 0) - before.archive.get(name, 0))

    moved = sorted((name for name in names if difference(name)), key=lambda name: (-difference(name), name))
    for name in moved[:_MOST_SERVICES]:
        sizes = (need.get(name, 0) for need in (before.disk, after.disk, before.archive, after.archive))
        yield (code(name), *map(_size, sizes))
    if len(moved) > _MOST_SERVICES:
        yield (f"{len(moved) - _MOST_SERVICES:,} more", *("" for _ in range(4)))


def _exceptions(preview: Preview) -> Iterator[tuple[str, ...]]:
    """The stack file's exceptions from policies, which a reader of the plan should know."""
    for one in map(mapping, sequence(mapping(preview.config).get("exceptions"))):
        yield tuple(code(one.get(key, "")) for key in ("rule", "resource", "expires", "reason"))
