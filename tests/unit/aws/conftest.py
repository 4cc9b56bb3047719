import sys
from pathlib import Path

# the helpers of these tests, and the program's own modules as `pulumi up` finds them
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[3] / "infra")]
