"""The progress display of `make up`: a line for each step, with the elapsed time and the current work.

Output of commands goes to a log file of the step; if the step fails, the last lines are shown.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from embedded.build.cache import EmbeddedError, cache_root

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Step:
    """A step that runs. log: the file that gets the output of its commands. started: of time.monotonic()."""

    log: Path
    started: float

    def seconds(self) -> float:
        """How long the step has run; seconds."""
        return time.monotonic() - self.started


_current: ContextVar[Step | None] = ContextVar("step", default=None)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Run a block as a step: print its title, then its duration, also if the block fails."""
    logs = cache_root() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    slug = "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")[:60]
    current = Step(logs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{slug}.log", time.monotonic())
    console.print(f"[bold]>[/bold] {escape(title)}")
    token = _current.set(current)
    try:
        yield
    except BaseException:
        console.print(f"[red]✗[/red] {escape(title)} failed after {current.seconds():.0f} s")
        raise
    else:
        console.print(f"[green]✓[/green] {escape(title)} [dim]{current.seconds():.0f} s[/dim]")
    finally:
        _current.reset(token)


def say(what: str) -> None:
    """Show the current work of a step (a download, a build) in the step's line; outside a step, just print it."""
    current = _current.get()
    since = f"    [dim]{current.seconds():5.0f} s[/dim]  " if current else ""
    console.print(f"{since}{escape(what)}")


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    remedy: str = "",
    input: str | None = None,
) -> str:
    """Run a command and return its standard output. Standard output and error also go to the current step's log.

    env: added to the environment of this process. timeout: seconds.
    Raises EmbeddedError with the last lines of output and ``remedy`` if the command fails, cannot be found or exceeds
    ``timeout``.
    """
    words = [str(word) for word in command]
    current = _current.get()
    log = current.log if current else cache_root() / "logs" / "commands.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    process: subprocess.Popen[str] | None = None
    try:
        with interrupts_wait():
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        out, errors = process.communicate(input, timeout)
    except FileNotFoundError as error:
        raise EmbeddedError(f"{words[0]} is not installed or not on PATH. {remedy}".strip()) from error
    except BaseException as error:
        if process is not None:
            _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise EmbeddedError(f"`{_shown(words)}` did not end within {timeout:.0f} s. {remedy}".strip()) from error
        raise
    with log.open("a") as file:
        file.write(f"$ {_shown(words)}\n{out}{errors}\n")
    if process.returncode:
        tail = [*(out + errors).strip().splitlines()[-15:], remedy, f"Whole log: {log}"]
        head = f"`{_shown(words)}` failed with exit code {process.returncode}:"
        raise EmbeddedError("\n".join([head, *filter(None, tail)]))
    return out


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Raise an interrupt only after the block, which starts a program.

    An interrupt between the start of the program and the assignment of its process would leave the program running.
    Only the main thread gets interrupts, and a process that ignores them goes on ignoring them.
    """
    numbers = [number for number in _INTERRUPTS if signal.getsignal(number) is signal.default_int_handler]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    came: list[int] = []
    for number in numbers:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def _end(process: subprocess.Popen[str], grace: float = 20) -> None:
    """Terminate a command, so that it can undo unfinished work (mounts, containers); kill it after ``grace`` s."""
    process.terminate()
    try:
        process.communicate(timeout=grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _shown(words: Sequence[str]) -> str:
    text = " ".join(words)
    return text if len(text) < 200 else text[:197] + "..."
