"""The levels of a log event, from the least to the most severe, and the fields that can key its record."""

from typing import Final, Literal, get_args

Level = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""All levels. Layout level has a topic for each."""

ERROR_LEVELS: Final[frozenset[Level]] = frozenset({"error", "critical"})
"""The levels of errors: never sampled, and kept by the retention class `errors`."""

PartitionBy = Literal["trace_id", "instance_id", "user_id"]
PARTITION_KEYS: Final[tuple[PartitionBy, ...]] = get_args(PartitionBy)
