"""What all components use: they turn manifests into resources and read their arguments."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

Manifest = dict[str, Any]
"""A Kubernetes object as plain values: apiVersion, kind, metadata, and spec, data or rules."""

STRIMZI_API: Final = "kafka.strimzi.io/v1"

WAIT_FOR_READY: Final = {"pulumi.com/waitFor": "condition=Ready"}
"""Pulumi's provider waits until the operator reports Ready. Otherwise `up` would end before anything runs."""

METRICS_LABEL: Final = "kafkalogs.io/metrics"
"""Pods with this label at "true" serve metrics at /metrics, on the port named `metrics`."""
METRICS_PORT: Final = "metrics"
"""The name of the port with the metrics."""

RESTRICTED_POD: Final[Manifest] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
"""The pod's part of Pod Security "restricted" (https://kubernetes.io/docs/concepts/security/pod-security-standards)."""

RESTRICTED_CONTAINER: Final[Manifest] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Each container's part of Pod Security "restricted"."""

_Args = TypeVar("_Args")
_More = TypeVar("_More")
_Value = TypeVar("_Value")


def typed(args_type: type[_Args], args: _Args | Mapping[str, Any]) -> _Args:
    """`args` as a dataclass. The plugin passes a mapping in which every number is a float."""
    if not isinstance(args, Mapping):
        return args
    return args_type(**_whole(dict(cast("Mapping[str, Any]", args))))


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in cast("Manifest", value).items()}
    return [_whole(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def manifest_of(build: Callable[[_Args], Manifest], args: _Args) -> pulumi.Input[Manifest]:
    """The manifest that the pure function `build` makes from the dataclass `args`.

    It is built at once if all values that `build` reads are known. This is the usual case and keeps large stacks fast.
    Otherwise it is built when they are known. An unknown argument that `build` does not read hides nothing in a
    preview.
    """
    return _manifest_of(build, args)


def manifest_of_both(build: Callable[[_Args, _More], Manifest], args: _Args, more: _More) -> pulumi.Input[Manifest]:
    """`manifest_of` of a builder that reads two dataclasses."""
    return _manifest_of(build, args, more)


def _manifest_of(build: Callable[..., Manifest], *several: Any) -> pulumi.Input[Manifest]:
    pending = {
        f"{i}.{key}": value
        for i, args in enumerate(several)
        for key, value in cast("dict[str, Any]", vars(args)).items()
        if _pending(value)
    }
    if not pending:
        return build(*several)

    def with_values(values: Mapping[str, Any]) -> Manifest:
        of_each: list[dict[str, Any]] = [{} for _ in several]
        for place, value in values.items():
            i, _, key = place.partition(".")
            of_each[int(i)][key] = value
        return build(*(replace(args, **values) for args, values in zip(several, of_each, strict=True)))

    with contextlib.suppress(_ReadTooEarlyError):
        manifest = with_values(dict.fromkeys(pending, _UNREAD))
        if not _holds_unread(manifest):
            return manifest
    return pulumi.Output.all(**pending).apply(with_values)


class _ReadTooEarlyError(Exception):
    """A builder has read a value that only Pulumi's engine knows."""


class _Unread:
    """Stands for an unknown value while a builder is tried. Reading it ends the trial."""

    def _refuse(self, *_: object) -> Any:
        raise _ReadTooEarlyError

    __bool__ = __str__ = __repr__ = __format__ = __iter__ = __len__ = __getitem__ = __eq__ = __hash__ = __add__ = (
        _refuse
    )
    __radd__ = __mul__ = __rmul__ = __floordiv__ = __contains__ = __lt__ = __gt__ = __getattr__ = _refuse


_UNREAD: Final = _Unread()


def _holds_unread(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_unread(item) for item in cast("Manifest", value).values())
    if isinstance(value, list | tuple):
        return any(_holds_unread(item) for item in cast("Sequence[Any]", value))
    return value is _UNREAD


def known(value: pulumi.Input[_Value]) -> _Value:
    """An argument's value inside a builder. `manifest_of` calls builders with known values only.

    Raises TypeError for a value that only Pulumi's engine knows: the builder was called without `manifest_of`.
    """
    if value is _UNREAD:
        raise _ReadTooEarlyError
    if _pending(value):
        raise TypeError("a value that is not known yet; build the manifest with manifest_of")
    return cast("_Value", value)


def _pending(value: Any) -> bool:
    """Whether a value is, or contains, a value that only Pulumi's engine knows."""
    if isinstance(value, dict):
        return any(_pending(item) for item in cast("Manifest", value).values())
    if isinstance(value, list | tuple):
        return any(_pending(item) for item in cast("Sequence[Any]", value))
    return isinstance(value, pulumi.Output) or hasattr(value, "__await__")


def part(manifest: pulumi.Input[Manifest], key: str) -> Any:
    """One key of a manifest, known or not."""
    return manifest[key] if isinstance(manifest, dict) else pulumi.Output.from_input(manifest).apply(lambda m: m[key])


def untyped(manifest: Manifest | list[Manifest]) -> Any:
    """`manifest` for Pulumi's Kubernetes classes: they accept plain values, but their types do not allow them."""
    return manifest


LONGEST_DELETION: Final = "90s"
"""How long Pulumi waits for the deletion of a small resource. Pulumi's Kubernetes provider checks once whether the
object still exists, and then waits for the deletion event. It can miss an event in between, and checks again only after
this time. So a missed event costs this time, which is far longer than a deletion takes."""

POD_WAITED_FOR: Final = {"pulumi.com/skipAwait": "true"}
"""For a Service whose pods Pulumi already waits for. The provider would watch the Service's endpoints for 10 s more."""

DELETE_AT_ONCE: Final = {"pulumi.com/deletionPropagationPolicy": "background"}
"""An object without a finalizer is deleted when Kubernetes answers the request, so that Pulumi can miss no event."""


def custom_resource(
    name: str,
    kind: str,
    manifest: pulumi.Input[Manifest],
    minutes: int,
    opts: pulumi.ResourceOptions,
    delete: str = LONGEST_DELETION,
) -> CustomResource:
    """A Strimzi resource of `kind` from its manifest. `minutes`: the limit to create or update it."""
    timeouts = pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m", delete=delete)
    return CustomResource(
        name,
        api_version=STRIMZI_API,
        kind=kind,
        metadata=part(manifest, "metadata"),
        spec=part(manifest, "spec"),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(custom_timeouts=timeouts)),
    )


def after(
    parent: pulumi.Resource, needed: Sequence[pulumi.Resource] = (), *, minutes: int, delete: str | None = "2m"
) -> pulumi.ResourceOptions:
    """The options of a workload that starts after `needed` and is deleted before it.

    minutes: the limit to create or update the workload. delete: the limit to delete it; None: Pulumi's default.
    """
    timeouts = pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m", delete=delete)
    return pulumi.ResourceOptions(parent=parent, depends_on=list(needed), custom_timeouts=timeouts)


def metadata(
    name: str,
    namespace: pulumi.Input[str],
    cluster: str | None = None,
    *,
    wait: bool = False,
    at_once: bool = False,
    labels: Mapping[str, str] | None = None,
) -> Manifest:
    """The metadata of a resource. cluster: the Kafka cluster that the resource belongs to, if any."""
    labels = {"app.kubernetes.io/part-of": "kafkalogs", "app.kubernetes.io/managed-by": "pulumi", **(labels or {})}
    if cluster is not None:
        labels["strimzi.io/cluster"] = cluster
    annotations = {**(WAIT_FOR_READY if wait else {}), **(DELETE_AT_ONCE if at_once else {})}
    about: Manifest = {"name": name, "namespace": namespace, "labels": labels}
    return {**about, "annotations": annotations} if annotations else about
