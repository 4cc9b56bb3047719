"""Work in the background: what waits for the network is done while Go compiles."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from embedded.cache import EmbeddedError


@contextmanager
def ahead(tasks: Sequence[Callable[[], object]]) -> Iterator[None]:
    """Do ``tasks``, one after the other, while a block runs; wait for them at its end, or skip the rest if it fails.

    A task fills the cache. If it fails, the error is met again by whoever needs the artefact, and is told then.
    """
    stop = threading.Event()

    def work() -> None:
        for task in tasks:
            if stop.is_set():
                return
            try:
                task()
            except (EmbeddedError, OSError):
                return

    # the context carries the step that is under way, so that the display stays in order
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    try:
        yield
    except BaseException:
        stop.set()
        raise
    finally:
        thread.join()
