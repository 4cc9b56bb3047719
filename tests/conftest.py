"""Settings of all tiers."""

import signal

import pytest
from hypothesis import settings

# A busy machine is slow now and then; the time of a single example says nothing about the code.
settings.register_profile("kafkalogs", deadline=None)
settings.load_profile("kafkalogs")


@pytest.fixture(scope="session", autouse=True)
def signals() -> None:
    """A terminated run tidies up as an interrupted one does, also while fixtures of the session are made."""
    interruptible()


@pytest.fixture(autouse=True)
def signals_of_the_test(signals: None) -> None:
    """The same for each test, whatever handlers a program that ran in a test before it has set."""
    interruptible()


def interruptible() -> None:
    """Make SIGINT and SIGTERM raise KeyboardInterrupt.

    Where the tests were started in the background of a script, SIGINT is ignored, and an interrupt that a test sends
    would be lost. Programs that tests start do not inherit this handler.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
