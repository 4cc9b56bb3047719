"""What the stream job makes of a small set of events, on a real Flink."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kafkalogs.client.logevent import LogEvent, format_timestamp
from kafkalogs.stream.script import LARGEST_EVENT

from .job import Job, decoded

START = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)


def trace(number: int) -> str:
    return f"{number + 1:032x}"


class Records:
    """A topic's records, in order; each written to Kafka when it happened unless said otherwise."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def raw(self, value: bytes | None, at: float, topic: str = "logs.shop") -> None:
        self.rows.append(
            {
                "hex": None if value is None else value.hex(),
                "topic": topic,
                "partition": 0,
                "offset": len(self.rows),
                "recorded_at": format_timestamp(START + timedelta(seconds=at)),
            }
        )

    def log(
        self, service: str, level: str, at: float, number: int = 0, written: float | None = None, **more: Any
    ) -> bytes:
        moment = START + timedelta(seconds=at)
        attributes = more.pop("attributes", {})
        event = LogEvent(moment, service, level, "it happened", trace(number), "00f067aa0ba902b7", "pod-0", attributes)  # type: ignore[arg-type]
        value = event.to_json()
        if more:
            value = json.dumps({**json.loads(value), **more}).encode()
        self.raw(value, at if written is None else written)
        return value


def document(**changes: Any) -> bytes:
    good = {
        "timestamp": "2026-01-02T10:00:30.000Z",
        "service": "shop",
        "level": "error",
        "message": "m",
        "trace_id": trace(0),
        "span_id": "00f067aa0ba902b7",
        "instance": "pod-0",
        "attributes": {},
    }
    return json.dumps({key: value for key, value in {**good, **changes}.items() if value is not ...}).encode()


ID, SPAN = (
    "trace_id is not 32 lower-case hexadecimal digits, not all zero",
    "span_id is not 16 lower-case hexadecimal digits, not all zero",
)
LEVEL = "level is none of debug, info, warning, error, critical"
TIME = "timestamp is not RFC 3339"
YEARS = "timestamp is not within 1970 to 9999 in UTC"
LONG = "service has more than 240 bytes in a URL"
MALFORMED: list[tuple[bytes | None, str]] = [
    (None, "no value"),
    (b"", "not one JSON object"),
    (b"java.lang.NullPointerException", "not one JSON object"),
    (b"[1, 2]", "not one JSON object"),
    (b'"text"', "not one JSON object"),
    (b"null", "not one JSON object"),
    (document()[:-1], "not one JSON object"),
    (document() + document(), "not one JSON object"),
    (document() + b" and more", "not one JSON object"),
    (document().replace(b'"m"', b'"\xff\xfe"'), "not UTF-8"),
    (document(message="x" * 900_000), f"longer than {LARGEST_EVENT} characters"),
    (document(timestamp=...), TIME),
    (document(timestamp="yesterday"), TIME),
    (document(timestamp="2026-01-02T10:00:30"), TIME),
    (document(timestamp="2026-13-02T10:00:30Z"), TIME),
    (document(timestamp=1767348030), TIME),
    (document(timestamp="2026-01-02T10:00:30+24:00"), TIME),
    (document(timestamp="0001-01-01T00:00:00+01:00"), YEARS),
    (document(timestamp="1969-12-31T23:59:59.999Z"), YEARS),
    (document(timestamp="9999-12-31T23:59:59-01:00"), YEARS),
    (document(service=...), "service is no text, or empty"),
    (document(service=""), "service is no text, or empty"),
    (document(service={"name": "x"}), "service is no text, or empty"),
    (document(service="x" * 241), LONG),
    (document(service="\u0416" * 50), LONG),
    (document(level=...), LEVEL),
    (document(level="ERROR"), LEVEL),
    (document(level="fatal"), LEVEL),
    (document(message=5), "message is no text"),
    (document(message=None), "message is no text"),
    (document(trace_id="0" * 32), ID),
    (document(trace_id="A" * 32), ID),
    (document(trace_id=trace(0) + "0"), ID),
    (document(span_id="short"), SPAN),
    (document(instance=7), "instance is no text, or empty"),
    (document(attributes=...), "attributes is no object"),
    (document(attributes=[1]), "attributes is no object"),
    (document(attributes="{}"), "attributes is no object"),
]

