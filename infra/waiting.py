"""Why a resource that Pulumi has waited for in vain is not ready, in the words of its operator.

Pulumi says only "timed out waiting for the condition". The reason is in the resource's status. Nor can Pulumi end a
wait early: it knows the state that it waits for, but none that rules this state out. A Flink job that has failed for
good stays so, and then the wait is cancelled as by Ctrl-C.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import pulumi
from kafkalogs.client.cluster_access import AccessError, ClusterAccess, find_kubeconfig
from kafkalogs.kube.status import why_not_ready
from pulumi.resource_hooks import ErrorHook, ErrorHookArgs, ResourceHook, ResourceHookArgs, ResourceHookBinding

_FLINK: Final = "kubernetes:flink.apache.org/v1beta1:FlinkDeployment"
_STRIMZI: Final = ("Kafka", "KafkaTopic", "KafkaUser", "KafkaConnect", "KafkaConnector")
WAITED_FOR: Final = frozenset({_FLINK} | {f"kubernetes:kafka.strimzi.io/v1:{kind}" for kind in _STRIMZI})
"""The types of resources that have a status with a reason."""


PATIENCE: Final = 60.0
"""Seconds for which a job has to be FAILED. An operator needs some to see that a new specification replaces it."""
_INTERVAL: Final = 3.0


class Reasons:
    """Tells the reason of each wait that fails, and ends the wait for a job that has failed for good.

    kubeconfig: None for the one that kubectl uses. cancel: ends the update that runs.
    """

    def __init__(self, kubeconfig: str | None, cancel: Callable[[], None] | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._cancel = cancel or cancel_update
        self._hooks: dict[bool, ResourceHookBinding] = {}
        self._over: dict[str, threading.Event] = {}

    def add(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        """A transformation of the stack: it adds the hooks to resources of the types in WAITED_FOR."""
        if args.type_ not in WAITED_FOR:
            return None
        if not self._hooks:
            told = ErrorHook("why-not-ready", self.tell)
            begin, end = ResourceHook("begin-watch", self.begin), ResourceHook("end-watch", self.end)
            watched = {"before_create": [begin], "before_update": [begin], "after_create": [end], "after_update": [end]}
            self._hooks[False] = ResourceHookBinding(on_error=[told])
            self._hooks[True] = ResourceHookBinding(on_error=[told], **watched)
        hooks = pulumi.ResourceOptions(hooks=self._hooks[args.type_ == _FLINK])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, hooks))

    def tell(self, args: ErrorHookArgs) -> bool:
        """Show the reason. Pulumi does not try again: a second creation would belong to another field manager."""
        self._stop(args.urn)
        try:
            found = self._read(args.type, args.new_inputs)
            reason = why_not_ready(found) or "ready by now; run `pulumi up` again"
        except AccessError as error:
            reason = str(error)
        pulumi.log.error(f"{_what(args.type, args.new_inputs)}: {reason}")
        return False

    def begin(self, args: ResourceHookArgs) -> None:
        """Watch a job from now on, beside Pulumi's own wait."""
        self._stop(args.urn)
        over = self._over[args.urn] = threading.Event()
        threading.Thread(target=self._watch, args=(over, args.type, args.new_inputs), daemon=True).start()

    def end(self, args: ResourceHookArgs) -> None:
        """Pulumi's wait is over."""
        self._stop(args.urn)

    def _stop(self, urn: str) -> None:
        if over := self._over.pop(urn, None):
            over.set()

    def _watch(self, over: threading.Event, type_: str, inputs: Mapping[str, Any] | None) -> None:
        since: float | None = None
        while not over.wait(_INTERVAL):
            try:
                state = cast("dict[str, Any]", self._read(type_, inputs).get("status") or {}).get("lifecycleState")
            except AccessError:  # not there yet, or Kubernetes does not answer: Pulumi waits on
                state = None
            if state != "FAILED":
                since = None
                continue
            since = since or time.monotonic()
            if time.monotonic() - since >= PATIENCE:
                pulumi.log.warn(f"{_what(type_, inputs)} has failed for good: Pulumi is told to stop waiting for it")
                self._cancel()
                return

    def _read(self, type_: str, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
        from kubernetes import client

        _, group, kind = type_.split(":")
        api, _, version = group.partition("/")
        name, namespace = _place(inputs)
        access = ClusterAccess(Path(self._kubeconfig) if self._kubeconfig else find_kubeconfig(None), namespace)
        get: Any = client.CustomObjectsApi(access.core.api_client).get_namespaced_custom_object
        where = (api, version, namespace, f"{kind.lower()}s", name)
        found: dict[str, Any] = access.call(get, _what(type_, inputs), "run `pulumi up` again", *where)
        return {**found, "kind": kind}


def _place(inputs: Mapping[str, Any] | None) -> tuple[str, str]:
    about = cast("Mapping[str, Any]", (inputs or {}).get("metadata") or {})
    return str(about.get("name")), str(about.get("namespace"))


def _what(type_: str, inputs: Mapping[str, Any] | None) -> str:
    name, namespace = _place(inputs)
    return f"{type_.rpartition(':')[2]} {namespace}/{name}"


def cancel_update() -> None:
    """Cancel the update of which this program is a part, as one Ctrl-C does: Pulumi ends what runs and keeps its state.

    A program has no other way to tell Pulumi. The command line is this process's parent or one of that one's parents.
    Where it is not found, Pulumi waits for its whole time.
    """
    pid = os.getppid()
    for _ in range(4):
        words = ["ps", "-o", "ppid=,comm=", "-p", str(pid)]
        try:
            told = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        except OSError:  # a machine without ps
            return
        parent, _, command = told.partition(" ")
        if Path(command.strip()).name == "pulumi":
            os.kill(pid, signal.SIGINT)
            return
        if not parent.isdigit() or int(parent) <= 1:
            return
        pid = int(parent)
