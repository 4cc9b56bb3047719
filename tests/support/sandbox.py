"""A checkout's commands with a state, cluster, ports and stack file of their own, apart from a `local` that is up."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
LOCAL_STACK = REPO / "stacks" / "Pulumi.local.yaml"
PLATFORM_KEY = "kafkalogs:platform"


@dataclass
class Result:
    """What a command answered."""

    code: int
    out: str
    seconds: float
    errors: str = ""

    @property
    def text(self) -> str:
        """All that it printed, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.out + self.errors)


@dataclass
class Sandbox:
    """state: folder of machine.json, kubeconfig, Pulumi state; port: of the bootstrap, brokers follow."""

    state: Path
    cluster: str
    port: int
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self.env = {
            **os.environ,
            "KAFKALOGS_STATE": str(self.state),
            "KAFKALOGS_CLUSTER": self.cluster,
            "KAFKALOGS_PORT": str(self.port),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_COLOR": "1",
        }
        self.stack_file = self.state / "Pulumi.local.yaml"
        self.env["KAFKALOGS_STACK_FILE"] = str(self.stack_file)
        if not self.stack_file.exists():
            self.write_stack(yaml.safe_load(LOCAL_STACK.read_text()))

    # -- the stack file

    def read_stack(self) -> dict[str, Any]:
        return yaml.safe_load(self.stack_file.read_text())

    def write_stack(self, stack: dict[str, Any]) -> None:
        self.stack_file.write_text(yaml.safe_dump(stack, sort_keys=False))

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the platform's configuration: ``change`` gets the value of kafkalogs:platform."""
        stack = self.read_stack()
        change(stack["config"][PLATFORM_KEY])
        self.write_stack(stack)

    @contextmanager
    def edited(self, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
        """The same for a block only; the file is put back, what was deployed is not."""
        before = self.stack_file.read_text()
        self.edit(change)
        try:
            yield
        finally:
            self.stack_file.write_text(before)

    # -- commands

    def run(self, *command: str, timeout: float = 600, check: bool = True, input: str | None = None) -> Result:
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=REPO,
            env=self.env,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        result = Result(done.returncode, done.stdout, time.monotonic() - started, done.stderr)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{result.text[-6000:]}")
        return result

    def embedded(self, *args: str, timeout: float = 2400, check: bool = True) -> Result:
        return self.run(sys.executable, "-m", "embedded", *args, timeout=timeout, check=check)

    def load_env(self) -> None:
        """Take over what `make env` prints: PATH with the tools, kubeconfig, Pulumi's backend."""
        for line in self.run(sys.executable, "-m", "embedded", "env").out.splitlines():
            exported = re.fullmatch(r"export (\w+)=(.*)", line)
            if exported:
                value = subprocess.run(
                    ["bash", "-c", f"{line}; printf %s \"${exported[1]}\""],
                    env=self.env, capture_output=True, text=True, check=True,
                ).stdout  # fmt: skip
                self.env[exported[1]] = value

    def pulumi(self, *args: str, timeout: float = 900, check: bool = True) -> Result:
        stack = ["-s", "local", "--config-file", str(self.stack_file)] if args[0] != "stack" else []
        quiet = ["--non-interactive", "--color", "never"]
        return self.run("pulumi", *args, *stack, *quiet, timeout=timeout, check=check)

    def up(self, *args: str, timeout: float = 900, check: bool = True) -> Result:
        return self.pulumi("up", "--yes", "--skip-preview", *args, timeout=timeout, check=check)

    def kubectl(self, *args: str, check: bool = True, input: str | None = None, timeout: float = 300) -> str:
        return self.run("kubectl", *args, check=check, input=input, timeout=timeout).out

    def get(self, *args: str) -> dict[str, Any]:
        """`kubectl get ... -o json` in the platform's namespace."""
        return json.loads(self.kubectl("-n", "kafkalogs", "get", *args, "-o", "json"))

    def wait(self, what: str, seen: Callable[[], Any], seconds: float = 120) -> Any:
        """Poll until ``seen`` gives something true; fail with ``what`` after ``seconds``."""
        deadline = time.monotonic() + seconds
        while True:
            value = seen()
            if value:
                return value
            assert time.monotonic() < deadline, f"not seen within {seconds:.0f} s: {what}"
            time.sleep(1)
