"""`kafkalogs replay`: every line of a file becomes one event or is counted as rejected, over any number of runs."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafkalogs.client.logevent import LogEvent
from kafkalogs.client.settings import RECORD_OVERHEAD, Catalog
from kafkalogs.replay.file import LogFile, Place, ReplayError, ReplayState
from kafkalogs.replay.sender import Destination, Replay, Result

from tests.support.stub_platform import DOCUMENT, LIMIT, Error, Kafka, Message, Said

from .conftest import Run

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = Path(os.environ.get("KAFKALOGS_SAMPLE_LOGS") or ROOT.parent / "shared" / "logs")


def numbers(text: str) -> list[int]:
    """Lines read, sent, rejected and not acknowledged, as the last line says."""
    said = re.search(r"([\d,]+) lines read, ([\d,]+) sent, ([\d,]+) rejected, ([\d,]+) not", text)
    assert said, text
    return [int(number.replace(",", "")) for number in said.groups()]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_one_line_is_one_event(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    text = b"[Sun Dec 04 04:47:44 2005] [error] mod_jk child\r\n2026-01-02T03:04:05.678Z WARN slow\nplain\n"
    assert replay(write(tmp_path / "a.log", text), "checkout-service", "--instance", "web-1") == 0
    first, second, third = kafka.events
    assert first["message"] == "[Sun Dec 04 04:47:44 2005] [error] mod_jk child"
    assert (first["timestamp"], first["level"]) == ("2005-12-04T04:47:44.000Z", "error")
    assert first["attributes"] == {"source_file": "a.log", "source_line": 1, "source_time": "Sun Dec 04 04:47:44 2005"}
    assert (second["timestamp"], second["level"]) == ("2026-01-02T03:04:05.678Z", "warning")
    assert (third["message"], third["level"]) == ("plain", "info")
    assert third["attributes"] == {"source_file": "a.log", "source_line": 3}
    assert {event["instance"] for event in kafka.events} == {"web-1"}
    for topic, key, value in kafka.acknowledged:
        event = LogEvent.from_json(value)
        assert topic == "logs.checkout-service"
        assert key == event.key("trace_id")
    assert numbers(capsys.readouterr().out) == [3, 3, 0, 0]
    assert kafka.asked == [("checkout-service", "localhost:32090")]


def test_a_name_that_is_not_utf_8_is_sent_and_shown_with_escapes(
    replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said
):
    path = tmp_path / os.fsdecode(b"caf\xe9.log")
    assert replay(write(path, b"one\n"), "checkout-service") == 0
    assert kafka.events[0]["attributes"]["source_file"] == "caf\\xe9.log"
    assert "caf\\xe9.log" in capsys.readouterr().out


def test_a_time_that_cannot_be_stored_stays_in_the_text(replay: Run, kafka: Kafka, tmp_path: Path):
    text = b"2026-01-02 03:04:05 INFO before\n0001-01-01T00:00:00+01:00 WARN expires: never set\n"
    assert replay(write(tmp_path / "a.log", text), "checkout-service") == 0
    _, second = kafka.events
    assert second["message"] == "0001-01-01T00:00:00+01:00 WARN expires: never set"
    assert "source_time" not in second["attributes"]
    assert second["timestamp"] > "2026"


def test_the_same_line_has_the_same_trace(replay: Run, kafka: Kafka, tmp_path: Path):
    file = write(tmp_path / "a.log", b"same\nsame\n")
    assert replay(file) == 0
    assert replay(file, "checkout-service", "--restart") == 0
    traces = [event["trace_id"] for event in kafka.events]
    assert traces[:2] == traces[2:]
    assert len(set(traces)) == 2


@pytest.mark.parametrize(
    ("service", "more", "topics"),
    [
        ("nginx", [], {"logs.access"}),
        ("auth-service", [], {"logs.auth-service"}),
        ("auth-service", ["--type", "audit"], {"logs.audit"}),
        ("mailer", [], {"logs.error", "logs.info"}),
        ("mailer", ["--level", "critical"], {"logs.critical"}),
    ],
)
def test_the_topic_is_the_services(
    replay: Run, kafka: Kafka, tmp_path: Path, service: str, more: list[str], topics: set[str]
):
    assert replay(write(tmp_path / "a.log", b"ERROR one\ntwo\n"), service, *more) == 0
    assert {topic for topic, _, _ in kafka.acknowledged} == topics
    for topic, key, value in kafka.acknowledged:
        assert key == LogEvent.from_json(value).key(DOCUMENT["topics"][topic]["partitionBy"])


def test_what_is_no_event_is_rejected_and_counted(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    lines = [
        b"\xef\xbb\xbffirst", b"", b"x" * LIMIT, b"caf\xe9", b"nul \0 byte", b"   ", b'"' * 600_000, "grün".encode(),
        b"last without end",
    ]  # fmt: skip
    file = write(tmp_path / "a.log", b"p" * 5000 + b"\n" + b"\r\n".join(lines))
    assert replay(file) == 1
    assert [e["attributes"]["source_line"] for e in kafka.events] == [1, 2, 9, 10]
    assert [e["message"] for e in kafka.events][1:] == ["\ufefffirst", "grün", "last without end"]
    said = capsys.readouterr().out
    assert numbers(said) == [10, 4, 6, 0]
    for part in (
        "2 empty (first: line 3)", "2 too long for the topic (first: line 4)", "1 not UTF-8 (first: line 5)",
        "1 binary (NUL bytes) (first: line 6)",
    ):  # fmt: skip
        assert part in said


def test_a_byte_order_mark_is_no_text(replay: Run, kafka: Kafka, tmp_path: Path):
    assert replay(write(tmp_path / "a.log", b"\xef\xbb\xbffirst\n")) == 0
    assert kafka.events[0]["message"] == "first"


def test_only_empty_lines_are_no_failure(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    assert replay(write(tmp_path / "a.log", b"\n\r\n \n")) == 0
    assert numbers(capsys.readouterr().out) == [3, 0, 3, 0]
    assert kafka.produced == 0


def test_the_longest_line_that_fits(replay: Run, kafka: Kafka, tmp_path: Path):
    """What fits is decided on the event, which is longer than its line."""
    file = write(tmp_path / "a.log", b"m\n")
    assert replay(file) == 0
    room = LIMIT - RECORD_OVERHEAD - len(kafka.acknowledged[0][2]) + 1
    kafka.acknowledged.clear()
    exact = write(tmp_path / "b.log", b"m" * room + b"\n" + b"m" * (room + 1) + b"\n")
    assert replay(exact) == 1
    assert [event["attributes"]["source_line"] for event in kafka.events] == [1]
    assert len(kafka.acknowledged[0][2]) == LIMIT - RECORD_OVERHEAD


def test_a_line_larger_than_memory_should_hold_is_skipped(tmp_path: Path):
    file = LogFile(write(tmp_path / "a.log", b"short\n" + b"y" * 10_000_000 + b"\r\nnext"))
    lines = list(file.lines(Place(), 1000))
    assert [(line.number, line.text) for line in lines] == [(1, b"short"), (2, None), (3, b"next")]
    assert lines[1].length >= 10_000_000
    assert lines[2].end == file.size


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_line_is_measured_without_its_end(tmp_path: Path, ending: bytes):
    file = LogFile(write(tmp_path / "a.log", b"a" * 1000 + ending))
    assert [line.text for line in file.lines(Place(), 1000)] == [b"a" * 1000]
    assert [line.text for line in file.lines(Place(), 999)] == [None]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "is binary"),
        (gzip.compress(b"line\n"), "is compressed (gzip)"),
        ("line\n".encode("utf-16"), "is UTF-16"),
    ],
)
def test_files_that_are_no_logs(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said, content: bytes, said: str):
    file = write(tmp_path / "a.log", content)
    assert replay(file) == 2
    message = capsys.readouterr().err
    assert f"kafkalogs: {file} {said}" in message
    assert message.count("\n") == 1
    assert not kafka.asked


def test_missing_files_folders_and_pipes(replay: Run, tmp_path: Path, capsys: Said):
    os.mkfifo(tmp_path / "pipe")
    for file, said in (("no.log", "does not exist"), (".", "is a folder"), ("pipe", "is not a regular file")):
        assert replay(tmp_path / file) == 2
        assert said in capsys.readouterr().err


def test_a_file_that_may_not_be_read(replay: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said):
    file = write(tmp_path / "a.log", b"x\n")
    whole = Path.open

    def refuse(self: Path, *words: Any, **more: Any):
        if self == file:
            raise PermissionError(13, "Permission denied")
        return whole(self, *words, **more)

    monkeypatch.setattr(Path, "open", refuse)
    assert replay(file) == 2
    assert "cannot be read: Permission denied" in capsys.readouterr().err


def test_an_unknown_service_or_type(replay: Run, tmp_path: Path, capsys: Said):
    file = write(tmp_path / "a.log", b"x\n")
    assert replay(file, "nope") == 2
    assert "the services are: auth-service, checkout-service, mailer, nginx" in capsys.readouterr().err
    assert replay(file, "nginx", "--type", "audit") == 2
    assert "it writes: access" in capsys.readouterr().err


def test_an_interrupted_replay_goes_on_without_a_repeat(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    file = write(tmp_path / "a.log", b"".join(b"line %d\n\n" % n for n in range(1, 3001)))
    kafka.on_produce = lambda number: os.kill(os.getpid(), signal.SIGINT) if number in (700, 1800) else None
    assert replay(file) == 130
    assert "run the same command again" in capsys.readouterr().err
    assert replay(file) == 130
    assert replay(file) == 0
    said = capsys.readouterr().out
    assert "All runs together: 6,000 lines read, 3,000 sent, 3,000 rejected" in said
    assert [event["message"] for event in kafka.events] == [f"line {n}" for n in range(1, 3001)]
    assert replay(file) == 0
    assert "No new lines" in capsys.readouterr().out
    assert kafka.produced == 3000


def test_interrupted_while_it_waits_for_kafka(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    file = write(tmp_path / "a.log", b"".join(b"line %d\n" % n for n in range(1, 101)))
    kafka.room = 10
    poll = kafka.poll

    def interrupt(timeout: float) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        kafka.poll = poll  # type: ignore[method-assign]
        return 0

    kafka.poll = interrupt  # type: ignore[method-assign]
    assert replay(file) == 130
    assert numbers(capsys.readouterr().out) == [10, 10, 0, 0]
    assert replay(file) == 0
    assert [event["message"] for event in kafka.events] == [f"line {n}" for n in range(1, 101)]


def test_a_refusal_stops_it_and_the_next_run_goes_on(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    file = write(tmp_path / "a.log", b"".join(b"line %d\n" % n for n in range(1, 2001)))
    kafka.fails = 1001
    assert replay(file) == 3
    out, err = capsys.readouterr()
    read, sent, rejected, unacknowledged = numbers(out)
    assert (sent, rejected) == (1000, 0)
    assert read == sent + unacknowledged
    assert "TOPIC_AUTHORIZATION_FAILED" in err
    kafka.fails = 0
    assert replay(file) == 0
    assert [event["message"] for event in kafka.events] == [f"line {n}" for n in range(1, 2001)]


def test_lines_behind_an_unacknowledged_one_are_sent_again(replay: Run, kafka: Kafka, tmp_path: Path):
    """Acknowledgements come in any order; the place moves only over lines that are acknowledged without a gap."""
    file = write(tmp_path / "a.log", b"".join(b"line %d\n" % n for n in range(1, 101)))
    kafka.backwards = True
    poll = kafka.poll

    def all_but_the_first(timeout: float) -> int:
        first = kafka.waiting.popleft() if kafka.waiting else None
        poll(timeout)
        if first:
            first[1][0](Error("REQUEST_TIMED_OUT"), Message("logs.checkout-service"))
        return 0

    kafka.poll = all_but_the_first  # type: ignore[method-assign]
    assert replay(file) == 3
    kafka.poll = poll  # type: ignore[method-assign]
    assert replay(file) == 0
    lines = [event["attributes"]["source_line"] for event in kafka.events]
    assert set(lines) == set(range(1, 101))
    assert lines.count(1) == 1


def test_appended_lines_are_sent_by_the_next_run(replay: Run, kafka: Kafka, tmp_path: Path):
    file = write(tmp_path / "a.log", b"one\ntwo")
    assert replay(file) == 0
    with file.open("ab") as more:
        more.write(b"\nthree\n")
    assert replay(file) == 0
    assert [(e["message"], e["attributes"]["source_line"]) for e in kafka.events] == [
        ("one", 1),
        ("two", 2),
        ("three", 3),
    ]


def test_another_file_in_its_place_begins_anew(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    file = write(tmp_path / "a.log", b"one\ntwo\n")
    assert replay(file) == 0
    file.write_bytes(b"other\nlines\n")
    assert replay(file) == 0
    assert "the start of the file differs" in capsys.readouterr().out
    file.write_bytes(b"cut\n")
    assert replay(file) == 0
    assert "the file is shorter" in capsys.readouterr().out
    assert [event["message"] for event in kafka.events] == ["one", "two", "other", "lines", "cut"]


def test_a_renamed_file_goes_on_where_it_was(replay: Run, kafka: Kafka, tmp_path: Path):
    file = write(tmp_path / "a.log", b"one\n")
    assert replay(file) == 0
    assert replay(file.rename(tmp_path / "a.log.1")) == 0
    assert kafka.produced == 1


def test_each_service_and_each_new_topic_has_a_place_of_its_own(replay: Run, kafka: Kafka, tmp_path: Path):
    file = write(tmp_path / "a.log", b"one\n")
    assert replay(file) == 0
    assert replay(file, "nginx") == 0
    assert kafka.produced == 2
    kafka.ids["logs.access"] = "made anew"
    assert replay(file) == 0
    assert replay(file, "nginx") == 0
    assert kafka.produced == 3


def test_a_broken_state_begins_anew(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    file = write(tmp_path / "a.log", b"one\n")
    assert replay(file) == 0
    (state,) = (tmp_path / "state").glob("*.json")
    state.write_text("{")
    assert replay(file) == 0
    assert "cannot be read" in capsys.readouterr().out
    assert kafka.produced == 2


def test_a_state_folder_that_cannot_be_made(replay: Run, kafka: Kafka, tmp_path: Path, capsys: Said):
    (tmp_path / "state").touch()
    assert replay(write(tmp_path / "a.log", b"one\n")) == 2
    assert f"{tmp_path / 'state'}: " in capsys.readouterr().err
    assert not kafka.produced


def test_two_replays_of_one_file_at_once(tmp_path: Path):
    file = LogFile(write(tmp_path / "a.log", b"one\n"))
    with ReplayState(tmp_path / "state", file, "x").held():
        with pytest.raises(ReplayError, match="another replay of"), ReplayState(tmp_path / "state", file, "x").held():
            pass
        with ReplayState(tmp_path / "state", file, "y").held():
            pass


def once(file: LogFile, state: ReplayState, kafka: Kafka) -> Result:
    to = Destination(Catalog.parse(json.dumps(DOCUMENT)), "checkout-service", None, None, "host")
    return Replay(file, state, state.load()[0], to, kafka).run(lambda offset: None)


pieces = st.sampled_from([b"INFO a", b"", b" ", b"caf\xe9", b"a\0b", "ü".encode(), b"z" * 300, b"\r"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(pieces, min_size=1, max_size=40),
    ending=st.sampled_from([b"\n", b"\r\n"]),
    closed=st.booleans(),
    fails=st.lists(st.integers(1, 40), max_size=4),
)
def test_counts_add_up_over_any_failures(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ending: bytes, closed: bool, fails: list[int]
):
    """However often Kafka refuses: what is sent once is exactly what is no reject, each line once, in order."""
    folder = tmp_path_factory.mktemp("law")
    data = ending.join(lines) + (ending if closed else b"")
    path = write(folder / "a.log", b"h" * 4096 + b"\n" + data)
    kafka = Kafka()
    result = None
    for fail in [*fails, 0]:
        file = LogFile(path)
        state = ReplayState(folder / "state", file, "x")
        with state.held():
            kafka.fails = kafka.produced + fail if fail else 0
            result = once(file, state, kafka)
        file.close()
        assert result.read == result.sent + sum(result.rejected.values()) + result.unacknowledged
        assert result.place.line == result.place.delivered + sum(result.place.rejected.values())
        assert bool(result.error) == bool(result.unacknowledged)
    assert result
    raw = path.read_bytes().split(b"\n")
    total = raw if raw[-1] else raw[:-1]
    assert result.place.line == len(total)
    good = [
        number for number, text in enumerate(total, 1) if text.strip() and b"\0" not in text and b"\xe9" not in text
    ]
    assert [event["attributes"]["source_line"] for event in kafka.events] == good
    assert result.place.delivered == len(good)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample logs in {SAMPLES}; KAFKALOGS_SAMPLE_LOGS names them")
def test_real_logs(replay: Run, kafka: Kafka, capsys: Said):
    files = sorted(SAMPLES.glob("*.log"))
    assert files
    for file in files:
        kafka.acknowledged.clear()
        assert replay(file) == 0
        lines = [line.removesuffix(b"\r") for line in file.read_bytes().split(b"\n") if line]
        assert [event["message"].encode() for event in kafka.events] == lines
        assert numbers(capsys.readouterr().out) == [len(lines), len(lines), 0, 0]
        assert all("source_time" in event["attributes"] for event in kafka.events), file
    apache = SAMPLES / "Apache_2k.log"
    if apache.exists():
        kafka.acknowledged.clear()
        assert replay(apache, "mailer") == 0
        assert sum(topic == "logs.error" for topic, _, _ in kafka.acknowledged) == apache.read_bytes().count(
            b"] [error] "
        )
