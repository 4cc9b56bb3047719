"""All resources of a stack, by Pulumi's mocks: the program of `infra/` really runs, without an engine or a cluster.

for resource in render(REPO / "stacks" / "Pulumi.local.yaml"):
    print(resource.type, resource.name, resource.properties)
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import yaml
from google.protobuf.json_format import MessageToDict
from kafkalogs import parts
from pulumi.runtime import config, settings
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.proto import callback_pb2

REPO = Path(__file__).resolve().parents[2]
PROJECT = "kafkalogs"
PLATFORM_KEY = "kafkalogs:platform"

IMAGES = sorted(
    {"operator", "kafka", "shop", "secrets", "s3", "database", "search", "pagerduty"}.union(*parts.IMAGES.values())
)
"""The images that a stack may ask for."""

DIGEST = "sha256:" + "0123456789abcdef" * 4


@dataclass(frozen=True)
class Rendered:
    """One resource, as the engine gets it before a provider has seen it."""

    type: str
    name: str
    properties: dict[str, Any]
    protect: bool = False
    parent: str = ""
    retain_on_delete: bool = False
    urn: str = ""
    uses: Mapping[str, list[str]] = field(default_factory=dict)
    """The URNs of the resources that each property was made of."""


@dataclass
class _Recorder:
    resources: list[Rendered] = field(default_factory=list)

    def monitor(self, mocks: Mocks) -> MockMonitor:
        """A monitor that keeps what is registered here."""
        kept = self.resources

        class Monitor(MockMonitor):
            def RegisterResource(self, request: Any) -> Any:  # noqa: N802
                response = super().RegisterResource(request)
                kept.append(
                    Rendered(
                        type=request.type,
                        name=request.name,
                        properties=MessageToDict(request.object),
                        protect=request.protect,
                        parent=request.parent,
                        retain_on_delete=request.retainOnDelete,
                        urn=response.urn,
                        uses={key: list(used.urns) for key, used in request.propertyDependencies.items()},
                    )
                )
                return response

        return Monitor(mocks)


class _Echo(Mocks):
    """Every resource comes out as it went in. What only exists after creation is not known in a preview."""

    def __init__(self, preview: bool) -> None:
        self.preview = preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        made = {} if self.preview or not args.typ.startswith("aws:") else _made(args)
        return (None if self.preview else f"{args.name}-id"), {**args.inputs, **made}

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        if args.token == "aws:secretsmanager/getSecretVersion:getSecretVersion":
            return {"secretString": json.dumps({"username": "admin", "password": "not-a-real-one"})}
        return {}


def _made(args: MockResourceArgs) -> dict[str, Any]:
    """What AWS gives a resource that it makes."""
    service = args.typ.split(":")[1].split("/")[0]
    name = args.inputs.get("bucket") or args.inputs.get("name") or args.name
    arn = f"arn:aws:s3:::{name}" if service == "s3" else f"arn:aws:{service}:eu-central-1:123456789012:{name}"
    return {"arn": arn, "endpoint": f"search-{name}.eu-central-1.es.amazonaws.com", "keyId": f"{name}-key"}


class _Transforms:
    """Stands for the server through which the engine calls transforms and hooks; nothing calls them here."""

    def register_transform(self, transform: object) -> callback_pb2.Callback:
        return callback_pb2.Callback(token=str(transform))

    def register_resource_hook(self, hook: object) -> None:
        pass

    def register_error_hook(self, hook: object) -> None:
        pass


def recorded(program: Callable[[], object], stack: str = "test", preview: bool = False) -> list[Rendered]:
    """What `program` registers; `preview`: as the first preview knows it."""
    recorder, mocks = _Recorder(), _Echo(preview)
    set_mocks(mocks, project=PROJECT, stack=stack, preview=preview, monitor=recorder.monitor(mocks))
    settings.SETTINGS.feature_support["transforms"] = True
    settings.SETTINGS.callbacks = _Transforms()  # type: ignore[assignment]

    @pulumi.runtime.test
    def run() -> None:
        program()

    run()
    return recorder.resources


@cache
def render(stack_file: Path, preview: bool = False) -> tuple[Rendered, ...]:
    """All resources of a stack file, Pulumi.<stack>.yaml; `preview`: as the first preview knows them."""
    written = yaml.safe_load(stack_file.read_text())
    return tuple(render_config(written["config"], stack_file.name.split(".")[1], preview))


def render_config(
    values: Mapping[str, Any], stack: str = "test", preview: bool = False, operator: str = "embedded"
) -> list[Rendered]:
    """All resources of the `config` of a stack file. On this machine nothing is asked: `make cluster` is taken to have
    recorded the operator, and `make images` to have pinned every image by its digest."""
    platform = values[PLATFORM_KEY]
    local = platform.get("operator") == "auto" or platform.get("environment") == "local"
    with (
        tempfile.TemporaryDirectory(prefix="kafkalogs-render-") as folder,
        _program(Path(folder), values, local, operator),
    ):
        return recorded(lambda: runpy.run_path(str(REPO / "infra"), run_name="__main__"), stack, preview)


def _day(value: object) -> str:
    """A date of YAML as Pulumi passes it to a program."""
    return f"{value} 00:00:00 +0000 UTC"


@contextmanager
def _program(folder: Path, values: Mapping[str, Any], local: bool, operator: str) -> Iterator[None]:
    """The state of a machine, the configuration of a stack and the modules of `infra/`, for a block."""
    record = {
        "operator": operator,
        "kubeconfig": str(folder / "kubeconfig"),
        "context": "kind-kafkalogs",
        "crds": str(folder / "crds.yaml"),
        "images": {name: f"localhost/kafkalogs-{name}:1" for name in IMAGES},
    }
    (folder / "machine.json").write_text(json.dumps(record))
    state, path = os.environ.get("KAFKALOGS_STATE"), list(sys.path)
    os.environ["KAFKALOGS_STATE"] = str(folder)
    sys.path.insert(0, str(REPO / "infra"))
    import machine

    pinned = machine.pinned_images
    if not local:
        machine.pinned_images = lambda: {name: f"registry.example.org/{name}@{DIGEST}" for name in IMAGES}
    told = {key: value if isinstance(value, str) else json.dumps(value, default=_day) for key, value in values.items()}
    before = config.CONFIG.set(told)
    try:
        yield
    finally:
        config.CONFIG.reset(before)
        machine.pinned_images = pinned
        sys.path[:] = path
        if state is None:
            del os.environ["KAFKALOGS_STATE"]
        else:
            os.environ["KAFKALOGS_STATE"] = state
