"""What a stack file says: its keys as frozen models, their defaults, names, units, sizes and problems.

The lowest layer: it imports nothing else of the package and neither Pulumi nor Kubernetes.
"""
