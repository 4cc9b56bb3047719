"""Makes the certificates and passwords of the platform's services, as Secrets in the cluster."""
