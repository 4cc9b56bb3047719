"""Makes the certificates and passwords of the platform's own services, as Secrets, in the cluster."""
