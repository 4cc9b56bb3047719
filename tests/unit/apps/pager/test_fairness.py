"""One service's flood delays no other service's page, and a wrong routing key loses nothing."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pager.pager as loop
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pager import alert
from pager.incidents import SHARE, Book, Record

from .harness import Harness
from .world import KEY, OTHER_KEY, Broker, event


@pytest.fixture
def pager(tmp_path: Path) -> Harness:
    return Harness(tmp_path, Broker(partitions=1), PAGER_QUIET="100000")


def flood(count: int, service: str = "checkout-service", size: int = 0) -> list[bytes]:
    return [event(service, f"e{n}", "x" * size or "failed") for n in range(count)]


def test_six_thousand_errors_of_one_service_delay_no_other_service(pager: Harness):
    pager.broker.append(*flood(6000), event("payment-service", "disk"))
    pager.until(lambda: "payment-service/disk" in pager.open(), 20)
    assert pager.book.waiting > 5900, "the flood has only begun to be told"
    pager.until(lambda: pager.book.waiting < 5800, 300)
    for n in range(5):
        pager.broker.append(event("auth-service", f"late{n}"))
        pager.until(lambda n=n: f"auth-service/late{n}" in pager.open(), 5)
    assert pager.broker.committed.get(0, 0) < 6000, "no offset behind an error that nobody was told of"


def test_all_of_a_flood_is_told_and_then_committed(pager: Harness):
    pager.broker.append(*flood(60), event("payment-service", "disk"))
    seen: list[int] = []
    while pager.broker.committed.get(0, 0) < 61:
        told = pager.open()
        committed = pager.broker.committed.get(0, 0)
        assert all(f"checkout-service/e{n}" in told for n in range(min(committed, 60)))
        seen.append(committed)
        pager.turns()
        assert len(seen) < 1000
    assert len(pager.open()) == 61


def test_repeats_and_ends_of_a_service_are_told_during_the_flood_of_another(tmp_path: Path):
    pager = Harness(tmp_path, Broker(partitions=2), PAGER_QUIET="60", PAGER_UPDATE="20")
    pager.broker.append(event("payment-service", "disk"), partition=1)
    pager.turns(8)
    pager.broker.append(*flood(3000))
    pager.broker.append(event("payment-service", "disk"), partition=1)
    pager.until(lambda: pager.open()["payment-service/disk"] == 2, 30)
    pager.until(lambda: "payment-service/disk" not in pager.open(), 90)
    assert pager.book.waiting > 2000


def test_a_service_whose_events_are_refused_takes_no_others_turn(pager: Harness):
    pager.line.fate = lambda: "400" if pager.line.sent[-1]["dedup_key"].startswith("checkout") else None
    pager.broker.append(*flood(300))
    for n in range(20):
        pager.broker.append(event("payment-service", f"p{n}"))
    pager.until(lambda: len(pager.open()) == 20, 45)
    assert len(pager.dead()) < 100


def test_a_flood_beyond_its_share_of_memory_is_one_incident_and_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loop, "MOST_HELD", 400_000)
    pager = Harness(tmp_path, Broker(partitions=1), PAGER_QUIET="100000", PAGER_UPDATE="20")
    pager.book._share = 100_000
    # more than may be held of all services together
    pager.broker.append(*flood(2000, size=1000), event("payment-service", "disk"))
    pager.until(lambda: "payment-service/disk" in pager.open(), 60)
    pager.until(lambda: "checkout-service/" in pager.open(), 20)
    assert pager.book.held_bytes < 200_000
    storm = next(a for a in pager.alerts.all() if a["dedup_key"] == "checkout-service/")
    assert storm["payload"]["summary"].startswith("checkout-service: many different errors at once, the newest is: xx")
    pager.until(lambda: told(pager) == 2001, 600)
    pager.until(lambda: pager.broker.committed == {0: 2001}, 20)
    assert pager.book.held_bytes == 0


def test_the_shares_of_some_services_fit_into_what_is_held():
    assert 4 * SHARE <= loop.MOST_HELD


def told(pager: Harness) -> int:
    return sum(pager.open().values())


def test_what_a_storm_counted_is_not_counted_again_after_a_restart(tmp_path: Path):
    pager = Harness(tmp_path, Broker(partitions=1), PAGER_QUIET="100000", PAGER_UPDATE="5")
    pager.book._share = 20_000
    pager.line.fate = lambda: "500" if "payment" in pager.line.sent[-1]["dedup_key"] else None
    # the first record is told last: no offset is committed, and all is read again
    pager.broker.append(event("payment-service", "disk"), *flood(200, size=200))
    pager.until(lambda: told(pager) == 200, 300)
    pager.turns(8)
    assert pager.broker.committed.get(0, 0) == 0
    before = pager.open()
    pager.start()
    pager.book._share = 20_000
    pager.turns(200)
    assert pager.open() == before
    pager.line.fate = lambda: None
    pager.until(lambda: pager.open() == {**before, "payment-service/disk": 1}, 120)
    pager.until(lambda: pager.broker.committed == {0: 201}, 10)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=150),
    st.integers(500, 5000),
    st.lists(st.sampled_from(["accepted", "failed"]), max_size=300),
)
def test_no_service_waits_for_more_than_one_event_of_each_other(
    records: list[tuple[int, int]], share: int, fates: list[str]
):
    """The law: between two events of a service that has something to tell, each other service has at most one."""
    book = Book(1000, 1000, share)
    for offset, (service, kind) in enumerate(records):
        value = event(f"s{service}", f"e{kind}")
        book.take(Record(0, offset, None, value), alert.parse(value), 0.0)
    services = {f"s{service}" for service, _ in records}
    since: dict[str, Counter[str]] = {service: Counter() for service in services}
    for fate in itertools.chain(fates, itertools.repeat("accepted")):
        found = book.next(1.0, {})
        if found is None:
            break
        action, incident = found
        waiting = {incident.service} | {book._incidents[key].service for key in book._turns.waiting()}
        for service in waiting - {incident.service}:
            since[service][incident.service] += 1
            assert since[service][incident.service] <= 1
        since[incident.service].clear()
        held = min((record.offset for key in book._turns.waiting() for record in book._incidents[key].held), default=0)
        assert book.committable({0: len(records)})[0] == held
        book.accepted(action, incident, 1.0, "") if fate == "accepted" else book.failed(incident)
    assert book.committable({0: len(records)}) == {0: len(records)}
    assert book.held_bytes == 0
    assert sum(incident.records for incident in book._incidents.values()) == len(records)


def test_a_wrong_routing_key_loses_nothing_and_is_shown(pager: Harness, capsys: pytest.CaptureFixture[str]):
    pager.settings.routing_key.write_text(OTHER_KEY)
    pager.broker.append(*flood(5), event("payment-service", "disk"))
    pager.turns(400)
    assert pager.dead() == []
    assert pager.broker.committed.get(0, 0) == 0
    assert pager.pager.fault.startswith("PagerDuty refuses the routing key: 400 ")
    assert pager.pager.stuck == "", "an end of the process would mend nothing"
    assert pager.metrics.get("pager_ready") == 0
    assert pager.metrics.get("pager_dead_letters_total", reason="rejected") == 0
    assert pager.metrics.get("pager_retries_total", reason="key") >= 3
    assert "PagerDuty did not take an event: key" in capsys.readouterr().out
    pager.start()
    pager.turns(8)
    pager.settings.routing_key.write_text(KEY)
    pager.turns(2)
    assert len(pager.open()) > 0, "another key is tried at once"
    pager.until(lambda: len(pager.open()) == 6, 10)
    pager.until(lambda: pager.broker.committed == {0: 6}, 5)
    assert pager.pager.fault == ""
    assert OTHER_KEY not in capsys.readouterr().out


def test_a_key_that_is_withdrawn_keeps_repeats_and_ends(tmp_path: Path):
    pager = Harness(tmp_path, Broker(partitions=1), PAGER_QUIET="60", PAGER_UPDATE="20")
    pager.broker.append(*flood(1))
    pager.turns(8)
    pager.alerts._keys = lambda: set()
    pager.broker.append(*flood(1))
    pager.turns(600)
    assert pager.dead() == []
    assert pager.open() == {"checkout-service/e0": 1}
    assert "refuses the routing key" in pager.pager.fault
    pager.alerts._keys = lambda: {KEY}
    pager.until(lambda: pager.open() == {}, 120)
    (known,) = pager.alerts.all()
    assert known["payload"]["custom_details"]["records"] == 2
    assert pager.broker.committed == {0: 2}
