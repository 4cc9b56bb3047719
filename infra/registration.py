"""A large stack at the speed of its resources."""

import asyncio

from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage]


def begin() -> None:
    """Let the registrations that the program has asked for begin; called at its end.

    Pulumi's Python SDK (3.245, `runtime/stack.py`, `wait_for_rpcs`) waits for registrations one after the other, but
    only if one has begun when the program ends. Otherwise it waits for all outputs at once, again after each answer:
    work of the square of their number. One turn of the event loop makes the difference; with 1,000 services it more
    than halves what a preview computes, and nothing else changes.
    """
    _sync_await(asyncio.sleep(0))
