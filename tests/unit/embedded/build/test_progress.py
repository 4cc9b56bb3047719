from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from embedded.build.cache import EmbeddedError
from embedded.build.progress import run, step


def test_missing_program_is_named() -> None:
    with pytest.raises(EmbeddedError, match=r"no-such-program is not installed.*Install it"):
        run(["no-such-program"], remedy="Install it.")


def test_failure_shows_the_end_of_the_output_and_the_log(cache: Path) -> None:
    with step("A step"), pytest.raises(EmbeddedError) as error:
        run([sys.executable, "-c", "import sys; [print(i) for i in range(99)]; sys.exit('broken')"], remedy="Mend it.")
    message = str(error.value)
    assert "exit code 1" in message
    assert "98\nbroken\nMend it." in message
    log = Path(message.rsplit("Whole log: ", 1)[1])
    assert "\n0\n1\n" in log.read_text()


def test_timeout_ends_the_command() -> None:
    started = time.monotonic()
    with pytest.raises(EmbeddedError, match=r"did not end within 0 s"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
    assert time.monotonic() - started < 10


def test_interrupt_while_a_command_starts_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is known by nobody then, and would go on for ever."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: Any, **settings: Any) -> subprocess.Popen[str]:
        started.append(real(*words, **settings))
        os.kill(os.getpid(), signal.SIGINT)
        return started[0]

    real = subprocess.Popen
    monkeypatch.setattr("embedded.build.progress.subprocess.Popen", start)
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", "import time; time.sleep(60)"])
    assert started[0].poll() is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupt_lets_the_command_tidy_up(tmp_path: Path) -> None:
    """A command that is stopped halfway removes what it made: it gets a signal that it can handle, and time."""
    started, tidy = tmp_path / "started", tmp_path / "tidy"
    command = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(tidy)!r}).touch(), sys.exit(1)))\n"
        f"pathlib.Path({str(started)!r}).touch()\n"
        "time.sleep(60)"
    )

    def interrupt() -> None:
        while not started.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", command])
    thread.join()
    assert tidy.exists()
