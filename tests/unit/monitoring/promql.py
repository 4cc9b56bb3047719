"""Which metrics a query of Prometheus names."""

import re

_WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "offset", "bool"}
_LEFT_OUT = (
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    re.compile(r"\{[^}]*\}"),
    re.compile(r"\[[^\]]*\]"),
    re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"),
    re.compile(r"\boffset\s+\w+"),
)
_NAME = re.compile(r"(?<![\w.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")


def names_in(query: str) -> set[str]:
    """The metrics of a query: its words that are no functions, labels, keywords or numbers."""
    for pattern in _LEFT_OUT:
        query = pattern.sub(" ", query)
    return {name for name in _NAME.findall(query) if name not in _WORDS}
