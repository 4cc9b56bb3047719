"""Programs and container images, built or fetched on this machine and kept in one cache.

``cache`` keeps what is built, by a digest of its inputs. ``maven``, ``debian``, ``python``, ``go`` and ``java`` get or
compile parts, in the versions that ``pins.toml`` names. ``oci`` assembles images from parts; ``images`` has the table
of all images. ``inventory`` and ``sbom`` list what an image contains. Nothing here needs a container engine or a
cluster: ``build`` imports neither ``machine`` nor ``status``, nor the package ``kafkalogs``.
"""
