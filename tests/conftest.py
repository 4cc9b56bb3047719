"""Settings of all tiers."""

import signal

from hypothesis import settings

# A busy machine is slow now and then; the time of a single example says nothing about the code.
settings.register_profile("kafkalogs", deadline=None)
settings.load_profile("kafkalogs")

# Where the tests were started in the background of a script, interrupts are ignored, and those that tests send would be
# lost; a handler of our own, unlike that, is not inherited by the programs that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
