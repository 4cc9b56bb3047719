"""Joins reports of several stacks into one text that GitHub or GitLab accepts."""

from __future__ import annotations

from collections.abc import Mapping

_CUT = "\n\n*Cut off here: the whole text is {where}.*\n"


def joined(head: str, sections: Mapping[str, str], foot: str, limit: int, where: str) -> str:
    """One text of at most ``limit`` characters.

    Every section gets a share of the characters, so a long section hides no other. A section that is cut ends with a
    note on where the whole report is (``where``).
    """
    titles = {name: f"\n## {name}\n\n" for name in sections}
    room = limit - len(head) - len(foot) - sum(len(title) + 1 for title in titles.values())
    kept: dict[str, str] = {}
    # the shortest first: longer sections get the characters that shorter ones do not need
    for done, name in enumerate(sorted(sections, key=lambda one: len(sections[one]))):
        kept[name] = cut(sections[name].rstrip(), room // (len(sections) - done), where)
        room -= len(kept[name])
    return head + "".join(f"{titles[name]}{kept[name]}\n" for name in sections) + foot


def cut(text: str, limit: int, where: str) -> str:
    """The text, or its first lines and a note. A block of code that is open there is closed."""
    if len(text) <= limit:
        return text
    note = _CUT.format(where=where)
    lines: list[str] = []
    size, fence = len(note), ""
    for line in text.splitlines():
        marks = len(line) - len(line.lstrip("`"))
        after = fence
        if not fence and marks >= 3:
            after = "`" * marks
        elif fence and line.strip() == fence:
            after = ""
        # the end of an open block of code after this line counts too
        if size + len(line) + 1 + len(after) + 1 > limit:
            break
        lines.append(line)
        size, fence = size + len(line) + 1, after
    return "\n".join([*lines, *([fence] if fence else [])]) + note