# good, but for the topic
FOREIGN = [
    ("forged", "logs.audit"),
    ("audit", "logs.audit"),
    ("billing=auth", "logs.audit"),
    ("other", "logs.own"),
    ("custom", "custom"),
    ("own", "custom"),
    ("named", "logs.audit"),
    ("*", "logs.audit"),
]
MAY = [("auth", "logs.audit"), ("billing", "logs.audit"), ("own", "logs.own"), ("named", "custom"), ("new", "logs.new")]

# good, though a careless parser would not think so
UNUSUAL = [
    document(message='caf\u00e9 \ufffd \u0000 \\ " {'),
    document(message='an "attributes": {'),
    document(message="", attributes={"attributes": {"duration_ms": "no number"}}),
    document(timestamp="2026-01-02T12:00:30.123456+02:00"),
    document(timestamp="2026-01-02t05:30:30-04:30".replace("t", "T")),
    b"\n " + document(extra={"attributes": 1}, attributes={"n": 12345678901234567890, "f": 2.50}) + b"\n",
    document(attributes={"duration_ms": None}),
    document(service="x" * 240, level="info"),
    document(service="old", level="info", timestamp="1970-01-01T00:00:00Z"),
    document(service="future", level="info", timestamp="9999-12-31T23:59:59.9999999Z"),
]


@pytest.fixture(scope="module")
def sent() -> Records:
    records = Records()
    for value, _ in MALFORMED:
        records.raw(value, 30)
    for service, topic in FOREIGN:
        records.raw(document(service=service), 30, topic)
    for service, topic in MAY:
        records.raw(document(service=service, level="info"), 30, topic)
    for value in UNUSUAL:
        records.raw(value, 30)
    # seven minutes of one service: six as usual, then half of it fails
    for minute in range(7):
        for i in range(20):
            failed = minute == 6 and i < 10
            records.log("cart", "error" if failed else "info", minute * 60 + i, 100 + minute * 20 + i)
        if minute == 2:
            # neither spoils the minute: infinite as a double, negative, and longer than any time
            for value in (b"1e999", b"-1e999", b"-1", b"1e300"):
                good = document(
                    service="cart", level="debug", timestamp="2026-01-02T10:02:21Z", attributes={"duration_ms": 0}
                )
                records.raw(good.replace(b'"duration_ms": 0', b'"duration_ms": ' + value), 141)
            for i in range(100):
                records.log("cart", "debug", minute * 60 + 20 + i / 10, 1000 + i, attributes={"duration_ms": i + 1})
            # one trace fails in two services, the inner one first; another twice in one; a third far apart
            records.log("checkout", "critical", 151.5, 1, attributes={"error": "upstream"})
            records.log("payment", "error", 151, 1)
            records.log("payment", "error", 151.2, 2)
            records.log("payment", "critical", 151.4, 2)
            records.log("payment", "error", 151.6, 3)
        if minute == 4:
            records.log("checkout", "error", 241, 3)
            # its minute is over by now: three late ones, of which one failed
            records.log("checkout", "info", 62, 4)
            records.log("checkout", "error", 63, 5)
            records.log("checkout", "warning", 64, 6)
            # a clock one hour ahead
            records.log("ahead", "error", 3600 + 241, 7, written=241)
            # one twenty minutes behind
            records.log("behind", "error", 241 - 1200, 11, written=241)
            records.log("behind", "info", 242 - 1200, 12, written=242)
    records.log("end", "info", 900, 8)
    return records


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, sent: Records) -> Iterator[Job]:
    made = Job(tmp_path_factory.mktemp("stream"))
    made.start()
    try:
        # The catalog comes to the job on its own way: wait until a failure is enriched.
        catalog = {"canary": ("ops", "3"), "checkout": ("payments", "1"), "payment": ('pay"ments', None)}
        made.add("catalog-topic", [{"service": s, "team": team, "tier": tier} for s, (team, tier) in catalog.items()])

        def enriched() -> bool:
            canary = Records()
            canary.log("canary", "error", 0, 9)
            made.add("records", canary.rows)
            return any(json.loads(row["value"])["attributes"].get("tier") for row in made.rows("logs_error"))

        made.wait(enriched, every=1)
        made.add("records", sent.rows)
        made.wait(lambda: len(of(made, "error_rates", "cart")) >= 7 and len(made.rows("correlations")) >= 1)
        made.wait(lambda: any(row["late"] for row in of(made, "error_rates", "checkout")))
        # Each sink shows its rows at a checkpoint of its own.
        made.wait(lambda: sum(row["total"] for row in of(made, "error_rates", "behind")) >= 2)
        made.wait(lambda: len(plain(made.rows("logs_error"))) >= len(failures(sent)))
        yield made
    finally:
        made.stop()


