"""The space that logs need on disks and in S3, before and after, and its cost.

Disk: rate x retention x copies for each service, like `sizing.DiskNeed`. Archive: rate x years of the retention
class x `archive_ratio`, the size once the oldest logs have that age. On AWS, files move to colder storage classes as in
the platform's lifecycle rules; else all count as S3 Standard. Rates are as declared: the most a service may write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..config import units
from ..config.sizing import DiskNeed
from .findings import Catalog, Context
from .preview import Preview
from .sinks import is_archive
from .values import mapping, number

PRICES_OF: Final = "June 2026"
"""The date of the prices below: AWS' list prices in us-east-1, without tax and discounts."""

DAYS_OF_YEAR: Final = 365


@dataclass(frozen=True)
class Prices:
    """The price of one GiB for one month; all in the same currency."""

    disk: float = 0.08
    """EBS gp3, with the throughput that is included."""

    standard: float = 0.023
    """S3 Standard, the first 50 TB."""

    infrequent: float = 0.0125
    """S3 Standard-IA."""

    instant: float = 0.004
    """S3 Glacier Instant Retrieval."""

    archive_ratio: float = 1.0
    """Bytes in the archive for each byte written to Kafka. Rates count bytes that producers send, compressed with zstd;
    the archive's Parquet is compressed too. So the default is 1, until you measure your logs."""

    currency: str = "USD"

    def of_class(self, storage_class: str) -> float:
        """The price of a storage class of S3, by its name in the API."""
        known = {"STANDARD_IA": self.infrequent, "GLACIER_IR": self.instant}
        return known.get(storage_class, self.standard)


@dataclass(frozen=True)
class Need:
    """The space that the services of one catalog need."""

    disk: Mapping[str, int]
    """Bytes on all disks together, by service."""

    archive: Mapping[str, int]
    """Bytes in the archive when it is full, by service; empty without one."""

    archive_cost: float
    """The cost of the archive for one month."""

    def total(self) -> tuple[int, int]:
        """Bytes on disk and in the archive."""
        return sum(self.disk.values()), sum(self.archive.values())


@dataclass(frozen=True)
class Archive:
    """How long an archive keeps each retention class, and in which storage classes."""

    years: Mapping[str, int]
    """Years by retention class."""

    colder: Mapping[str, tuple[tuple[int, str], ...]]
    """For each class: after how many days its files move to which storage class; empty without AWS."""

    def years_of(self, retention_class: str) -> int:
        """The years of a class; a class that is not listed is kept as long as `application`."""
        return self.years.get(retention_class, self.years.get("application", 1))


@dataclass(frozen=True)
class Costs:
    """Costs before and after; None if the preview does not show them."""

    before: Need | None
    after: Need | None
    why: str = ""
    """Why `before` or `after` is not known."""


def disk_need(name: str, service: Mapping[str, Any], topics: Mapping[str, Mapping[str, Any]]) -> int:
    """Bytes that a service needs on all disks: its full rate for the longest retention of its topics."""
    rate = number(service.get("bytesPerSecond")) or 0
    mine = [topics[topic] for topic in _topics(service) if topic in topics]
    retention = max((number(topic.get("retentionMs")) or 0 for topic in mine), default=0)
    copies = max((number(topic.get("replicas")) or 0 for topic in mine), default=0)
    return DiskNeed(name, rate, retention, copies).size if mine else 0


def archive_need(
    service: Mapping[str, Any], topics: Mapping[str, Mapping[str, Any]], archive: Archive
) -> tuple[int, str]:
    """Bytes per second times seconds of the class with the longest retention, and that class: how a rate is split
    between several topics is not known."""
    classes = [str(topics[topic].get("retentionClass")) for topic in _topics(service) if topic in topics]
    if not classes:
        return 0, ""
    longest = max(classes, key=archive.years_of)
    rate = number(service.get("bytesPerSecond")) or 0
    return rate * archive.years_of(longest) * DAYS_OF_YEAR * units.DAY // units.SECOND, longest


def class_cost(size: int, days: int, moves: tuple[tuple[int, str], ...], prices: Prices) -> float:
    """The cost of `size` bytes for a month, spread evenly over ages from 0 to `days` days."""
    cost, at_day, price = 0.0, 0, prices.standard
    for day, storage_class in (*moves, (days, "")):
        until = min(day, days)
        cost += size * (until - at_day) / max(1, days) / units.GIB * price
        at_day, price = until, prices.of_class(storage_class)
    return cost


def need(catalog: Catalog, archive: Archive | None, prices: Prices) -> Need:
    """The space that the services of a catalog need."""
    disk = {name: disk_need(name, service, catalog.topics) for name, service in catalog.services.items()}
    kept: dict[str, int] = {}
    cost = 0.0
    for name, service in catalog.services.items() if archive else ():
        assert archive is not None
        size, longest = archive_need(service, catalog.topics, archive)
        kept[name] = int(size * prices.archive_ratio)
        days = archive.years_of(longest) * DAYS_OF_YEAR
        cost += class_cost(kept[name], days, archive.colder.get(longest, archive.colder.get("", ())), prices)
    return Need(disk, kept, cost)


def _topics(service: Mapping[str, Any]) -> list[str]:
    return [str(topic) for topic in mapping(service.get("topics")).values()]


def find(preview: Preview, context: Context, prices: Prices) -> Costs:
    """The costs before and after a preview."""
    archive, why = _archive(preview)
    had, has = _has_archive(preview, archive is not None)
    before = need(context.before, archive if had else None, prices) if context.before else None
    after = need(context.after, archive if has else None, prices) if context.after else None
    return Costs(before, after, context.unread or why)


def _archive(preview: Preview) -> tuple[Archive | None, str]:
    """The archive from the stack file; without one there, the default, for an archive that is deleted."""
    from ..aws import archive_layout as layout
    from ..checks.loading import load
    from ..config.problems import ConfigError

    try:
        platform = load(preview.config or {})
    except ConfigError as error:
        return None, f"this version of kafkalogs cannot read the stack's configuration: {error.problems[0]}"
    years = platform.compliance.archive_years
    colder = {**layout.COLDER, "": layout.DEFAULT_COLDER} if platform.aws else {}
    return Archive(years, colder), ""


def _has_archive(preview: Preview, known: bool) -> tuple[bool, bool]:
    """Whether there is an archive before and after: by changes of its connector; without any, by the stack file."""
    steps = [step for step in preview.steps if is_archive(step.old) or is_archive(step.new)]
    if steps:
        return any(step.old is not None for step in steps), any(step.new is not None for step in steps)
    there = known and mapping(preview.config).get("archive") is not None if preview.config else False
    return there, there
