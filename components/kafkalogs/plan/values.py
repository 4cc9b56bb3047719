"""A value in a preview: shown, unknown until the resource exists, or a secret.

Pulumi's engine prints a fixed text for an unknown value (`sdk/go/common/resource/plugin`, one for each type) and
`[secret]` for a secret; exported states mark both with a key. `clean` turns each of them into `Hidden`, so no rule
takes one for a value, and no report prints a secret.
"""

import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, cast


class Hidden(Enum):
    """A value that the preview does not show."""

    UNKNOWN = "known only once it is made"
    SECRET = "a secret"  # noqa: S105 - a word

    def __str__(self) -> str:
        return self.value


UNKNOWN: Final = Hidden.UNKNOWN
SECRET: Final = Hidden.SECRET

_UNKNOWN: Final = re.compile(
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9|1c4a061d-8072-4f0a-a4cb-0ff528b18fe7|3eeb2bf0-c639-47a8-9e75-3b44932eb421"
    "|6a19a0b0-7e62-4c92-b797-7f8e31da9cc2|030794c1-ac77-496b-92df-f27374a8bd58|e48ece36-62e2-4504-bad9-02848725956a"
    "|dd056dcd-154b-4c76-9bd3-c8f88648b5ff"
)
_MARK: Final = "4dabf18193072939515e22adb298388d"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_SECRET_TEXT: Final = "[secret]"  # noqa: S105 - what Pulumi prints instead of a secret

Path = tuple[str | int, ...]


def clean(value: Any) -> Any:
    """A preview's `value` with `Hidden` in place of each value that is not shown."""
    if isinstance(value, str):
        return SECRET if value == _SECRET_TEXT else UNKNOWN if _UNKNOWN.search(value) else value
    if isinstance(value, list):
        return [clean(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if _MARK in fields:
        if fields[_MARK] != _OUTPUT:
            return SECRET  # or an asset or a reference, which no rule reads
        return SECRET if fields.get("secret") else clean(fields["value"]) if "value" in fields else UNKNOWN
    return {key: clean(item) for key, item in fields.items()}


def at(value: Any, *path: str | int) -> Any:
    """The value at `path`; None if there is none; `Hidden` if the value, or one that contains it, is hidden."""
    here = value
    for part in path:
        if isinstance(here, Hidden):
            return here
        if isinstance(part, str):
            here = cast("Mapping[str, Any]", here).get(part) if isinstance(here, Mapping) else None
        else:
            items = sequence(here)
            here = items[part] if part < len(items) else None
    return here


def hidden_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Hidden]]:
    """Every hidden place at or below `value`."""
    if isinstance(value, Hidden):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from hidden_in(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(cast("list[Any]", value)):
            yield from hidden_in(item, (*path, i))


def texts_in(value: Any) -> Iterator[str]:
    """Every text at or below `value`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from texts_in(item)


def number(value: Any) -> int | None:
    """A whole number, which may be a string; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else None
    return value if isinstance(value, int) else None


def true(value: Any) -> bool:
    """Whether a setting is on; StorageClasses and Kafka write booleans as strings."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is a mapping, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """`value` if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def by_name(value: Any) -> dict[str, dict[str, Any]]:
    """The mappings of a list by their `name`; a mapping without one by its position."""
    items = [mapping(item) for item in sequence(value)]
    return {str(item.get("name", i)): item for i, item in enumerate(items)}
