"""What is no preview that can be reported is refused in a sentence, and names cannot break the report."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kafkalogs.plan import command, report
from kafkalogs.plan.markdown import code, plain
from kafkalogs.plan.preview import PlanError, read

from . import steps
from .steps import STRIMZI, preview, step, topic, user

GOOD = preview(step("update", f"{STRIMZI}KafkaTopic", topic(), topic(**{"retention.ms": 1000})))
ERROR = {"message": "\x1b[31merror: no stack named 'qa' found\x1b[0m\n", "severity": "error"}

REFUSED = {
    "empty": ("", "empty"),
    "blank": (" \n\t\n", "empty"),
    "text": ("error: no such stack", "there is no JSON"),
    "for people": ("Previewing update (prod):\n     Type  Name  Plan\n", "run `pulumi preview --json`"),
    "a number": ("42", "there is no JSON"),
    "a list": ("[]", "there is no JSON"),
    "another object": ('{"a": 1}', "neither steps nor changeSummary"),
    "a state": ('{"version": 3, "deployment": {"resources": []}}', "a stack's state, not a preview"),
    "cut off": (GOOD[: len(GOOD) // 2], "cut off or damaged at line 1"),
    "cut off at the end": (GOOD[:-1], "cut off or damaged"),
    "corrupted": (GOOD.replace('"op":', '"op"'), "cut off or damaged"),
    "two": (f"{GOOD}\n{GOOD}", "2 previews"),
    "streamed": ('{"sequence": 1, "preludeEvent": {}}\n{"sequence": 2, "summaryEvent": {}}', "streamed events"),
    "failed": (json.dumps({"steps": [], "diagnostics": [ERROR], "changeSummary": {}}), "no stack named 'qa' found"),
    "not ended": ('{"steps": []}', "no changeSummary"),
    "a step without urn": ('{"steps": [{"op": "create"}], "changeSummary": {}}', "no urn"),
    "a step that is none": ('{"steps": [7], "changeSummary": {}}', "no urn"),
    "deep": ('{"steps": ' + "[" * 100_000, "nested too deep"),
    "deep values": (preview(step("create", "x:y:Z", None, {})).replace("{}", '{"a": ' * 900 + "{}" + "}" * 900), None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_preview_is_refused(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, reason = REFUSED[case]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code_of = command.main(["plan"])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    if reason is None:
        assert code_of in {2, 4}
        return
    assert code_of == 4
    assert printed.out == ""
    assert reason in printed.err
    assert "\x1b" not in printed.err


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"\xff\xfe\xff", "not text"), (b"\x80abc", "not text in UTF-8"), (b"\x00" * 9, "there is no JSON")],
)
def test_bytes_that_are_no_text(data: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "preview.json"
    file.write_bytes(data)
    assert command.main(["plan", str(file)]) == 4
    assert reason in capsys.readouterr().err


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["plan", str(tmp_path / "missing.json")]) == 4
    assert "No such file" in capsys.readouterr().err
    assert command.main(["plan", str(tmp_path)]) == 4
    assert "directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--nonsense"],
        ["a.json", "b.json"],
        ["--disk-price", "cheap"],
        ["--disk-price", "-1"],
        ["--archive-ratio", "nan"],
    ],
)
def test_wrong_arguments_are_not_a_plan_with_changes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["plan", *words])
    assert ended.value.code == 4
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "before", ["", "✓ Programs\n", "{not json}\n", "warning: {\n", '{"level": "info"}\n', "\ufeff"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_before_the_preview_are_passed_over(before: str, encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "preview.json"
    file.write_bytes((before + GOOD).encode(encoding))
    assert command.main(["plan", str(file)]) == 3


def test_a_report_that_cannot_be_written_is_no_success(tmp_path: Path) -> None:
    file = tmp_path / "preview.json"
    file.write_text(GOOD)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kafkalogs.plan.command", "plan", str(file)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr == "kafkalogs plan: the report cannot be written: No space left on device\n"


def test_nothing_to_change_is_zero(tmp_path: Path) -> None:
    file = tmp_path / "preview.json"
    config = {"environment": "local", "services": {"a": {"team": "t", "rate": "1KiB/s"}}}
    file.write_text(preview(step("same", "pulumi:pulumi:Stack", {}, {}), config=config))
    assert command.main(["plan", str(file)]) == 0


HOSTILE = [
    "a|b",
    "`code`",
    "<script>alert(1)</script>",
    "@everyone",
    "![x](http://evil/x.png)",
    "[link](javascript:1)",
    "line\nbreak\r\n| x | y |",
    "back\\slash\\|",
    "``` fence",
    "\u202eright-to-left\u200b",
    "\x1b[31mred\x07",
    "https://user:hunter2@host/x",
    "v1:lFZ5Rr0ghPbgMVIQ:nbJgNeKRMUWlKKCy0AxlzvbPzA==",
    "4dabf18193072939515e22adb298388d",
    "x" * 5000,
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_break_the_report(name: str) -> None:
    """Wherever a name may stand: topic, user, class, listener, path of the stack, exception."""
    made = [
        step("delete", f"{STRIMZI}KafkaTopic", topic(name), name=name),
        step("update", f"{STRIMZI}KafkaTopic", topic(), topic(**{name: name, "retention.ms": 1})),
        step("create", f"{STRIMZI}KafkaUser", None, user(name, steps.rule("Read", name, kind=name)), name=name),
        step(
            "update", f"kubernetes:core/v1:{name}", {"metadata": {"name": "a"}}, {"metadata": {"name": name}}, name=name
        ),
        step("delete", f"{name}:index:{name}", {"name": name}, name=name),
        steps.catalog_step(
            steps.catalog({}, {}),
            steps.catalog(
                {name: name}, {name: [name]}, {name: {"team": name, "layout": name, "topics": {"x": name}}}, key=name
            ),
        ),
    ]
    told = steps.told(*made, config={"exceptions": [{"rule": name, "resource": name, "expires": name, "reason": name}]})
    text = report.markdown(told)
    outside = re.sub(r"`[^`\n]*`", "", text)
    assert "`" not in outside
    for forbidden in ("<script", "@everyone", "](", "evil", "javascript"):
        assert forbidden not in outside
    for forbidden in ("hunter2", "lFZ5Rr0ghPbgMVIQ", "4dabf181930729", "\x1b", "\u202e", "\u200b", "\r"):
        assert forbidden not in text
    heads = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert heads <= {4, 5, 6}, heads
    assert len(text) < 60_000


def test_code_and_plain() -> None:
    assert code("logs.a") == "`logs.a`"
    assert code("a|`b\\") == "`a\u00a6\u02bcb\u2216`"
    assert code("") == "(empty)"
    assert plain("  a\n b ") == "a b"


def test_a_very_large_preview_says_what_it_leaves_out() -> None:
    made = [
        step(
            "update", f"{STRIMZI}KafkaTopic", topic(f"t{i}"), topic(f"t{i}", **{"retention.ms": 1000 + i}), name=f"t{i}"
        )
        for i in range(400)
    ]
    text = report.markdown(steps.told(*made))
    assert "250 more rows" in text
    assert "Dangerous: 40" in text
    alike = [step("delete", f"{STRIMZI}KafkaTopic", topic(f"t{i}"), name=f"t{i}") for i in range(400)]
    assert "400: topic `t0`" in report.markdown(steps.told(*alike))


def test_a_replacement_in_three_steps_is_one() -> None:
    kind = f"{STRIMZI}KafkaTopic"
    one = read(preview(step("replace", kind, topic(), topic())))
    three = read(
        preview(
            step("create-replacement", kind, None, topic()),
            step("replace", kind, topic(), topic()),
            step("delete-replaced", kind, topic(), None),
        )
    )
    assert [(s.op, s.old, s.new) for s in three.steps] == [(s.op, s.old, s.new) for s in one.steps]


def test_the_reason_of_a_failure_shows_no_ciphertext() -> None:
    entry = {"message": 'error: "ciphertext":"v1:abcdefgh:ijklmnopq=="', "severity": "error"}
    with pytest.raises(PlanError) as refused:
        read(json.dumps({"diagnostics": [entry]}))
    assert "ijklmnop" not in str(refused.value)
