"""A `pulumi` and a `kafkalogs` on PATH that answer what a test wants, and note what they were asked."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FAKE = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path({here!r})
name = pathlib.Path(sys.argv[0]).name
if sys.argv[1:] == ["version"]:
    print("v3.999.0")
    sys.exit()
names = ("PULUMI_BACKEND_URL", "KUBECONFIG", "AWS_WEB_IDENTITY_TOKEN_FILE", "PULUMI_CONFIG_PASSPHRASE", "STACK")
with (here / "calls").open("a") as file:
    file.write(json.dumps([[name, *sys.argv[1:]], {{k: os.environ[k] for k in names if k in os.environ}}]) + "\\n")
command = sys.argv[1] if name != "aws" else "aws"
answer = json.loads((here / "answers").read_text()).get(command, {{}})
if "--event-log" in sys.argv and "events" in answer:
    pathlib.Path(sys.argv[sys.argv.index("--event-log") + 1]).write_text(answer["events"])
if command == "plan" and "text" not in answer:
    answer["out"] = "plan of " + pathlib.Path(sys.argv[2]).read_text()[:40]
sys.stdout.write(answer.get("out", ""))
sys.stderr.write(answer.get("err", ""))
sys.exit(answer.get("code", 0))
"""


@dataclass
class Programs:
    """answers: by command, with out, err, code and events."""

    folder: Path
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, command: str, **values: Any) -> None:
        self.answers[command] = values
        (self.folder / "answers").write_text(json.dumps(self.answers))

    def calls(self, command: str) -> list[list[str]]:
        """The words of each call of a command."""
        return [words for words, _ in self._noted() if command in words[:2]]

    def env(self, command: str) -> dict[str, str]:
        """What the last call of a command had in its environment."""
        return next(env for words, env in reversed(self._noted()) if command in words[:2])

    def _noted(self) -> list[Any]:
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """The programs, and an environment with a state and a cache of its own and with no setting of this machine."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("pulumi", "kafkalogs", "aws", "pulumi-language-python"):
        (folder / name).write_text(FAKE.format(python=sys.executable, here=str(folder)))
        (folder / name).chmod(0o755)
    for name in (
        *("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "KUBECONFIG", "KUBECONFIG_TEXT", "EKS_CLUSTER"),
        *(
            "AWS_ID_TOKEN",
            "AWS_ROLE_ARN",
            "DANGEROUS",
            "APPROVED",
            "GITHUB_STEP_SUMMARY",
            "KAFKALOGS_STACK_FILE",
            "POLICIES",
            "POLICIES_REF",
        ),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("KAFKALOGS_SOURCE", "pull")
    monkeypatch.setenv("KAFKALOGS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAFKALOGS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("ci.preview.KAFKALOGS", [str(folder / "kafkalogs")])
    monkeypatch.setattr("ci.drift.KAFKALOGS", [str(folder / "kafkalogs")])
    made = Programs(folder)
    made.answer("preview", out='{"steps": []}\n')
    return made
