"""Settings of all tiers."""

from hypothesis import settings

# A busy machine is slow now and then; the time of a single example says nothing about the code.
settings.register_profile("kafkalogs", deadline=None)
settings.load_profile("kafkalogs")
