from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from embedded.build.cache import EmbeddedError
from embedded.build.progress import step
from embedded.machine.deploy import pulumi_up, stack_has_parts
from embedded.machine.state import state_dir
from tests.unit.embedded.conftest import script

DONE = """
if [ "$1" = up ]; then
echo "Updating (local):"
echo " +  kubernetes:core/v1:Namespace kafkalogs created (0.11s)"
echo " +  kubernetes:kafka.strimzi.io/v1:Kafka logs creating (50s)"
echo " +  kubernetes:kafka.strimzi.io/v1:Kafka logs created (61s)"
echo "Resources:"
echo "    + 12 created"
fi
"""
FAILED = """
[ "$1" = up ] || exit 0
echo "Updating (local):"
echo "Diagnostics:"
echo "  kafkalogs:index:Platform (local):"
echo "    error: services.nginx.rate: 0 is not above zero"
exit 255
"""
STOPS = """
[ "$1" = up ] || exit 0
trap 'echo stopped >> {log}; exit 1' INT
touch {started}
while :; do :; done
"""


def test_shows_what_took_its_time_and_the_sum(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script(programs, "pulumi", DONE)
    with step("pulumi up"):
        pulumi_up(programs)
    shown = capsys.readouterr().out
    assert "Kafka logs created (61s)" in shown
    assert "12 created" in shown
    assert "creating" not in shown
    assert "Namespace" not in shown


def test_failure_is_pulumis_diagnostics(programs: Path) -> None:
    script(programs, "pulumi", FAILED)
    with pytest.raises(EmbeddedError) as error:
        pulumi_up(programs)
    assert "services.nginx.rate: 0 is not above zero" in str(error.value)
    assert "Updating" not in str(error.value)


def test_state_is_in_files_of_this_checkout(programs: Path, tmp_path: Path) -> None:
    script(programs, "pulumi", f'echo "$PULUMI_BACKEND_URL $KUBECONFIG" >> {tmp_path}/log')
    pulumi_up(programs)
    assert set((tmp_path / "log").read_text().splitlines()) == {f"file://{state_dir()}/state {state_dir()}/kubeconfig"}


def test_interrupt_reaches_pulumi_once_and_is_waited_for(programs: Path, tmp_path: Path) -> None:
    log, started = tmp_path / "log", tmp_path / "started"
    os.environ["PATH"] += ":/usr/bin:/bin"
    script(programs, "pulumi", STOPS.format(log=log, started=started))

    def interrupt() -> None:
        while not started.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        pulumi_up(programs)
    thread.join()
    assert log.read_text() == "stopped\n"


def test_interrupt_while_pulumi_starts_reaches_it(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, started = tmp_path / "log", tmp_path / "started"
    os.environ["PATH"] += ":/usr/bin:/bin"
    script(programs, "pulumi", STOPS.format(log=log, started=started))
    real = subprocess.Popen

    def start(*words: Any, **settings: Any) -> subprocess.Popen[str]:
        running = real(*words, **settings)
        while "up" in words[0] and not started.exists():
            time.sleep(0.01)
        if started.exists():
            os.kill(os.getpid(), signal.SIGINT)
        return running

    monkeypatch.setattr("embedded.machine.deploy.subprocess.Popen", start)
    with pytest.raises(KeyboardInterrupt):
        pulumi_up(programs)
    assert log.read_text() == "stopped\n"


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("config: {kafkalogs:platform: {search: {}}}", True),
        ("config: {kafkalogs:platform: {search: null, shop: {}}}", False),
        ("config: {kafkalogs:platform: [search]}", False),
        ("nothing: here", False),
        ("config: {", False),
    ],
)
def test_which_parts_a_stack_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, has: bool) -> None:
    (tmp_path / "stack.yaml").write_text(text)
    monkeypatch.setenv("KAFKALOGS_STACK_FILE", str(tmp_path / "stack.yaml"))
    assert stack_has_parts() is has
