"""What all components share to make Kubernetes objects: manifests, pods, Secrets, custom resource definitions."""
