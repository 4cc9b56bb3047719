"""Writes the service catalog to its topic, for the stream job: a Job of `pulumi up`."""
