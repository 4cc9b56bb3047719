"""`kafkalogs replay` with a platform in place of a cluster."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from kafkalogs import cli
from kafkalogs.client import connect
from kafkalogs.replay import command as replay_command

from tests.support.stub_platform import Access, Kafka


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()
    monkeypatch.setattr(replay_command, "ClusterAccess", Access)
    monkeypatch.setattr(connect, "connect_kafka", kafka.connect)
    return kafka


Run = Callable[..., int]


@pytest.fixture
def replay(kafka: Kafka, tmp_path: Path) -> Run:
    """Run `kafkalogs replay` with a state folder of the test's own."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch()

    def run(file: Path, name: str = "checkout-service", *more: str) -> int:
        words = [
            "replay",
            str(file),
            "--service",
            name,
            "--kubeconfig",
            str(kubeconfig),
            "--state",
            str(tmp_path / "state"),
        ]
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        try:
            return cli.main([*words, *more])
        finally:
            assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    return run
