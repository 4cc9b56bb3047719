from __future__ import annotations

import threading

import pytest

from embedded.build.cache import EmbeddedError
from embedded.machine.prefetch import prefetch


def test_tasks_are_done_in_order_while_the_block_runs() -> None:
    done: list[int] = []
    both = threading.Barrier(2, timeout=5)
    with prefetch([both.wait, lambda: done.append(1), lambda: done.append(2)]):
        both.wait()
    assert done == [1, 2]


def test_failed_task_is_left_to_those_who_need_it() -> None:
    def fails() -> None:
        raise EmbeddedError("no network")

    done: list[int] = []
    with prefetch([fails, lambda: done.append(1)]):
        pass
    assert not done


def test_failed_block_skips_what_was_not_begun() -> None:
    done: list[int] = []
    failed = threading.Event()

    def first() -> None:
        failed.wait(5)
        # the block's failure is noticed right after this event
        threading.Event().wait(0.2)

    def fail() -> None:
        with prefetch([first, lambda: done.append(1)]):
            failed.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not done
