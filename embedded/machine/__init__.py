"""The platform's kind cluster on this machine: made, filled with images, deployed to, removed.

``source`` chooses whether images are pulled or built. ``engine`` finds docker or podman. ``toolchain`` and ``programs``
find or get pulumi, kind and kubectl. ``images``, ``up`` and ``down`` are the steps of `make up` and `make down`. This
folder imports ``build`` and the list of parts in the package ``kafkalogs``; it never imports ``status``.
"""
