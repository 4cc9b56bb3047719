"""The programs and commands that the documents show do what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest

REPO = Path(__file__).resolve().parents[2]


def blocks(document: str, language: str) -> list[str]:
    text = (REPO / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


class Recorder(pulumi.runtime.Mocks):
    def __init__(self) -> None:
        self.types: list[str] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.types.append(args.typ)
        return args.name, dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        return {}


def test_the_program_of_the_components_page_runs() -> None:
    (program,) = blocks("docs/components.md", "python")
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, preview=False)

    @pulumi.runtime.test
    def run() -> None:
        exec(compile(program, "docs/components.md", "exec"), {})

    run()
    assert {"kubernetes:kafka.strimzi.io/v1:Kafka", "kubernetes:kafka.strimzi.io/v1:KafkaUser"} <= set(recorder.types)


def test_the_imports_of_the_readme_work() -> None:
    for program in blocks("README.md", "python"):
        exec(compile(program, "README.md", "exec"), {})


def commands(document: str) -> list[str]:
    lines = [line.split("  #")[0].strip() for block in blocks(document, "sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (REPO / "Makefile").read_text(), re.M))
    named = set(re.findall(r"make (?:-s )?([a-z]+)[`) \n]", (REPO / "README.md").read_text()))
    assert named
    assert named <= targets


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make", "-s", "-C", str(REPO)], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z]+) ", listed, re.M)) == set(
        re.findall(r"^([a-z]+):.*## ", (REPO / "Makefile").read_text(), re.M)
    )


# Where the shell commands of the README are run that need more than the cluster of the integration tests.
RUN_ELSEWHERE = {
    "make up": "conftest.py: `embedded up`",
    "make test": ".ci/run",
    'eval "$(make -s env)"': "sandbox.py: load_env",
    "pulumi up -s local": "sandbox.py: up",
    "pulumi destroy -s local": "test_9_destroy.py",
    "kafkalogs doctor -s local": "test_8_doctor.py, with the tests' own stack file",
}


@pytest.mark.parametrize("command", commands("README.md"))
def test_every_command_of_the_readme_is_run_by_a_test(command: str) -> None:
    assert command in RUN_ELSEWHERE or command in (REPO / "tests/integration/test_0_up.py").read_text()
