"""The objects as last seen, and queues of those that wait for attention."""

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
"""Seconds in which keys that come together are gathered into one batch."""
BACKOFF = 5.0


class Store:
    """The latest state of each object of one kind that the watch reported."""

    def __init__(self) -> None:
        self._objects: dict[Key, Obj] = {}
        self._lock = threading.Lock()

    def put(self, obj: Obj) -> bool:
        """Remember the object; False when nothing changed that a reconciliation would look at."""
        key = key_of(obj)
        with self._lock:
            old = self._objects.get(key)
            self._objects[key] = obj
        return old is None or _essence(old) != _essence(obj)

    def remove(self, key: Key) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def get(self, key: Key) -> Obj | None:
        return self._objects.get(key)

    def all(self) -> list[Obj]:
        with self._lock:
            return list(self._objects.values())


def key_of(obj: Obj) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _essence(obj: Obj) -> object:
    """What people and other programs change; status, finalizers (our own) and the server's notes are left out."""
    meta = obj["metadata"]
    own = {key: annotation(obj, key) for key in meta.get("annotations") or {} if key.startswith("strimzi.io/")}
    names = ("uid", "generation", "deletionTimestamp", "labels")
    return [meta.get(name) for name in names] + [own]


class Queue:
    """Keys that wait; a key is there once, however often it is added."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._changed = threading.Condition()

    def add(self, keys: Iterable[Key], delay: float = 0.0) -> None:
        """Let the keys come out after `delay` seconds, or sooner if they already would."""
        moment = time.monotonic() + delay
        with self._changed:
            for key in keys:
                self._due[key] = min(moment, self._due.get(key, moment))
            self._changed.notify_all()

    def take(self) -> set[Key]:
        """Wait for keys that are due and take all of them out."""
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
    """Hand every batch of the queue to `handle`, on a thread of its own; after an error the batch comes again."""

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
