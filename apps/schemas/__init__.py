"""Registers schemas in a schema registry, as a Job of `pulumi up`."""
