"""Settings of all tiers."""

import signal

import pytest
from hypothesis import settings

# A busy machine is slow now and then; the time of a single example says nothing about the code.
settings.register_profile("kafkalogs", deadline=None)
settings.load_profile("kafkalogs")


@pytest.fixture(autouse=True)
def signal_handlers() -> None:
    """Each test starts with Python's handlers of SIGINT and SIGTERM, whatever the test before it has set.

    Programs that tests run in their own process set handlers and leave them. Where the tests were started in the
    background of a script, SIGINT is ignored, and an interrupt that a test sends would be lost. A handler of Python's,
    unlike that, is not inherited by the programs that a test starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
