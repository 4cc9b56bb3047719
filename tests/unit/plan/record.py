"""Records the previews that the tests of `kafkalogs plan` read: real output of `pulumi preview --json`, trimmed.

    make up && eval "$(make -s env)"
    .venv/bin/python tests/unit/plan/record.py            # all of CASES, or those whose names are given

Nothing is changed where the platform runs: its Pulumi state and kubeconfig are copied to a folder that is removed
again, the program is copied too, and each case edits the copies (stack file, program, state) and asks for a preview.
What is then left out of each file is in `trimmed`: nothing that a report reads.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[3]
PREVIEWS = Path(__file__).with_name("previews")
PLATFORM = "kafkalogs:platform"

Config = dict[str, Any]
Edit = Callable[[Config], object]


@dataclass(frozen=True)
class Case:
    """One change. An edit of the program is (file, text that is there once, text instead)."""

    config: Edit = lambda config: None
    program: tuple[tuple[str, str, str], ...] = ()
    deployed: Callable[[Any], Any] | None = None
    """What every value in the state becomes: as if something else had been deployed."""
    command: tuple[str, ...] = ("preview",)
    fails: bool = False


def _add(config: Config, name: str, **service: Any) -> None:
    config["services"][name] = service


def _rename_namespace(config: Config) -> None:
    config["namespace"] = "logging"


def _drop(*path: str) -> Edit:
    def edit(config: Config) -> None:
        for key in path[:-1]:
            config = config[key]
        del config[path[-1]]

    return edit


def _put(value: Any, *path: str) -> Edit:
    def edit(config: Config) -> None:
        for key in path[:-1]:
            config = config.setdefault(key, {})
        config[path[-1]] = value

    return edit


def _all(*edits: Edit) -> Edit:
    return lambda config: [edit(config) for edit in edits]


def _no_external_listener(value: Any) -> Any:
    listeners = isinstance(value, list) and any(isinstance(one, dict) and "tls" in one for one in value)
    return [one for one in value if one.get("name") != "external"] if listeners else value


def _full_compatibility(value: Any) -> Any:
    return value.replace('"compatibility": "BACKWARD"', '"compatibility": "FULL"') if isinstance(value, str) else value


def _protected(value: Any) -> Any:
    """As `pulumi state protect --all` leaves it."""
    return {**value, "protect": True} if isinstance(value, dict) and "urn" in value and "type" in value else value


POOL = ("kafka", "pools", "kafka")
LISTENERS = "components/kafkalogs/kube/listeners.py"
CLUSTER = "components/kafkalogs/kafka/cluster.py"
TOPIC = "components/kafkalogs/platform.py"

# The topic's retention, the rights of a user and the password of a connector, as only Pulumi's engine knows them: an
# output of a resource that is not there yet, and a secret.
LATER = """
import pulumi_kubernetes as later
_LATER = later.core.v1.ConfigMap("later", metadata={"namespace": "kafkalogs"}).id
"""

CASES: dict[str, Case] = {
    "nothing": Case(),
    "service-added": Case(
        lambda c: _add(c, "gift-service", team="storefront", rate="64KiB/s", partitionBy="user_id", retention="2h")
    ),
    "audit-service-added": Case(
        lambda c: _add(c, "vault-service", team="identity", rate="8KiB/s", layout="service", types=["audit"])
    ),
    "service-removed": Case(_drop("services", "cart-service")),
    "service-renamed": Case(
        _all(
            lambda c: _add(c, "basket-service", **c["services"]["cart-service"]),
            _drop("services", "cart-service"),
        )
    ),
    "retention-cut": Case(
        _all(_put("30m", "services", "payment-service", "retention"), _put("12h", "retention", "audit"))
    ),
    "rate-and-retention-up": Case(
        _all(
            _put("192KiB/s", "services", "order-service", "rate"), _put("80m", "services", "order-service", "retention")
        )
    ),
    "partitions-more": Case(_put(6, "services", "checkout-service", "partitions")),
    "partitions-fewer": Case(_put(1, "services", "checkout-service", "partitions")),
    "key-changed": Case(_put("user_id", "services", "checkout-service", "partitionBy")),
    "replication-drop": Case(_all(_put(2, "kafka", "replicationFactor"), _put(1, "kafka", "minInSyncReplicas"))),
    "rights-widened": Case(
        _all(
            _put(["logs.access", "logs.audit"], "teams", "edge", "reads"),
            _put({"reads": ["logs.*"], "rate": "1MiB/s"}, "teams", "marketing"),
        )
    ),
    "rights-narrowed": Case(
        _all(_put(["logs.payment-service"], "teams", "payments", "reads"), _drop("teams", "security"))
    ),
    "quota-removed": Case(_drop("teams", "operations", "rate")),
    "archive-removed": Case(_drop("archive")),
    "sinks-removed": Case(_all(_drop("search"), _drop("audit"), _drop("archive"))),
    "parts-removed": Case(_all(_drop("pager"), _drop("stream"), _drop("shipper"), _drop("monitoring"))),
    "schemas-removed": Case(_drop("schemas")),
    "shipper-changed": Case(_put("fluentd", "shipper", "kind")),
    "listener-without-tls": Case(
        program=((LISTENERS, '"type": "internal",\n        "tls": True', '"type": "internal",\n        "tls": False'),)
    ),
    "authorization-off": Case(program=((CLUSTER, '                "authorization": {"type": "simple"},\n', ""),)),
    "listener-outside": Case(deployed=_no_external_listener),
    "listener-outside-closed": Case(_drop("kafka", "external")),
    "protection-removed": Case(deployed=_protected),
    "disks-ephemeral": Case(_put("ephemeral", *POOL, "storage", "type")),
    "compatibility-weakened": Case(deployed=_full_compatibility),
    "dead-letters-removed": Case(
        program=(
            (
                "components/kafkalogs/sinks/settings.py",
                '"errors.deadletterqueue.topic.name": dead_letters,',
                "",
            ),
        )
    ),
    "unknown": Case(
        _put("3h", "services", "payment-service", "retention"),
        program=(
            (
                TOPIC,
                "from .kafka.topic import LogTopic, LogTopicArgs\n",
                "from .kafka.topic import LogTopic, LogTopicArgs\n" + LATER,
            ),
            (
                TOPIC,
                "retention_ms=topic.retention_ms,",
                "retention_ms=_LATER.apply(len) if 'payment' in topic.name else topic.retention_ms,",
            ),
            (
                TOPIC,
                "reads=list(reader.topics),",
                "reads=[*reader.topics, *([_LATER] if reader.team == 'edge' else [])],",
            ),
        ),
    ),
    "secrets": Case(
        _put("3h", "services", "payment-service", "retention"),
        program=(
            (
                TOPIC,
                '"catalog.json": document}',
                '"catalog.json": document, "token": pulumi.Output.secret("hunter2hunter2")}',
            ),
            (
                TOPIC,
                "consumer_byte_rate=reader.quota,",
                "consumer_byte_rate=pulumi.Output.secret(4711) if reader.quota else None,",
            ),
            (
                TOPIC,
                "retention_ms=topic.retention_ms,",
                "retention_ms=pulumi.Output.secret(10800000) if 'payment' in topic.name else topic.retention_ms,",
            ),
        ),
    ),
    "namespace-changed": Case(_rename_namespace),
    "kafka-upgraded": Case(_put("4.3.2", "kafka", "version")),
    "destroyed": Case(command=("destroy", "--preview-only")),
    "wrong-stack-file": Case(_put("3 hours", "retention", "audit"), fails=True),
}


class Copy:
    """The copies of one case: program, state and stack file, in a folder of their own."""

    def __init__(self, folder: Path, program: Path, deployed: Path) -> None:
        self.state = folder / "state-of-machine"
        self.program = folder / "program"
        self.stack_file = folder / "Pulumi.local.yaml"
        skipped = shutil.ignore_patterns(".git", ".venv", ".kafkalogs", "tests", "__pycache__", "node_modules")
        shutil.copytree(program, self.program, ignore=skipped)
        # Pulumi's paths are relative to the project; an absolute one reaches the environment from the copy.
        self.edit("Pulumi.yaml", re.escape("virtualenv: ") + r"\S+", f"virtualenv: {REPO / '.venv'}")
        (self.state / "state" / ".pulumi" / "stacks" / "kafkalogs").mkdir(parents=True)
        for name in ("machine.json", "kubeconfig"):
            shutil.copy(deployed / name, self.state / name)
        for name in ("meta.yaml", "stacks/kafkalogs/local.json"):
            shutil.copy(deployed / "state" / ".pulumi" / name, self.state / "state" / ".pulumi" / name)
        self.checkpoint = self.state / "state" / ".pulumi" / "stacks" / "kafkalogs" / "local.json"
        for file in (self.checkpoint, self.state / "machine.json"):
            file.write_text(file.read_text().replace(str(deployed / "kubeconfig"), str(self.state / "kubeconfig")))
        shutil.copy(deployed / "Pulumi.local.yaml", self.stack_file)
        self.env = {
            **{key: value for key, value in os.environ.items() if key != "KUBECONFIG"},
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.state / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KAFKALOGS_STATE": str(self.state),
            "PYTHONPATH": str(self.program / "components"),
        }

    def edit(self, name: str, pattern: str, text: str) -> None:
        """Replace what is there exactly once."""
        file = self.program / name
        changed, count = re.subn(pattern, lambda _: text, file.read_text())
        if count != 1:
            raise SystemExit(f"{name}: {count} times: {pattern}")
        file.write_text(changed)

    def pulumi(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run pulumi on the copies."""
        quiet = ["--non-interactive", "--color", "never"]
        return subprocess.run(
            ["pulumi", *words, *quiet], cwd=self.program, env=self.env, capture_output=True, text=True, check=False
        )


