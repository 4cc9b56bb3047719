"""Where the modules under test are: the program's own, and those of the secrets maker's image."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(REPOSITORY / "infra"), str(REPOSITORY / "apps" / "secrets")]
