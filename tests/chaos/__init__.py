"""The fault campaign: every fault under a known load, and the exact counts of every sink afterwards. `make chaos`."""
