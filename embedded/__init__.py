"""What lets the whole platform run on one machine. It is no part of the package that others install.

Three rooms, lowest first: ``build`` makes programs and images, ``machine`` runs the cluster that holds them, ``status``
reports what runs there. A room imports nothing of the rooms above it; the commands of ``python -m embedded`` call all
three. ``operator`` holds the program of one image, and imports nothing of the rooms.
"""

from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
"""The root of this checkout."""
