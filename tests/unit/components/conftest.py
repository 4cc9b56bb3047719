import sys
from pathlib import Path

# the program's own modules, as `pulumi up` finds them
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "infra"))
