"""The exit codes of the command line. The help of each command explains its codes."""

from typing import Final

DONE: Final = 0
"""Everything is done, and nothing is wrong."""

FAULTS: Final = 1
"""Everything is done, but there are faults: rejected lines, broken rows, or findings of the doctor."""

WRONG: Final = 2
"""The arguments or a file are wrong; nothing was done."""

UNREACHABLE: Final = 3
"""Kubernetes, Kafka or the archive cannot be reached, or refuses."""

INTERRUPTED: Final = 130
"""The user interrupted the command: 128 plus the number of SIGINT, as in shells."""

PLAN_UNCHANGED: Final = 0
"""`kafkalogs plan`: nothing changes."""

PLAN_CHANGES: Final = 2
"""`kafkalogs plan`: something changes, and no danger was found."""

PLAN_DANGERS: Final = 3
"""`kafkalogs plan`: something can lose data or widen access, or the preview hides whether it does."""

PLAN_UNREADABLE: Final = 4
"""`kafkalogs plan`: there is no report."""
