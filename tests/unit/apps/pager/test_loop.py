"""Nothing is lost, whatever fails: the whole pager on a fake of Kafka, at confluent-kafka's boundary only."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pager.pager as loop
import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pagerduty.alerts import fingerprint

from .harness import Crash, Harness
from .world import KEY, OTHER_KEY, Broker, event


@pytest.fixture
def pager(tmp_path: Path) -> Harness:
    return Harness(tmp_path)


def errors(*kinds: str) -> list[bytes]:
    return [event(error=kind) for kind in kinds]


def test_an_incident_from_its_first_record_to_its_end(pager: Harness):
    pager.broker.append(*errors("timeout"))
    pager.turns(1)
    assert pager.open() == {"checkout-service/timeout": 1}
    pager.turns(8)
    pager.broker.append(event(error="timeout", message="again"), event(error="timeout", message="newest"))
    pager.turns(8)
    assert len(pager.line.sent) == 1, "repeats wait for the next update"
    pager.until(lambda: pager.open() == {"checkout-service/timeout": 3}, 20)
    pager.until(lambda: pager.open() == {}, 75)
    assert [sent["event_action"] for sent in pager.line.sent] == ["trigger", "trigger", "resolve"]
    details = pager.line.sent[1]["payload"]["custom_details"]
    assert (details["records"], details["records_since_last_event"]) == (3, 2)
    assert details["message"] == "newest"
    assert pager.broker.committed == {0: 3, 1: 0}
    pager.until(lambda: pager.broker.state() == {}, 5)
    kept = len(pager.broker.written["pager.state"])
    pager.turns(40)
    assert len(pager.broker.written["pager.state"]) == kept < 6, "only what changed is kept again"
    assert pager.metrics.get("pager_suppressed_total") == 2
    pager.broker.append(*errors("timeout"))
    pager.until(lambda: pager.open() == {"checkout-service/timeout": 1}, 5)
    assert len(pager.alerts.all()) == 2, "after its end it is a new one"


def test_a_clock_that_is_ahead_does_not_hide_when_somebody_was_paged_last(pager: Harness):
    pager.broker.append(event(error="timeout", timestamp="2099-01-01T00:00:00Z"))
    pager.until(lambda: pager.open() == {"checkout-service/timeout": 1}, 5)
    assert 0 < pager.metrics.get("pager_newest_sent_timestamp_seconds") <= pager.clock.now
    assert pager.line.sent[0]["payload"]["timestamp"].startswith("2099-01-01T00:00:00")


def test_repeats_are_told_before_the_end_also_when_no_update_was_due(tmp_path: Path):
    pager = Harness(tmp_path, PAGER_UPDATE="1000")
    pager.broker.append(*errors("timeout", "timeout", "disk"))
    pager.turns(2)
    pager.broker.append(*errors("timeout"))
    pager.until(lambda: not pager.open(), 70)
    assert {a["dedup_key"]: a["payload"]["custom_details"]["records"] for a in pager.alerts.all()} == {
        "checkout-service/timeout": 3,
        "checkout-service/disk": 1,
    }


def test_no_offset_is_committed_before_acceptance(pager: Harness):
    pager.broker.append(*errors("a", "b", "c"))
    fates = iter(["500", "refuse", "503", "lose", "500", None, "500"])
    pager.line.fate = lambda: next(fates, None)
    seen = set()
    for _ in range(400):
        pager.turns()
        known = {json.loads(value)["attributes"]["error_class"] for value in pager.broker.log[0]}
        accepted = {alert["dedup_key"].split("/")[1] for alert in pager.alerts.all()}
        committed = pager.broker.committed.get(0, 0)
        assert all("abc"[offset] in accepted for offset in range(committed))
        seen.add(committed)
    assert seen >= {0, 3}
    assert accepted == known
    assert len(pager.alerts.all()) == 3
    assert pager.metrics.get("pager_retries_total", reason="5xx") == 4
    assert pager.metrics.get("pager_retries_total", reason="network") == 2


def test_while_one_is_not_taken_others_are(pager: Harness):
    pager.broker.append(*errors("poison", "fine"))
    pager.line.fate = lambda: "500" if "poison" in pager.line.sent[-1]["dedup_key"] else None
    pager.until(lambda: pager.open() == {"checkout-service/fine": 1}, 10)
    pager.turns(40)
    assert pager.broker.committed.get(0, 0) == 0, "it is behind one that is not taken"
    pager.until(lambda: pager.metrics.get("pager_retries_total", reason="5xx") >= 5)
    pager.turns(400)
    assert pager.open() == {"checkout-service/fine": 1}, "with records that are not committed nothing is resolved"
    pager.start()
    pager.line.fate = lambda: None
    pager.until(lambda: len(pager.open()) == 2)
    pager.until(lambda: pager.broker.committed[0] == 2, 5)
    assert len(pager.alerts.all()) == 2


def test_records_that_are_read_again_are_not_counted_again(pager: Harness):
    pager.broker.append(*errors("poison", "fine", "fine"))
    pager.line.fate = lambda: "500" if "poison" in pager.line.sent[-1]["dedup_key"] else None
    pager.turns(8)
    pager.broker.append(*errors("fine"))
    pager.turns(8)
    assert pager.broker.committed[0] == 0
    pager.start()
    pager.line.fate = lambda: None
    pager.until(lambda: pager.open() == {"checkout-service/poison": 1, "checkout-service/fine": 3}, 30)
    pager.turns(100)
    assert pager.open() == {"checkout-service/poison": 1, "checkout-service/fine": 3}


def test_after_a_429_it_waits(tmp_path: Path):
    pager = Harness(tmp_path, PAGER_THROTTLED="60")
    pager.broker.append(*errors("a"))
    pager.line.fate = lambda: "429" if len(pager.line.sent) == 1 else None
    pager.turns(200)
    assert len(pager.line.sent) == 1
    pager.until(lambda: pager.open() == {"checkout-service/a": 1}, 121)
    pager.turns(8)
    assert pager.broker.committed == {0: 1, 1: 0}


def test_what_pagerduty_rejects_is_a_dead_letter_and_never_sent_again(pager: Harness):
    pager.broker.append(*errors("bad", "good", "bad"))
    pager.line.fate = lambda: "400" if pager.line.sent[-1]["dedup_key"].endswith("/bad") else None
    pager.turns(20)
    assert pager.open() == {"checkout-service/good": 1}
    assert [value for value, _ in pager.dead()] == errors("bad", "bad"), "each of its records"
    headers = pager.dead()[1][1]
    assert headers["kafkalogs.reason"] == b"rejected"
    assert headers["kafkalogs.detail"].startswith(b'400 {"status": "invalid event"')
    assert (headers["kafkalogs.topic"], headers["kafkalogs.partition"], headers["kafkalogs.offset"]) == (
        b"errors.critical", b"0", b"2",
    )  # fmt: skip
    assert len(pager.line.sent) == 2
    assert pager.broker.committed[0] == 3
    # for the dead letters were written first
    assert pager.broker.happened.index("commit 0:3") > max(
        n for n, what in enumerate(pager.broker.happened) if what == "write dlq.pager"
    )


def test_an_update_that_is_rejected_is_a_dead_letter_too(pager: Harness):
    pager.broker.append(*errors("a"))
    pager.turns(4)
    pager.line.fate = lambda: "400"
    pager.broker.append(*errors("a", "a"))
    pager.until(lambda: bool(pager.dead()), 30)
    (value, headers), = pager.dead()  # fmt: skip
    assert value is not None
    told = json.loads(value)
    assert told["payload"]["custom_details"]["records_since_last_event"] == 2
    assert "routing_key" not in told
    assert headers["kafkalogs.reason"] == b"rejected"
    pager.line.fate = lambda: None
    pager.broker.append(*errors("a"))
    pager.turns(2)
    assert pager.line.sent[-1]["payload"]["custom_details"]["records"] == 1, "it begins anew"


def test_malformed_records_are_dead_letters_and_block_nothing(pager: Harness):
    bad = [b"text", None, b"\xff\xfe", b"{}", b"[" * 100_000, event(level="loud"), b"x" * 900_000]
    pager.broker.append(*bad)
    pager.broker.append(*errors("a"))
    pager.turns(8)
    assert pager.open() == {"checkout-service/a": 1}
    assert [value for value, _ in pager.dead()] == bad
    assert {headers["kafkalogs.reason"] for _, headers in pager.dead()} == {b"malformed"}
    assert pager.broker.committed[0] == len(bad) + 1
    assert pager.metrics.get("pager_dead_letters_total", reason="malformed") == len(bad)


@pytest.mark.parametrize("topic", ["dlq.pager", "pager.state"])
def test_without_its_own_topics_it_pages_but_commits_nothing(pager: Harness, topic: str):
    pager.broker.refuses.add(topic)
    pager.broker.append(b"bad", *errors("a"))
    pager.turns(20)
    assert pager.open() == {"checkout-service/a": 1}
    assert pager.broker.committed == {}
    pager.broker.refuses.clear()
    pager.turns(8)
    assert pager.broker.committed == {0: 2, 1: 0}
    assert b"bad" in [value for value, _ in pager.dead()]
    assert list(pager.broker.state()) == ["checkout-service/a"]


def test_a_commit_that_fails_is_made_later(pager: Harness):
    pager.broker.refuses.add("commit")
    pager.broker.append(*errors("a"))
    pager.turns(300)
    assert pager.open() == {"checkout-service/a": 1}, "not resolved: its record would be read again"
    pager.broker.refuses.clear()
    pager.turns(8)
    assert pager.broker.committed == {0: 1, 1: 0}
    pager.until(lambda: pager.open() == {}, 30)


def test_the_end_of_a_transaction_is_committed_too(pager: Harness):
    pager.broker.append(*errors("a"))
    pager.broker.marks[0] = 1
    pager.turns(8)
    assert pager.broker.committed == {0: 2, 1: 0}
    pager.until(lambda: not pager.open(), 70)


def test_nothing_is_resolved_unless_all_is_read(pager: Harness):
    pager.broker.append(*errors("a"))
    pager.turns(8)
    pager.broker.marks[1] = 5  # records that it has not seen, of the other partition
    pager.turns(400)
    assert pager.open() == {"checkout-service/a": 1}
    pager.broker.marks[1] = 0
    pager.broker.refuses.add("admin")
    pager.turns(100)
    assert pager.open() == {"checkout-service/a": 1}, "not known"
    pager.broker.refuses.clear()
    pager.consumer.take([1])
    pager.turns(100)
    assert pager.open() == {"checkout-service/a": 1}, "a part of the topic is another's"
    pager.consumer.give([1])
    pager.until(lambda: not pager.open(), 10)


def test_an_open_incident_survives_a_restart_and_is_resolved(pager: Harness):
    pager.broker.append(*errors("a", "a"))
    pager.turns(8)
    pager.broker.append(*errors("a"))
    pager.turns(8)
    pager.start()
    pager.turns(1)
    assert pager.book.open == 1
    pager.broker.append(*errors("a"))
    pager.until(lambda: pager.open() == {"checkout-service/a": 4}, 30)
    pager.start()
    pager.until(lambda: not pager.open(), 90)
    pager.turns(8)
    pager.start()
    assert pager.book.open == 0
    assert len(pager.alerts.all()) == 1


def test_what_was_quiet_while_nobody_looked_is_resolved_only_after_the_backlog(pager: Harness):
    pager.broker.append(*errors("a", "b"))
    pager.turns(8)
    pager.clock.now += 3600
    pager.broker.append(*errors("a"))
    pager.start()
    pager.until(lambda: pager.open() == {"checkout-service/a": 2}, 10)
    assert len(pager.alerts.all()) == 2


def test_a_state_that_is_not_understood_is_said_and_left(pager: Harness, capsys: pytest.CaptureFixture[str]):
    for state in (b"text", b"[]", b'{"payload": 1}', b"{}"):
        pager.broker.written["pager.state"].append((b"old/one", state, {}))
        pager.start()
        assert pager.book.open == 0
    assert "not understood: resolve it by hand" in capsys.readouterr().out


def test_partitions_that_go_are_committed_first_and_their_records_left_to_others(pager: Harness):
    pager.broker.append(*errors("a"), partition=0)
    pager.turns(2)
    pager.broker.append(*errors("b"), partition=0)
    pager.broker.append(*errors("b", "c"), partition=1)
    pager.line.fate = lambda: "500"
    pager.turns(2)
    pager.consumer.take([0])
    pager.turns(8)
    assert pager.broker.committed == {0: 1, 1: 0}
    pager.line.fate = lambda: None
    pager.until(lambda: len(pager.open()) == 3)
    assert pager.open() == {"checkout-service/a": 1, "checkout-service/b": 1, "checkout-service/c": 1}
    pager.turns(8)
    assert pager.broker.committed == {0: 1, 1: 2}, "no commit for what is another's"
    pager.consumer.give([0])
    pager.until(lambda: pager.broker.committed == {0: 2, 1: 2}, 10)
    pager.until(lambda: pager.open()["checkout-service/b"] == 2, 30)


def test_what_is_done_is_committed_before_a_partition_goes(pager: Harness):
    pager.turns(8)
    pager.broker.append(*errors("a"))
    pager.pager.save()
    pager.turns(1, seconds=0.1)
    assert (pager.open(), pager.broker.committed) == ({"checkout-service/a": 1}, {0: 0, 1: 0})
    pager.consumer.take([0])
    pager.turns(1, seconds=0.1)
    assert pager.broker.committed == {0: 1, 1: 0}


def test_a_record_whose_partition_goes_while_others_are_fetched_is_anothers(pager: Harness):
    pager.turns(8)
    poll = pager.consumer.poll

    def once(seconds: float) -> object:
        message = poll(seconds)
        pager.consumer.poll = poll  # type: ignore[method-assign]
        pager.consumer.take([0])
        return message

    pager.consumer.poll = once  # type: ignore[assignment,method-assign]
    pager.broker.append(*errors("a", "b"))
    pager.turns(8)
    assert pager.line.sent == []
    assert pager.stream.ends == {1: 0}
    pager.consumer.give([0])
    pager.turns(8)
    assert len(pager.open()) == 2


def test_what_others_committed_meanwhile_is_not_taken_for_ours(pager: Harness):
    pager.broker.append(*errors("a"))
    pager.turns(8)
    pager.consumer.take([0])
    pager.turns(1)
    pager.broker.committed[0] = 0  # rewound
    pager.consumer.give([0])
    pager.turns(8)
    assert pager.broker.committed == {0: 1, 1: 0}


def test_lost_partitions_are_not_committed(pager: Harness):
    pager.broker.append(*errors("a"))
    pager.line.fate = lambda: "500"
    pager.turns(2)
    pager.consumer.take([0, 1], lost=True)
    pager.turns(8)
    assert pager.broker.committed.get(0, 0) == 0
    assert pager.book.waiting == 0
    assert pager.pager.fault == "no partition is assigned yet"


def test_reading_stops_while_too_much_waits(pager: Harness, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop, "MOST_HELD", 2000)
    pager.line.fate = lambda: "500"
    pager.broker.append(*(event(error=f"e{n}") for n in range(600)))
    pager.turns(4)
    assert pager.consumer.paused
    held = pager.book.held_bytes
    pager.turns(20)
    assert pager.book.held_bytes == held
    pager.line.fate = lambda: None
    pager.until(lambda: pager.broker.committed.get(0) == 600, 3000)
    assert not pager.consumer.paused
    assert pager.book.held_bytes == 0
    assert len({a["dedup_key"] for a in pager.alerts.all()}) == 600


def test_a_flood_of_kinds_is_held_to_the_rate_and_told_whole(tmp_path: Path):
    pager = Harness(tmp_path, PAGER_PER_MINUTE="60", PAGER_BURST="5", PAGER_QUIET="10000")
    pager.broker.append(*(event(error=f"e{n}") for n in range(50)))
    pager.turns(20, seconds=0.05)
    assert 5 <= len(pager.line.sent) <= 6
    assert pager.metrics.get("pager_waiting_incidents") > 40
    pager.until(lambda: len(pager.open()) == 50, 60)


def test_news_of_old_incidents_keep_no_new_one_waiting(tmp_path: Path):
    pager = Harness(tmp_path, PAGER_PER_MINUTE="60", PAGER_BURST="10", PAGER_UPDATE="1", PAGER_QUIET="10000")
    kinds = [f"e{n}" for n in range(30)]
    pager.broker.append(*errors(*kinds))
    pager.until(lambda: len(pager.open()) == 30)
    pager.turns(80)
    for n in range(20):
        pager.broker.append(*errors(*kinds, f"new{n}"))
        pager.turns(1)
        assert pager.open()[f"checkout-service/new{n}"] == 1, "at once"
        pager.turns(40)
    pager.until(lambda: set(pager.open().values()) == {1, 21}, 120)


def test_without_a_routing_key_nothing_is_sent_or_committed(pager: Harness, capsys: pytest.CaptureFixture[str]):
    file = pager.settings.routing_key
    for wrong in ("", "short", f"{KEY[:-1]}é"):
        file.write_text(wrong)
        pager.broker.append(*errors("a"))
        pager.turns(8)
        assert pager.line.sent == []
        assert "has no routing key" in pager.pager.fault
    file.unlink()
    pager.turns(8)
    assert "cannot be read" in pager.pager.fault
    assert pager.broker.committed.get(0, 0) == 0
    file.write_text(KEY)
    pager.turns(8)
    assert pager.open() == {"checkout-service/a": 3}
    assert pager.pager.fault == ""
    assert "nothing can be paged" in capsys.readouterr().out


def test_a_new_routing_key_is_used_without_a_restart(pager: Harness):
    pager.broker.append(*errors("a", "b"))
    pager.turns(8)
    pager.settings.routing_key.write_text(OTHER_KEY)
    pager.alerts._keys = lambda: {OTHER_KEY}
    pager.broker.append(*errors("a"))
    pager.until(lambda: len(pager.alerts.all()) == 3, 30)
    assert pager.alerts.all()[2]["key"] == fingerprint(OTHER_KEY)
    sent = len(pager.line.sent)
    pager.until(lambda: pager.book.open == 0, 90)
    assert [event["event_action"] for event in pager.line.sent[sent:]] == ["resolve"], "of the one under the new key"


def test_the_routing_key_is_nowhere_but_in_events(pager: Harness, capsys: pytest.CaptureFixture[str]):
    pager.broker.append(b"bad", *errors("a", "b"))
    fates = iter(["400", "500", None])
    pager.line.fate = lambda: next(fates, None)
    pager.turns(400)
    pager.pager.save()
    out = capsys.readouterr()
    everything = [out.out, out.err, repr(pager.broker.written), pager.metrics.text(), pager.pager.fault]
    assert all(KEY not in text for text in everything)
    assert KEY in json.dumps(pager.line.sent)


def test_renewed_certificates_end_the_process(pager: Harness):
    pager.renewed = True
    pager.turns(1)
    assert pager.pager._stopping


def test_they_do_also_while_kafka_refuses_the_old_ones(pager: Harness, monkeypatch: pytest.MonkeyPatch):
    def refused() -> dict[str, bytes]:
        raise KafkaException(KafkaError(KafkaError._SSL))

    monkeypatch.setattr(pager.stream, "kept", refused)
    pager.clock.sleep = lambda seconds: setattr(pager, "renewed", True)  # type: ignore[method-assign]
    pager.pager.run()
    assert pager.pager._stopping


def test_a_stuck_loop_is_seen(pager: Harness):
    pager.turns(1)
    assert pager.pager.stuck == ""
    pager.clock.now += 200
    assert pager.pager.stuck == "no turn of the loop for 200 s"


def test_a_client_that_cannot_go_on_ends_the_process(pager: Harness):
    class Fenced:
        def fatal(self) -> bool:
            return True

        def str(self) -> str:
            return "fenced"

        def name(self) -> str:
            return "FENCED_INSTANCE_ID"

        def code(self) -> int:
            return 82

    pager.stream._trouble(Fenced())  # type: ignore[arg-type]
    with pytest.raises(Exception, match="fenced"):
        pager.turns(1)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 3), st.integers(1, 6)),
        st.tuples(st.just("bad"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("time"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("crash"), st.just(0), st.just(0)),
        st.tuples(st.just("crash before commit"), st.just(0), st.integers(1, 8)),
        st.tuples(st.just("rebalance"), st.integers(0, 1), st.integers(0, 1)),
        st.tuples(
            st.just("fate"),
            st.sampled_from(["refuse", "lose", "429", "500", "crash before", "crash after"]),
            st.integers(1, 3),
        ),
        st.tuples(st.just("refuse"), st.sampled_from(["dlq.pager", "pager.state", "commit"]), st.integers(1, 20)),
    ),
    max_size=25,
)


@settings(max_examples=int(os.environ.get("PAGER_EXAMPLES", "150")), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(steps, st.integers(0, 2**16))
def test_whatever_happens_each_record_is_told_once_or_is_a_dead_letter(
    tmp_path: Path, steps: list[tuple[str, object, int]], seed: int
):
    """Kills at any point, answers that are lost, Kafka that refuses, partitions that come and go."""
    pager = Harness(tmp_path, Broker(partitions=2), seed, PAGER_THROTTLED="2", PAGER_QUIET="100000")
    wanted: Counter[str] = Counter()
    bad: list[bytes] = []

    def turns(count: int) -> None:
        for _ in range(count):
            try:
                pager.turns()
            except Crash:
                pager.start()

    for what, which, count in steps:
        if what == "write":
            wanted[f"checkout-service/e{which}"] += count
            pager.broker.append(*errors(*[f"e{which}"] * count), partition=int(str(which)) % 2)
        elif what == "bad":
            bad.append(b"bad %d" % len(bad))
            pager.broker.append(bad[-1], partition=int(str(which)))
        elif what == "crash":
            pager.start()
        elif what == "crash before commit":
            pager.broker.refuses.add("commit")
            turns(count)
            pager.broker.refuses.clear()
            pager.start()
        elif what == "rebalance":
            pager.consumer.take([int(str(which))], lost=bool(count))
            turns(2)
            pager.consumer.give([int(str(which))])
        elif what == "fate":
            left = [str(which)] * count
            pager.line.fate = lambda left=left: left.pop() if left else None
        elif what == "refuse":
            pager.broker.refuses.add(str(which))
            turns(count)
            pager.broker.refuses.clear()
        turns(int(str(which)) if what == "time" else 1)
    pager.line.fate = lambda: None
    pager.until(lambda: pager.open() == dict(wanted), 400)
    pager.until(lambda: pager.broker.committed == {p: len(pager.broker.log[p]) for p in (0, 1)}, 10)
    assert len(pager.alerts.all()) == len(wanted), "one incident for each class of error"
    assert {value for value, _ in pager.dead()} == set(bad)
    pager.start()
    pager.turns(4)
    assert pager.open() == dict(wanted), "and a restart changes nothing"
