"""Settings of the shop's tests."""

from hypothesis import settings

# Tests share a busy machine: how long one example takes says nothing.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
