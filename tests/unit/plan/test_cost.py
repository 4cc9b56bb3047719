"""Costs: the same disk as `sizing` says, the archive's arithmetic, and prices that can be given."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs import load
from kafkalogs.catalog import resolve as catalog
from kafkalogs.config import sizing, units
from kafkalogs.plan.cost import Archive, Prices, class_cost, find, need
from kafkalogs.plan.findings import Catalog, Context
from kafkalogs.plan.preview import read

from . import steps
from .steps import CONNECTOR, STRIMZI, step

YEAR = 365
CONFIG = {
    "environment": "local",
    "services": {
        "cart": {"team": "shop", "rate": "128KiB/s", "retention": "2h"},
        "login": {"team": "shop", "rate": "8KiB/s", "layout": "service", "types": ["application", "audit"]},
    },
    "archive": {},
}


def resolved(config: dict[str, object]) -> Catalog:
    document = catalog.document(platform := load(config), catalog.resolve(platform))
    return Catalog(document["topics"], document["services"], document["teams"])


def test_disk_is_what_the_platform_plans_for() -> None:
    platform = load(CONFIG)
    planned = {one.name: one.size for one in catalog.disk_needs(platform, catalog.topics_of(platform))}
    assert need(resolved(CONFIG), None, Prices()).disk == planned


def test_the_archive_keeps_a_service_for_the_longest_of_its_classes() -> None:
    archive = Archive({"application": 1, "audit": 7}, {})
    found = need(resolved(CONFIG), archive, Prices())
    assert found.archive == {"cart": 128 * units.KIB * YEAR * 86_400, "login": 8 * units.KIB * 7 * YEAR * 86_400}
    assert found.archive_cost == pytest.approx(sum(found.archive.values()) / units.GIB * 0.023)
    half = need(resolved(CONFIG), archive, replace(Prices(), archive_ratio=0.5, standard=0.046))
    assert half.archive_cost == pytest.approx(found.archive_cost)


def test_colder_classes_cost_what_the_days_in_them_cost() -> None:
    prices = Prices(standard=1.0, infrequent=0.5, instant=0.1)
    moves = ((30, "STANDARD_IA"), (90, "GLACIER_IR"))
    cost = class_cost(units.GIB * 365, 365, moves, prices)
    assert cost == pytest.approx(30 * 1.0 + 60 * 0.5 + 275 * 0.1)
    assert class_cost(units.GIB, 10, moves, prices) == pytest.approx(1.0)  # gone before it gets colder


@given(st.integers(0, 10**15), st.integers(1, 4000), st.lists(st.integers(1, 4000), max_size=3, unique=True))
def test_colder_is_never_dearer_and_never_free(size: int, days: int, at: list[int]) -> None:
    moves = tuple(zip(sorted(at), ("STANDARD_IA", "GLACIER_IR", "GLACIER_IR"), strict=False))
    prices = Prices()
    cost = class_cost(size, days, moves, prices)
    gib = size / units.GIB
    assert gib * prices.instant - 1e-6 <= cost <= gib * prices.standard + 1e-6


@given(
    st.integers(1, 10**9),
    st.integers(1, 10**11),
    st.integers(1, 5),
    st.sampled_from(["rate", "retention", "copies"]),
)
def test_more_of_anything_needs_no_less_disk(rate: int, retention: int, copies: int, what: str) -> None:
    def size(**more: int) -> int:
        values = {"rate": rate, "retention": retention, "copies": copies} | more
        return sizing.DiskNeed("a", values["rate"], values["retention"], values["copies"]).size

    assert size(**{what: {"rate": rate, "retention": retention, "copies": copies}[what] * 2}) >= size()


def costs(*made: steps.Json, config: dict[str, object] | None = None) -> tuple[int | None, int | None]:
    preview = read(steps.preview(*made, config=config or CONFIG))
    found = find(preview, Context(preview), Prices())
    return tuple(one.total()[1] if one else None for one in (found.before, found.after))  # type: ignore[return-value]


def test_an_archive_that_comes_or_goes_changes_the_cost() -> None:
    kind = f"{STRIMZI}KafkaConnector"
    before, after = costs(step("delete", kind, CONNECTOR, None), config={**CONFIG, "archive": {}})
    assert before
    assert after == 0
    before, after = costs(step("create", kind, None, CONNECTOR))
    assert before == 0
    assert after
    before, after = costs()
    assert before == after != 0
    assert costs(config={key: value for key, value in CONFIG.items() if key != "archive"}) == (0, 0)


def test_costs_that_are_not_known_are_not_guessed() -> None:
    assert costs(config={"services": "broken"}) == (None, None)
    report = steps.told(config={"services": "broken"})
    assert "Not known" in steps.report.markdown(report)
    assert report.exit_code == 3
