"""Reports of several stacks in one text: nothing is longer than allowed, and no section disappears."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.report import cut, joined

LINES = st.lists(st.sampled_from(["word", "```", "````", "```python", "", "x" * 50]), max_size=60)


@given(lines=LINES, limit=st.integers(120, 900))
def test_a_text_is_cut_to_its_limit_with_its_blocks_closed(lines: list[str], limit: int):
    text = "\n".join(lines)
    kept = cut(text, limit, "there")
    assert len(kept) <= limit
    if len(text) <= limit:
        assert kept == text
    else:
        assert kept.endswith("*Cut off here: the whole text is there.*\n")
        assert not open_fence(kept.removesuffix("\n\n*Cut off here: the whole text is there.*\n"))


def open_fence(text: str) -> str:
    """The fence of a block of code that is open at the end."""
    fence = ""
    for line in text.splitlines():
        if not fence and line.startswith("```"):
            fence = "`" * (len(line) - len(line.lstrip("`")))
        elif fence and line == fence:
            fence = ""
    return fence


@given(sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=4), limit=st.integers(1500, 6000))
def test_every_section_is_there(sizes: list[int], limit: int):
    sections = {f"s{number}": "line\n" * (size // 5) for number, size in enumerate(sizes)}
    text = joined("head\n", sections, "foot\n", limit, "there")
    assert len(text) <= limit
    assert text.startswith("head\n")
    assert text.endswith("foot\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [f"## {name}" for name in sections]


@pytest.mark.parametrize("short", [10, 500])
def test_what_a_short_section_leaves_is_for_the_long_one(short: int):
    text = joined("", {"long": "word\n" * 2000, "short": "x" * short}, "", 5000, "there")
    assert "x" * short in text
    assert len(text) > 4900
