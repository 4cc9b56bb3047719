"""Markdown from untrusted texts: a name must not break a table, mention people, or be HTML."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NewType

from .values import Hidden

Markdown = NewType("Markdown", str)
"""Text that is safe in a table of a comment: this module made it, or it is a literal in the source."""

_LONGEST: Final = 200
_STAND_INS: Final = str.maketrans({"|": "\u00a6", "`": "\u02bc", "\\": "\u2216"})
_USERINFO: Final = re.compile(r"(?<=://)[^/\s@]*@")
# Pulumi's marks of secrets: ciphertext and signature. Neither is the secret, but the report hides both.
_CIPHERTEXT: Final = re.compile(r"(?i)v1:[a-z0-9+/=]{8,}:[a-z0-9+/=]{8,}|4dabf18193072939515e22adb298388d")


def plain(text: object) -> str:
    """One line of text without control, format and invisible characters, and without apparent credentials."""
    shown = re.sub(r"\s+", " ", _CIPHERTEXT.sub("[secret]", _USERINFO.sub("", str(text)))).strip()
    shown = "".join(
        "\ufffd" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"} else char for char in shown
    )
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def code(value: object) -> Markdown:
    """A value from the preview as inline code, in which neither HTML nor mentions nor links work.

    A | ends a table's cell even in code, and a backslash before the | fails if the name already has a backslash; a
    backtick ends the code. No name in Kafka or Kubernetes has these characters, so similar characters replace them.
    """
    if isinstance(value, Hidden):
        return Markdown(f"({value})")
    shown = plain(value).translate(_STAND_INS)
    return Markdown(f"`{shown}`") if shown else Markdown("(empty)")


def word(text: str) -> Markdown:
    """The last word of a type, like Namespace, unchanged; any other text as code."""
    return Markdown(text) if re.fullmatch(r"[A-Z][A-Za-z0-9]{1,60}", text) else code(text)


def codes(values: Iterable[object], most: int = 20) -> Markdown:
    """Several values: the first `most` of them in full."""
    shown = list(values)
    text = ", ".join(code(value) for value in shown[:most])
    return Markdown(f"{text} and {len(shown) - most:,} more" if len(shown) > most else text)


def joined(parts: Iterable[str], by: str = "; ") -> Markdown:
    """Safe texts in a row."""
    return Markdown(by.join(part for part in parts if part))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of safe texts."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]
    return "\n".join(lines)
