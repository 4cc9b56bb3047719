"""The reports of real previews, as `record.py` made them: the file beside each has what people get to see.

`KAFKALOGS_WRITE_SNAPSHOTS=1` writes them anew; look at each before it is committed.
"""

import os
import re
from pathlib import Path

import pytest
from kafkalogs.plan import command, report
from kafkalogs.plan.cost import Prices
from kafkalogs.plan.findings import KINDS
from kafkalogs.plan.preview import PlanError, read

from .record import CASES, REPO

PREVIEWS = Path(__file__).with_name("previews")
FAILED = "wrong-stack-file"
NAMES = sorted(file.stem for file in PREVIEWS.glob("*.json") if file.stem != FAILED)

# What each change must be told of at least, whatever the words; {} is a change that is harmless.
EXPECTED = {
    "nothing": set(),
    "archive-removed": {"sink", "dead-letters", "topic"},
    "audit-service-added": set(),
    "authorization-off": {"access"},
    "compatibility-weakened": {"schema"},
    "dead-letters-removed": {"dead-letters"},
    "destroyed": {"topic", "store", "sink", "dead-letters", "access"},
    "disks-ephemeral": {"store"},
    "kafka-upgraded": set(),
    "key-changed": {"key"},
    "listener-outside": {"access"},
    "listener-outside-closed": set(),
    "listener-without-tls": {"encryption"},
    "namespace-changed": {"topic", "store", "sink", "dead-letters", "access"},
    "partitions-fewer": {"partitions"},
    "partitions-more": {"partitions"},
    "parts-removed": {"topic", "store", "dead-letters"},
    "protection-removed": {"protection"},
    "quota-removed": {"quota"},
    "rate-and-retention-up": set(),
    "replication-drop": {"copies"},
    "retention-cut": {"retention"},
    "rights-narrowed": set(),
    "rights-widened": {"access", "audit"},
    "schemas-removed": {"topic"},
    "secrets": {"unknown"},
    "service-added": set(),
    "service-removed": {"topic"},
    "service-renamed": {"topic"},
    "shipper-changed": {"access"},
    "sinks-removed": {"sink", "dead-letters", "topic", "store"},
    "unknown": {"unknown", "topic"},
}


def told(name: str) -> report.Report:
    return report.report(read((PREVIEWS / f"{name}.json").read_text()), Prices())


def test_every_preview_has_an_expectation() -> None:
    assert set(NAMES) == set(EXPECTED)
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", CASES)
def test_what_a_recording_changes_in_the_program_is_there(name: str) -> None:
    for file, old, new in CASES[name].program:
        assert old in (REPO / file).read_text()
        assert old != new


@pytest.mark.parametrize("name", NAMES)
def test_report(name: str) -> None:
    text = report.markdown(told(name))
    snapshot = PREVIEWS / f"{name}.md"
    if os.environ.get("KAFKALOGS_WRITE_SNAPSHOTS"):
        snapshot.write_text(text)
    assert text == snapshot.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_dangers_and_exit_code(name: str) -> None:
    report = told(name)
    assert {danger.kind for danger in report.dangers} == EXPECTED[name]
    assert report.exit_code == (3 if EXPECTED[name] else 0 if name == "nothing" else 2)
    assert all(danger.kind in KINDS for danger in report.dangers)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_as_many_cells_as_its_head(name: str) -> None:
    cells = 0
    for line in report.markdown(told(name)).splitlines():
        if not line.startswith("|"):
            cells = 0
            continue
        count = len(re.findall(r"(?<!\\)\|", line))
        assert count == (cells or count), line
        cells = count


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_told(name: str) -> None:
    text = report.markdown(told(name))
    assert "hunter2" not in text
    assert "4dabf181930729" not in text
    assert "04da6b54-80e4-46f7-96ec-b56ff0331ba9" not in text
    assert "[secret]" not in text  # said in words, not as Pulumi writes it


def test_a_failed_preview_is_refused_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    file = PREVIEWS / f"{FAILED}.json"
    with pytest.raises(PlanError, match=r"(?s)the preview failed.*retention\.audit: '3 hours': not a duration"):
        read(file.read_text())
    assert command.main(["plan", str(file)]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert "3 hours" in printed.err


def test_the_command_prints_the_report(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert command.main(["plan", str(PREVIEWS / "retention-cut.json")]) == 3
    assert capsysbinary.readouterr().out.decode() == (PREVIEWS / "retention-cut.md").read_text()
