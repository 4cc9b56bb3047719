"""Pulumi without its engine: what a program registers, with options, dependencies and outputs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import settings
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.proto import callback_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass
class Resource:
    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    dependencies: set[str]
    protect: bool
    provider: str
    create_timeout: str
    outputs: dict[str, Any] | None = None


@dataclass
class Graph:
    resources: list[Resource] = field(default_factory=list)

    def of(self, type_: str) -> list[Resource]:
        """The resources whose type ends like this."""
        return [r for r in self.resources if r.type.endswith(type_)]

    def one(self, type_: str, name: str) -> Resource:
        found = [r for r in self.of(type_) if r.name == name]
        assert len(found) == 1, f"{len(found)} of {type_} {name}"
        return found[0]

    def names(self) -> set[tuple[str, str]]:
        """Kind and name of each resource of Kubernetes."""
        return {
            (r.type.rpartition(":")[2], r.inputs["metadata"]["name"]) for r in self.resources if "metadata" in r.inputs
        }

    def pod(self, kind: str, name: str) -> dict[str, Any]:
        """The template of the pods of a Deployment, StatefulSet or DaemonSet."""
        return self.one(f"apps/v1:{kind}", name).inputs["spec"]["template"]


class _Echo(Mocks):
    """Every resource comes out as it went in; in a preview nothing has an id yet."""

    def __init__(self, preview: bool) -> None:
        self.preview = preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return (None if self.preview else f"{args.name}-id"), dict(args.inputs)

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"a component asks a provider for {args.token}")


class _Recorder(MockMonitor):
    def __init__(self, mocks: Mocks, graph: Graph) -> None:
        super().__init__(mocks)
        self.graph = graph

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        response = super().RegisterResource(request)
        self.graph.resources.append(
            Resource(
                type=request.type,
                name=request.name,
                urn=response.urn,
                parent=request.parent,
                inputs=MessageToDict(request.object),
                dependencies=set(request.dependencies),
                protect=request.protect,
                provider=request.provider,
                create_timeout=request.customTimeouts.create,
            )
        )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        for resource in self.graph.resources:
            if resource.urn == request.urn:
                resource.outputs = MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)


class _Transforms:
    """Stands for the server through which the engine calls transforms; nothing calls them here."""

    def register_transform(self, transform: object) -> callback_pb2.Callback:
        return callback_pb2.Callback(token=str(transform))


def registered(build: Callable[[], object], preview: bool = False) -> Graph:
    """What `build` registers."""
    graph = Graph()
    mocks = _Echo(preview)
    set_mocks(mocks, project="kafkalogs", stack="test", preview=preview, monitor=_Recorder(mocks, graph))
    settings.SETTINGS.feature_support["transforms"] = True
    settings.SETTINGS.callbacks = _Transforms()  # type: ignore[assignment]

    @pulumi.runtime.test
    def run() -> None:
        build()

    run()
    return graph


def unknown() -> pulumi.Output[Any]:
    """A value that only the deployment will know; to be made while a program runs."""

    def done(value: Any) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_event_loop().create_future()
        future.set_result(value)
        return future

    return pulumi.Output(set(), done(None), done(False))
