"""What counts as a line that reports an error."""

from __future__ import annotations

import pytest

from tests.support.quiet import is_error


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-28 15:05:36,860 ERROR [data-plane-kafka-request-handler-6] ControllerApis: Unexpected error",
        "[2026-11-28 15:05:36,860] ERROR [Worker] failed (org.apache.kafka.connect.runtime.Worker:12)",
        '{"timestamp":"2026-11-28T15:05:36Z","level":"error","message":"no answer"}',
        "ts=2026-11-28T15:05:36Z level=error msg=x",
        "2026-11-28 15:05:36.860 UTC [81] FATAL:  the database system is shutting down",
    ],
)
def test_an_error(line: str) -> None:
    assert is_error(line)


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-28 15:05:36,860 INFO [main] errors.tolerance = all; ErrorReporter created",
        "2026-11-28 15:07:34,559 WARN [x] Auto topic creation failed with error 'TOPIC_ALREADY_EXISTS'",
        '{"level":"info","message":"0 errors"}',
        "logs.error: 12 records",
    ],
)
def test_no_error(line: str) -> None:
    assert not is_error(line)
