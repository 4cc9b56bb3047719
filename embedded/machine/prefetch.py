"""Work in the background: downloads run while Go compiles."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from embedded.build.cache import EmbeddedError


@contextmanager
def prefetch(tasks: Sequence[Callable[[], object]]) -> Iterator[None]:
    """Run ``tasks``, one after the other, while a block runs.

    The end of the block waits for all tasks. If the block fails, tasks that have not begun are skipped. A task fills
    the cache. A failed task is not reported here, because the step that needs the artefact fails too.
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

    # the context carries the current step, so that the tasks' output appears in that step
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    try:
        yield
    except BaseException:
        stop.set()
        raise
    finally:
        thread.join()
