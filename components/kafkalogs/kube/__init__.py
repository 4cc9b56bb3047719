"""What all components use to make Kubernetes objects: manifests, pods, Secrets, custom resource definitions."""
