"""One stack for the programs of this folder: its files, and the environment for Pulumi.

`local` has the state and the cluster of this checkout, as `make env` prints them. Every other stack takes Pulumi's
backend, its passphrase and the access to a cluster from the environment. A pipeline sets that access as a value:

KUBECONFIG_TEXT: the text of a kubeconfig. EKS_CLUSTER: the name of an EKS cluster, for `aws eks`.
AWS_ID_TOKEN: the token of the pipeline's run, which AWS accepts for the role AWS_ROLE_ARN.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedded import REPOSITORY
from embedded.build.cache import EmbeddedError
from embedded.machine.source import choose_source
from embedded.machine.state import environment, own_stack_file, state_dir
from embedded.machine.toolchain import toolchain as pulumi_toolchain

LOCAL = "local"
POLICIES = REPOSITORY / "policy"
# A pipeline without these settings sets the variables to empty texts, which Pulumi would take for values.
_OPTIONAL = ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "AWS_REGION", "KUBECONFIG")


class StackError(Exception):
    """Something that a person has to change; its text says what and how. Shown without a traceback."""


@dataclass(frozen=True)
class Stack:
    """A stack of this checkout, by its name."""

    name: str
    env: Mapping[str, str] = field(repr=False)
    """What programs are run with."""

    @property
    def preview(self) -> Path:
        """What `pulumi preview --json` printed."""
        return state_dir() / f"preview-{self.name}.json"

    @property
    def plan(self) -> Path:
        """The plan for people, in Markdown."""
        return state_dir() / f"plan-{self.name}.md"

    @property
    def drift(self) -> Path:
        """The report on drift, in Markdown."""
        return state_dir() / f"drift-{self.name}.md"

    @property
    def file(self) -> str | None:
        """The stack file, if it is not in `stacks/`: `local` may have one elsewhere."""
        return own_stack_file() if self.name == LOCAL else None

    def options(self) -> list[str]:
        """Pulumi's arguments: the stack, and that nobody answers questions."""
        file = ["--config-file", self.file] if self.file else []
        return ["--stack", self.name, *file, "--non-interactive", "--color=never"]

    def run(self, words: Sequence[str], **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program at the root of the checkout and take what it prints."""
        return subprocess.run(
            words,
            cwd=REPOSITORY,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


def stack(name: str) -> Stack:
    """The stack with the environment of its programs. Raises StackError or EmbeddedError."""
    known = sorted(file.name.split(".")[1] for file in (REPOSITORY / "stacks").glob("Pulumi.*.yaml"))
    if name not in known:
        what = f"there is no stack {name!r}" if name else "which stack?"
        raise StackError(f"{what}; write STACK= and one of: {', '.join(known)}")
    programs = _programs()
    if name == LOCAL:
        made = Stack(name, {**os.environ, **environment(programs)})
        words = ["pulumi", "stack", "select", LOCAL, "--create", "--non-interactive"]
        if (done := made.run(words)).returncode:
            raise StackError(f"`{' '.join(words)}` failed: {last_words(done.stderr)}")
        return made
    env = {key: value for key, value in os.environ.items() if value or key not in _OPTIONAL}
    env["PATH"] = os.pathsep.join([str(programs), env["PATH"], str(Path(sys.executable).parent)])
    env["PULUMI_SKIP_UPDATE_CHECK"] = "true"
    return Stack(name, env | _aws(name, env) | _cluster(name, env))


def _programs() -> Path:
    """The folder with pulumi: the one that is installed, else that of the project's toolchain."""
    return pulumi_toolchain(pull=choose_source().kind == "pull")


def _aws(name: str, env: Mapping[str, str]) -> dict[str, str]:
    """The environment with the token in a file, where all AWS clients read it."""
    token = env.get("AWS_ID_TOKEN", "")
    if not token:
        return {}
    if not env.get("AWS_ROLE_ARN"):
        raise StackError("AWS_ID_TOKEN is set, but not the role that it is for: set AWS_ROLE_ARN")
    file = _secret_file(f"aws-token-{name}", token)
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_SESSION_NAME": f"kafkalogs-{name}"}


def _cluster(name: str, env: Mapping[str, str]) -> dict[str, str]:
    """The environment with the kubeconfig from the pipeline's settings; empty without such a setting."""
    text, cluster = env.get("KUBECONFIG_TEXT", ""), env.get("EKS_CLUSTER", "")
    if text and cluster:
        raise StackError("KUBECONFIG_TEXT and EKS_CLUSTER are both set: which cluster? Remove one of them.")
    if text:
        return {"KUBECONFIG": str(_secret_file(f"kubeconfig-{name}", text))}
    if not cluster:
        return {}
    file = state_dir() / f"kubeconfig-{name}"
    words = ["aws", "eks", "update-kubeconfig", "--name", cluster, "--kubeconfig", str(file)]
    try:
        done = Stack(name, {**env, **_aws(name, env)}).run(words)
    except FileNotFoundError as error:
        raise StackError("EKS_CLUSTER is set, but `aws` is not installed: put AWS' command line on PATH") from error
    if done.returncode:
        raise StackError(f"`{' '.join(words)}` failed: {last_words(done.stderr)}")
    return {"KUBECONFIG": str(file)}


def _secret_file(name: str, text: str) -> Path:
    """A file that only this user reads."""
    file = state_dir() / name
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text if text.endswith("\n") else f"{text}\n")
    return file


def last_words(text: str, lines: int = 15) -> str:
    """The end of what a program printed."""
    return "\n".join(text.strip().splitlines()[-lines:])


def told(problem: Exception) -> int:
    """Print the error; returns the exit code."""
    print(f"error: {problem}", file=sys.stderr)
    return 1


PROBLEMS = (StackError, EmbeddedError)
"""The errors that `told` prints."""
