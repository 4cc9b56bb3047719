"""The service catalog in its topic: a Job of the stream job's, run by `pulumi up`."""
