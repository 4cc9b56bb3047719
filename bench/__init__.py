"""The figures of bench/results.md, measured."""

import sys
from pathlib import Path

# The demo shop, whose events are written, is a program of its own, not a part of a package.
sys.path.append(str(Path(__file__).parents[1] / "apps"))
