"""The programs that measure the figures of bench/results.md."""

import sys
from pathlib import Path

# The benchmark writes the events of the demo shop, which is a separate program and not a part of a package.
sys.path.append(str(Path(__file__).parents[1] / "apps"))