def of(job: Job, table: str, service: str) -> list[dict[str, Any]]:
    return [row for row in job.rows(table) if row["service"] == service]


def events(sent: Records) -> list[dict[str, Any]]:
    """The good ones."""
    return [json.loads(bytes.fromhex(row["hex"])) for row in sent.rows[len(MALFORMED) + len(FOREIGN) :]]


def failures(sent: Records) -> list[dict[str, Any]]:
    return [event for event in events(sent) if event["level"] in ("error", "critical")]


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events of a sink, without their enrichment, those of the canary left out."""
    found = [json.loads(row["value"]) for row in rows if row["service"] != "canary"]
    for event in found:
        assert event["attributes"].pop("team", ...) is not ...
        assert event["attributes"].pop("tier", ...) is not ...
    return found


def test_every_error_and_nothing_else(job: Job, sent: Records) -> None:
    wanted = failures(sent)
    key = lambda event: json.dumps(event, sort_keys=True)  # noqa: E731
    assert sorted(plain(job.rows("logs_error")), key=key) == sorted(wanted, key=key)


def test_every_critical_error_and_nothing_else(job: Job, sent: Records) -> None:
    found = plain(job.rows("errors_critical"))
    assert [(event["service"], event["trace_id"]) for event in found] == [("checkout", trace(1)), ("payment", trace(2))]


def test_failures_know_their_team_and_tier(job: Job) -> None:
    found = {row["service"]: json.loads(row["value"])["attributes"] for row in job.rows("errors_critical")}
    assert found["checkout"] == {"team": "payments", "tier": "1", "error": "upstream"}
    assert found["payment"] == {"team": 'pay"ments', "tier": None}


def test_an_enriched_event_is_still_a_log_event(job: Job) -> None:
    for row in job.rows("errors_critical"):
        assert LogEvent.from_json(row["value"].encode()).service == row["service"]


def test_what_is_no_event_goes_to_the_dead_letters_with_the_reason(job: Job) -> None:
    found = []
    for row in job.rows("dead_letters"):
        headers = {key: (decoded(value) or b"").decode() for key, value in row["headers"].items()}
        found.append(
            (decoded(row["value"]), headers["reason"], headers["topic"], headers["partition"], headers["offset"])
        )
    wanted = [(value, reason, "logs.shop") for value, reason in MALFORMED]
    wanted += [(document(service=name), "the service may not write this topic", topic) for name, topic in FOREIGN]
    assert found == [(*letter, "0", str(i)) for i, letter in enumerate(wanted)]


def test_the_sample_has_all_but_most_debug_logs_and_whole_traces(job: Job, sent: Records) -> None:
    found = [json.loads(decoded(row["value"]) or b"") for row in job.rows("logs_sampled")]
    found = [event for event in found if event["service"] != "canary"]
    half = [
        event
        for event in events(sent)
        if event["level"] != "debug" or hashlib.md5(event["trace_id"].encode()).hexdigest() < "8"
    ]
    assert found == half
    assert 30 < sum(event["level"] == "debug" for event in found) < 70


def minute(number: int) -> str:
    return (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_error_rates_of_each_minute_and_the_anomaly(job: Job) -> None:
    rows = of(job, "error_rates", "cart")
    assert [row["window_start"] for row in rows] == [minute(i) for i in range(7)]
    assert [row["total"] for row in rows] == [20, 20, 124, 20, 20, 20, 20]
    assert [row["errors"] for row in rows] == [0, 0, 0, 0, 0, 0, 10]
    assert rows[6]["error_rate"] == 0.5
    assert [row["usual_rate"] for row in rows] == [None, 0, 0, 0, 0, 0, 0]
    assert [row["anomaly"] for row in rows] == [False] * 6 + [True]


def test_late_events_are_counted_on_their_own(job: Job) -> None:
    late = [row for row in job.rows("error_rates") if row["late"] and row["service"] not in ("canary", "old", "behind")]
    assert {(row["service"], row["window_start"]) for row in late} == {("checkout", minute(1))}
    assert sum(row["total"] for row in late) == 3
    assert sum(row["errors"] for row in late) == 1


def test_the_sum_of_all_minutes_is_exact(job: Job, sent: Records) -> None:
    rows = [row for row in job.rows("error_rates") if row["service"] not in ("canary", "end", "ahead")]
    wanted = [event for event in events(sent) if event["service"] not in ("end", "ahead")]
    assert sum(row["total"] for row in rows) == len(wanted)
    assert sum(row["errors"] for row in rows) == sum(e["level"] in ("error", "critical") for e in wanted)
    assert sum(row["critical"] for row in rows) == sum(e["level"] == "critical" for e in wanted)


def test_a_clock_ahead_makes_nobody_else_late(job: Job) -> None:
    (row,) = of(job, "error_rates", "ahead")
    assert row["window_start"] == minute(5)


def test_a_clock_behind_makes_only_its_own_minutes_late_and_loses_nothing(job: Job) -> None:
    rows = of(job, "error_rates", "behind")
    assert {(row["window_start"], row["late"]) for row in rows} == {(minute(-16), True)}
    assert (sum(row["total"] for row in rows), sum(row["errors"] for row in rows)) == (2, 1)
    assert [row["window_start"] for row in of(job, "error_rates", "cart") if not row["late"]] == [
        minute(i) for i in range(7)
    ]


def test_percentiles_where_events_have_a_duration(job: Job) -> None:
    (row,) = job.rows("latencies")
    assert (row["service"], row["window_start"], row["requests"]) == ("cart", minute(2), 100)
    assert (row["p50_ms"], row["p90_ms"], row["p99_ms"], row["max_ms"]) == pytest.approx((50.5, 90.1, 99.01, 100))


def test_a_trace_that_fails_in_two_services_is_one_correlation(job: Job) -> None:
    (row,) = job.rows("correlations")
    assert row["trace_id"] == trace(1)
    assert sorted(row["services"]) == ["checkout", "payment"]
    assert row["origin"] == "payment"
    assert (row["errors"], row["critical"]) == (2, 1)
    assert row["started"] == "2026-01-02T10:02:31Z"
    assert row["ended"] == "2026-01-02T10:02:31.5Z"


def test_it_goes_on_after_all_that(job: Job) -> None:
    last = Records()
    last.log("canary", "critical", 901, 10)
    job.add("records", last.rows)
    job.wait(lambda: bool(of(job, "errors_critical", "canary")))
