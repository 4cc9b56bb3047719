"""Properties of resources as rules read them: each with its path, and what is not known yet never taken for a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

# What stands in Pulumi's protocol for a value that only the update will know, one for each type of value
# (pulumi_policy/proxy.py).
SENTINELS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)

_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key by which the protocol marks secrets


class Unknown:
    """A value that only the update will know. Nothing may be concluded from it, so it answers no question."""

    def _refuse(self, *_: object) -> Any:
        raise UnknownValueError("")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __iter__ = __len__ = __contains__ = _refuse
    __getitem__ = __str__ = __hash__ = _refuse

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class UnknownValueError(Exception):
    """A rule asked for a value that is not known; `path` is where."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def plain(value: Any) -> Any:
    """A value as dicts, lists and scalars, from whatever Pulumi's SDK wraps it in: the unknown is `UNKNOWN`, and a
    secret is its value (rules look at secrets, and never say them)."""
    if isinstance(value, str):
        return UNKNOWN if value in SENTINELS else value
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value)
        # The SDK's wrapper raises for an unknown value; what is below it does not.
        inner: Any = found["__target"] if type(found).__name__ == "_DictProxy" else found
        if inner.get(_SECRET) is not None:
            return plain(inner.get("value", UNKNOWN))
        return {str(key): plain(item) for key, item in inner.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        listed: Any = cast("Any", value)
        if type(listed).__name__ == "_ListProxy":
            listed = listed["__target"]
        return [plain(item) for item in listed]
    return value


@dataclass(frozen=True)
class View:
    """A place in the properties of a resource: there or not, known or not."""

    value: Any
    path: str = ""

    def __getitem__(self, key: str) -> View:
        """What is under a key; keys of Kafka hold dots, and are one key."""
        path = f"{self.path}.{key}" if self.path else key
        if self.value is UNKNOWN:
            raise UnknownValueError(self.path or key)
        value: Any = self.value
        held = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        return View(held.get(key), path)

    @property
    def there(self) -> bool:
        """Whether something is written here, known or not."""
        return self.value is not None

    @property
    def known(self) -> Any:
        """The value; raises UnknownValueError."""
        if self.value is UNKNOWN:
            raise UnknownValueError(self.path)
        return self.value

    @property
    def items(self) -> list[View]:
        """The items of a list; none if there is no list."""
        listed = self.known
        if not isinstance(listed, list):
            return []
        return [View(item, f"{self.path}[{i}]") for i, item in enumerate(cast("list[Any]", listed))]

    @property
    def entries(self) -> dict[str, View]:
        """The entries of a mapping; none if there is no mapping."""
        held = self.known
        return {key: self[key] for key in cast("dict[str, Any]", held)} if isinstance(held, dict) else {}

    @property
    def number(self) -> float | None:
        """The number, which Kafka's settings may have as text; None if there is none."""
        value = self.known
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            return float(value)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The value as text; empty if there is none, or one that holds others."""
        value = self.known
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return "" if value is None or isinstance(value, dict | list) else str(value)

    @property
    def true(self) -> bool:
        """Whether it is true, as a truth value or as text."""
        return self.text.lower() == "true"

    def leaves(self) -> Iterator[View]:
        """All values below this one that hold no others, known or not."""
        if self.value is UNKNOWN:
            yield self
        elif isinstance(self.value, dict):
            for view in self.entries.values():
                yield from view.leaves()
        elif isinstance(self.value, list):
            for view in self.items:
                yield from view.leaves()
        elif self.value is not None:
            yield self

    @property
    def shown(self) -> str:
        """The value for a message: short, and nothing of what may be a password."""
        if self.value is UNKNOWN:
            return "not known yet"
        if self.value is None:
            return "absent"
        if isinstance(self.value, dict):
            return "{...}"
        if isinstance(self.value, list):
            return "[...]"
        text = re.sub(r"://[^/@\s]+@", "://***@", self.text)
        return f"'{text if len(text) <= 80 else text[:77] + '...'}'"
