"""What is wrong with a stack's configuration, in words that tell a person what to change."""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pydantic_core import ErrorDetails

ROOT: Final = "kafkalogs:platform"

Path = tuple[str | int, ...]
"""Where in the configuration: keys of mappings and indices of lists, below `kafkalogs:platform`."""

MISSING: Final = object()
"""The value of a problem whose key is not there."""

_LONGEST_VALUE: Final = 80

# pydantic's error types (https://docs.pydantic.dev/latest/errors/validation_errors/) that a stack file can cause
_TEXTS: Final = {
    "missing": "missing; it has no default",
    "bool_type": "not true or false; write one of them without quotes",
    "bool_parsing": "not true or false; write one of them without quotes",
    "int_type": "not a whole number; write digits without quotes",
    "int_parsing": "not a whole number; write digits without quotes",
    "int_from_float": "not a whole number; write digits without a point",
    "float_type": "not a number; write digits",
    "float_parsing": "not a number; write digits",
    "finite_number": "not a finite number; write digits",
    "string_type": "not a text; put it into quotes",
    "invalid_key": "not a text; put the key into quotes",
    "model_type": "not a mapping; write keys with values below it",
    "dict_type": "not a mapping; write keys with values below it",
    "mapping_type": "not a mapping; write keys with values below it",
    "tuple_type": "not a list; write it in brackets, like [access]",
    "list_type": "not a list; write it in brackets, like [access]",
}


@dataclass(frozen=True)
class Problem:
    """One thing to change in the stack file."""

    path: Path
    """Where it is."""

    value: object
    """What is there, or `MISSING`."""

    text: str
    """What is wrong with it; what to write instead."""

    def __str__(self) -> str:
        """`path: value: what is wrong; remedy`."""
        where = ".".join([ROOT, *map(str, self.path)])
        return f"{where}: {self.text}" if self.value is MISSING else f"{where}: {_shown(self.value)}: {self.text}"


class ConfigError(pulumi.RunError):
    """All problems of a configuration at once. Pulumi shows only the text, without a traceback."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n  ".join([f"{count} in the stack's configuration:", *sorted(set(map(str, problems)))]))


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def closest(name: object, known: Iterable[str]) -> str | None:
    """The name in `known` that the person probably meant; None if no name is near."""
    return next(iter(difflib.get_close_matches(str(name), list(known), n=1)), None)


def suggestion(name: object, known: Iterable[str]) -> str:
    """`did you mean ...?`, or the known names."""
    names = sorted(known)
    near = closest(name, names)
    return f"did you mean {near}?" if near else f"known are {', '.join(names) or 'none'}"


def of_pydantic(error: ErrorDetails, known: Iterable[str]) -> Problem:
    """The problem behind one error of pydantic. `known`: the keys allowed in its place, to suggest one for an unknown
    key."""
    path: Path = tuple(error["loc"])
    kind, context = error["type"], _context(error)
    if kind == "missing":
        return Problem(path, MISSING, _TEXTS[kind])
    if kind == "extra_forbidden":
        return Problem(path, error["input"], f"unknown key; {suggestion(path[-1], known)}")
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "")
        return Problem(path, error["input"], f"unknown value; write {expected}")
    if kind in {"greater_than", "greater_than_equal"}:
        bound = f"more than {context['gt']}" if "gt" in context else f"at least {context['ge']}"
        return Problem(path, error["input"], f"too small; write {bound}")
    if kind in {"less_than_equal", "less_than"}:
        return Problem(path, error["input"], f"too large; write at most {context.get('le', context.get('lt'))}")
    if kind == "too_short":
        return Problem(path, error["input"], "empty; write at least one entry")
    if kind == "value_error":
        return Problem(path, error["input"], str(context["error"]))
    text = _TEXTS.get(kind, error["msg"])
    return Problem(path, error["input"], text)


def _context(error: ErrorDetails) -> dict[str, Any]:
    return error.get("ctx", {})
