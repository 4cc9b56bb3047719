"""The latest state of the objects, and queues of the objects that wait to be reconciled."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from embedded_operator.common.names import Obj, annotation

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name."""
COALESCE = 0.1
"""Seconds in which keys are gathered into one batch."""
BACKOFF = 5.0
"""Seconds after which a batch that failed is tried again."""


class Store:
    """The latest state of each object of one kind that the watch reported."""

    def __init__(self) -> None:
        self._objects: dict[Key, Obj] = {}
        self._lock = threading.Lock()

    def put(self, obj: Obj) -> bool:
        """Remember the object. Returns False when nothing changed that matters to a reconciliation."""
        key = key_of(obj)
        with self._lock:
            old = self._objects.get(key)
            self._objects[key] = obj
        return old is None or _essence(old) != _essence(obj)

    def remove(self, key: Key) -> None:
        """Forget the object."""
        with self._lock:
            self._objects.pop(key, None)

    def get(self, key: Key) -> Obj | None:
        """The object, or None when it is not known."""
        return self._objects.get(key)

    def all(self) -> list[Obj]:
        """All objects."""
        with self._lock:
            return list(self._objects.values())


def key_of(obj: Obj) -> Key:
    """Namespace and name of an object."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _essence(obj: Obj) -> object:
    """The fields that people and other programs change: not the status, the finalizers and the fields of the server."""
    meta = obj["metadata"]
    own = {key: annotation(obj, key) for key in meta.get("annotations") or {} if key.startswith("strimzi.io/")}
    names = ("uid", "generation", "deletionTimestamp", "labels")
    return [meta.get(name) for name in names] + [own]


class Queue:
    """Keys that wait; the queue holds a key only once."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._changed = threading.Condition()

    def add(self, keys: Iterable[Key], delay: float = 0.0) -> None:
        """Make the keys due in `delay` seconds; a key that is already due earlier keeps its time."""
        moment = time.monotonic() + delay
        with self._changed:
            for key in keys:
                self._due[key] = min(moment, self._due.get(key, moment))
            self._changed.notify_all()

    def take(self) -> set[Key]:
        """Wait for keys that are due, and take all of them."""
        with self._changed:
            while not self._due or min(self._due.values()) > time.monotonic():
                self._changed.wait(min(self._due.values()) - time.monotonic() if self._due else None)
        time.sleep(COALESCE)
        with self._changed:
            moment = time.monotonic()
            due = {key for key, at in self._due.items() if at <= moment}
            for key in due:
                del self._due[key]
        return due


def start(name: str, queue: Queue, handle: Callable[[set[Key]], None]) -> threading.Thread:
    """Start a thread that hands every batch of the queue to `handle`; after an error the batch is tried again."""

    def loop() -> None:
        while True:
            keys = queue.take()
            try:
                handle(keys)
            except Exception:
                log.exception("%s: %d objects are tried again in %d s", name, len(keys), BACKOFF)
                queue.add(keys, BACKOFF)

    thread = threading.Thread(target=loop, name=name, daemon=True)
    thread.start()
    return thread


def one_by_one(queue: Queue, reconcile: Callable[[str, str], float | None]) -> Callable[[set[Key]], None]:
    """A handler for `start`: each key is reconciled, and added again after the seconds that `reconcile` returns."""

    def handle(keys: set[Key]) -> None:
        for key in sorted(keys):
            wait = reconcile(*key)
            if wait is not None:
                queue.add([key], wait)

    return handle