def _everywhere(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return change({key: _everywhere(change, item) for key, item in value.items()})
    return change([_everywhere(change, item) for item in value] if isinstance(value, list) else value)


def recorded(case: Case, program: Path, deployed: Path) -> str:
    """What Pulumi prints on its output for a case."""
    with tempfile.TemporaryDirectory(prefix="kafkalogs-record-") as folder:
        copy = Copy(Path(folder), program, deployed)
        if case.deployed:
            state = json.loads(copy.checkpoint.read_text())
            copy.checkpoint.write_text(json.dumps(_everywhere(case.deployed, state)))
        for name, there, instead in case.program:
            copy.edit(name, re.escape(there), instead)
        stack = yaml.safe_load(copy.stack_file.read_text())
        case.config(stack["config"][PLATFORM])
        copy.stack_file.write_text(yaml.safe_dump(stack, sort_keys=False))
        done = copy.pulumi(*case.command, "-s", "local", "--config-file", str(copy.stack_file), "--json")
        if bool(done.returncode) != case.fails:
            raise SystemExit(f"{done.returncode}: {(done.stdout + done.stderr)[-4000:]}")
        return done.stdout.replace(folder, "/srv/kafkalogs").replace(str(REPO), "/srv/kafkalogs")


KEPT = ("type", "custom", "protect", "retainOnDelete", "inputs")
"""What is kept of a resource before and after. Left out are outputs, where in which file it is declared, dependencies,
and times: most of a preview, and different on each machine."""

NAMED_ONLY = frozenset({"CustomResourceDefinition", "ConfigFile"})
"""Types of which a report reads no more than the name."""


READ = frozenset({"catalog.json", "search.json", "schemas.json"})
LONGEST = 2_000
"""Longer texts in ConfigMaps, dashboards and jobs, are left out, but for `READ`."""


def trimmed(output: str) -> dict[str, Any]:
    """A preview without what no report reads: see `KEPT`; warnings, which name this machine's folders; its duration.

    A stack file written before stacks had an environment gets the one it is for.
    """
    preview = json.loads(output[output.index("{") :])
    config = json.loads(preview["config"][PLATFORM])
    config.setdefault("environment", "local")
    preview["config"] = {PLATFORM: json.dumps(config)}
    steps = []
    for step in preview.get("steps", []):
        short = {
            key: step[key] for key in ("op", "urn", "detailedDiff", "diffReasons", "replaceReasons") if step.get(key)
        }
        for key in ("oldState", "newState"):
            if key in step:
                short[key] = {field: step[key][field] for field in KEPT if field in step[key]}
                if step[key]["type"].rpartition(":")[2] in NAMED_ONLY and "inputs" in step[key]:
                    short[key]["inputs"] = {"metadata": step[key]["inputs"].get("metadata")}
                data = short[key].get("inputs", {}).get("data")
                for name, text in data.items() if isinstance(data, dict) else ():
                    if name not in READ and len(text) > LONGEST:
                        data[name] = f"({len(text)} characters left out)"
        steps.append(short)
    errors = [one for one in preview.get("diagnostics", []) if one["severity"] == "error"]
    return {
        "config": preview["config"],
        "steps": steps,
        "diagnostics": errors,
        "changeSummary": preview["changeSummary"],
    }


def write(name: str, output: str) -> None:
    """Keep a preview for the tests: one step on a line, so that a change of one is seen in a diff."""
    preview = trimmed(output)
    steps = ",\n".join(json.dumps(step, sort_keys=True, separators=(",", ":")) for step in preview.pop("steps"))
    text = json.dumps(preview, indent=1, sort_keys=True).rstrip("}\n") + f',\n "steps": [\n{steps}\n]\n}}\n'
    json.loads(text)
    for path in (str(REPO), str(Path.home()), "kafkalogs-record-"):
        if path in text:
            raise SystemExit(f"{name}: names this machine's {path}")
    (PREVIEWS / f"{name}.json").write_text(text)


def main() -> None:
    """Record the cases whose names are given, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*CASES, []], metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--deployed", type=Path, default=REPO / ".kafkalogs", help="the state of `make up`")
    parser.add_argument("--program", type=Path, default=REPO, help="the checkout that is deployed there")
    arguments = parser.parse_args()
    for name in arguments.names or CASES:
        write(name, recorded(CASES[name], arguments.program.resolve(), arguments.deployed.resolve()))
        sys.stderr.write(f"{name}\n")


if __name__ == "__main__":
    main()
