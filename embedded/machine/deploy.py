"""`pulumi up` and `pulumi destroy` of the stack local, with readable output."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml
from kafkalogs.parts import IMAGES

from embedded import REPOSITORY
from embedded.build.cache import EmbeddedError, cache_root
from embedded.build.progress import interrupts_wait, run, say
from embedded.machine.state import environment, own_stack_file

STACK = "local"
# a finished resource, e.g. " +  kubernetes:core/v1:Namespace kafkalogs created (0.11s)"
_DONE = re.compile(r"^ \S+ +\S+ .* (created|updated|deleted|replaced|read)\b.*\(([\d.]+)s\)")


def pulumi_up(programs: Path) -> None:
    """Run `pulumi up`; raises EmbeddedError with Pulumi's diagnostics if it fails."""
    make_stack(programs)
    _pulumi(programs, "up", "--skip-preview")


def pulumi_destroy(programs: Path) -> None:
    """Remove all resources of the stack."""
    make_stack(programs)
    _pulumi(programs, "destroy", "--skip-preview")


def make_stack(programs: Path) -> None:
    """Create the stack in Pulumi's state unless it exists, since `pulumi up -s local` needs an existing stack."""
    words = ["pulumi", "stack", "select", STACK, "--create", "--non-interactive"]
    run(words, cwd=REPOSITORY, env=environment(programs))


def stack_has_parts() -> bool:
    """Whether the stack file enables parts besides the cluster, so that the stack needs their images."""
    own = own_stack_file()
    file = Path(own) if own else REPOSITORY / "stacks" / f"Pulumi.{STACK}.yaml"
    try:
        platform: Any = yaml.safe_load(file.read_text())["config"]["kafkalogs:platform"]
        return any(platform.get(key) is not None for key in IMAGES)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return False  # Pulumi reports the error


def _pulumi(programs: Path, *words: str) -> None:
    """Run pulumi, show each finished resource, and keep the whole output in a log."""
    log = cache_root() / "logs" / f"{time.strftime('%Y%m%d-%H%M%S')}-pulumi-{words[0]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # a second platform on the same machine has a stack file with other ports
    stack_file = own_stack_file()
    config = ["--config-file", stack_file] if stack_file else []
    command = ["pulumi", *words, "--stack", STACK, *config, "--yes", "--non-interactive", "--color=never"]
    running: subprocess.Popen[str] | None = None
    lines: list[str] = []
    try:
        with interrupts_wait():
            running = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, **environment(programs)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                # Ctrl-C is forwarded below, only once: after a second one pulumi waits for nothing
                start_new_session=True,
            )
        assert running.stdout is not None
        with log.open("w") as file:
            for line in running.stdout:
                file.write(line)
                lines.append(line.rstrip())
                # quick resources would hide the slow ones
                if (done := _DONE.match(line)) and float(done[2]) >= 1:
                    say(line.strip())
    except KeyboardInterrupt:
        if running is not None:
            # pulumi finishes its running operations, so that its state stays correct
            say("waiting for pulumi to stop")
            running.send_signal(signal.SIGINT)
            running.communicate()
        raise
    if running.wait():
        start = next((i for i, text in enumerate(lines) if text.startswith("Diagnostics:")), max(0, len(lines) - 30))
        raise EmbeddedError("\n".join([f"`{' '.join(command)}` failed:", *lines[start:], f"Whole output: {log}"]))
    for line in lines[-12:]:
        if re.match(r"\s+[+~±-]?-? ?\d+ (created|updated|deleted|unchanged|replaced|to )|\s+\d+ unchanged", line):
            say(line.strip())
