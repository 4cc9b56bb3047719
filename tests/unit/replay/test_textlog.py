"""What a line says of its level and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs.config.levels import LEVELS
from kafkalogs.replay.textlog import guess_level, leading_time

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2015-10-18 18:01:47,978 INFO [main] org.apache.Error: Executing", "info"),
        ("081109 214043 2561 WARN dfs.DataNode$DataXceiver: Got exception", "warning"),
        ("[Sun Dec 04 04:47:44 2005] [error] mod_jk child workerEnv in error state 6", "error"),
        ("[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok", "info"),
        ("[Sun Dec 04 04:47:44 2005] [core:error] [pid 1] denied", "error"),
        ("[Sun Dec 04 04:47:44 2005] [:crit] out of memory", "critical"),
        ("FATAL: password authentication failed", "critical"),
        ("WARNING - not WARN only", "warning"),
        ("level=debug msg=started", "debug"),
        ('{"severity": "Error", "message": "x"}', "error"),
        ("ts=1 lvl=eror level=WARN", "warning"),
        ("<34>Oct 11 22:14:15 host su: failed", "critical"),
        ("<13>Oct 11 22:14:15 host app: ERROR in text", "info"),
        ("<999>no priority", "info"),
        ('1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 23', "info"),
        ('1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 404 23', "warning"),
        ('1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "POST /x HTTP/1.1" 503 23', "error"),
        ('"GET /v2/servers HTTP/1.1" status: 500 len: 1893', "error"),
        ("Failed password for root from 1.2.3.4: error, failure, exception", "info"),
        ("java.lang.ERROR.Thing in a name", "info"),
        ("INFORMATION about ERRORS", "info"),
        ("x" * 250 + " ERROR", "info"),
        ("", "info"),
    ],
)
def test_level(line: str, level: str):
    assert guess_level(line) == level


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "1969-12-31T23:59:59Z"])
def test_a_time_that_cannot_be_stored_is_none(time: str):
    assert leading_time(f"{time} WARN expires: never set", NOW) is None


@given(st.text(max_size=400))
def test_any_text_has_a_level_and_perhaps_a_time(line: str):
    assert guess_level(line) in LEVELS
    timed = leading_time(line, NOW)
    assert timed is None or timed[0].tzinfo is not None


@pytest.mark.parametrize(
    ("line", "moment", "text"),
    [
        ("2015-10-18 18:01:47,978 INFO", datetime(2015, 10, 18, 18, 1, 47, 978000, UTC), "2015-10-18 18:01:47,978"),
        ("2026-01-02T03:04:05.678Z x", datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), "2026-01-02T03:04:05.678Z"),
        (
            "[2026-01-02 03:04:05+02:00] x",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-02 03:04:05+02:00",
        ),
        (
            "nova-api.log.1 2017-05-16 00:00:00.008 25746 INFO",
            datetime(2017, 5, 16, 0, 0, 0, 8000, UTC),
            "2017-05-16 00:00:00.008",
        ),
        (
            "[Sun Dec 04 04:47:44.123456 2005] [x]",
            datetime(2005, 12, 4, 4, 47, 44, 123456, UTC),
            "Sun Dec 04 04:47:44.123456 2005",
        ),
        (
            '10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /"',
            datetime(2000, 10, 10, 20, 55, 36, tzinfo=UTC),
            "10/Oct/2000:13:55:36 -0700",
        ),
        ("17/06/09 20:10:40 INFO", datetime(2017, 6, 9, 20, 10, 40, tzinfo=UTC), "17/06/09 20:10:40"),
        ("99/06/09 20:10:40 INFO", datetime(1999, 6, 9, 20, 10, 40, tzinfo=UTC), "99/06/09 20:10:40"),
        ("081109 203615 148 INFO", datetime(2008, 11, 9, 20, 36, 15, tzinfo=UTC), "081109 203615"),
        ("Feb  3 15:16:01 combo sshd", datetime(2026, 2, 3, 15, 16, 1, tzinfo=UTC), "Feb  3 15:16:01"),
        ("Jun 14 15:16:01 combo sshd", datetime(2025, 6, 14, 15, 16, 1, tzinfo=UTC), "Jun 14 15:16:01"),
        ("<34>Jun 14 15:16:01 combo sshd", datetime(2025, 6, 14, 15, 16, 1, tzinfo=UTC), "Jun 14 15:16:01"),
        ("Feb 29 15:16:01 combo sshd", datetime(2024, 2, 29, 15, 16, 1, tzinfo=UTC), "Feb 29 15:16:01"),
    ],
)
def test_time(line: str, moment: datetime, text: str):
    assert leading_time(line, NOW) == (moment, text)


@pytest.mark.parametrize(
    "line", ["", "hello", "2015-13-45 99:99:99 x", "at 2015-10-18 the 18:01:47", "Feb 30 10:00:00 host x"]
)
def test_no_time(line: str):
    assert leading_time(line, NOW) is None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2026, 2, 1)))
def test_what_is_written_is_read_back(naive: datetime):
    moment = naive.replace(tzinfo=UTC, microsecond=naive.microsecond // 1000 * 1000)
    for form in ("%Y-%m-%d %H:%M:%S,%f INFO", "[%a %b %d %H:%M:%S.%f %Y] x", "%Y-%m-%dT%H:%M:%S.%fZ x"):
        found = leading_time(moment.strftime(form), NOW)
        assert found is not None
        assert found[0] == moment
