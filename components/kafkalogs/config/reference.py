"""The keys of a stack file, for people and for editors: docs/configuration.md and stacks/schema.json.

`python -m kafkalogs.config.reference` writes both from the models. A test fails if one is out of date.
"""

import ast
import inspect
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from pydantic import BeforeValidator, WithJsonSchema
from pydantic.fields import FieldInfo

from . import units
from .environments import ENVIRONMENTS
from .models import Platform
from .problems import ROOT
from .types import NotNull, Settings, parse_day

SCHEMA: Final = "stacks/schema.json"
REFERENCE: Final = "docs/configuration.md"

_NAMES: Final = {"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
_NAMED: Final = ("services", "teams", "pools")
"""Mappings whose keys become names in Kubernetes."""

_UNITS: Final[Mapping[Callable[..., Any], tuple[str, Callable[[Any], str]]]] = {
    units.parse_size: ("size, like `10GiB`", units.format_size),
    units.parse_rate: ("bytes per second, like `2MiB/s`", units.format_rate),
    units.parse_duration: ("duration, like `24h`", units.format_duration),
    units.parse_cpu: ("cores, like `500m` or `2`", units.format_cpu),
    parse_day: ("day, like `2027-01-31`", str),
}
"""For each parser: the words for its values, and the function that writes a value."""

_HEAD: Final = f"""# The keys of a stack file

Everything below `{ROOT}` of `stacks/Pulumi.<stack>.yaml`. This page and [`stacks/schema.json`](../stacks/schema.json),
with which editors complete and check stack files, are generated from the models in
[`components/kafkalogs/config/`](../components/kafkalogs/config) by `python -m kafkalogs.config.reference`.
[catalog.md](catalog.md) says what follows from the keys.

Sizes are written with `B`, `KiB`, `MiB`, `GiB`, `TiB` (or `Ki` to `Ti`, or `kB`, `MB`, `GB`, `TB`), rates with the
same and `/s`, durations with `ms`, `s`, `m`, `h` or `d`, cores as a number or in thousandths with `m`. A number
without its unit is refused, and so is a key that is not listed here. Where a default depends on the environment, each
is given; all of them are in [`environments.py`](../components/kafkalogs/config/environments.py).
"""


@dataclass(frozen=True)
class Key:
    """One key of the stack file."""

    path: tuple[str, ...]
    field: FieldInfo
    text: str
    """The meaning: the docstring of the field."""


def sections() -> Iterator[tuple[tuple[str, ...], type[Settings], list[Key]]]:
    """Every mapping that has a model, from the top: its path, its model, and its keys."""
    return _sections(Platform, ())


def _sections(
    model: type[Settings], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], type[Settings], list[Key]]]:
    texts = _docstrings(model)
    keys = [Key((*path, str(f.alias)), f, texts[name]) for name, f in model.model_fields.items()]
    yield path, model, keys
    for key in keys:
        inner, within = _inner(key.field.annotation)
        if inner is not None:
            yield from _sections(inner, (*key.path, *within))


def _inner(annotation: Any) -> tuple[type[Settings] | None, tuple[str, ...]]:
    """The model in an annotation, and the placeholders for names or indices on the path to the model."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation, ()
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is dict:
        model, within = _inner(args[1])
        return model, ("NAME", *within)
    if origin is tuple:
        model, within = _inner(args[0])
        return model, ("N", *within)
    if origin in {UnionType, Union}:
        return _inner(next(a for a in args if a is not NoneType))
    return None, ()


def _docstrings(model: type[Settings]) -> dict[str, str]:
    """The string below each field of a model. Only the source has these strings."""
    body = cast("ast.ClassDef", ast.parse(inspect.getsource(model)).body[0]).body
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = inspect.cleandoc(str(ast.literal_eval(text.value)))
    return found


# -- values as people write them


def _metadata(annotation: Any, metadata: Iterable[Any] = ()) -> tuple[Any, list[Any]]:
    """An annotation without `None` and `Annotated`, and the metadata that `Annotated` adds."""
    extra = list(metadata)
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            extra += more
        elif get_origin(annotation) in {UnionType, Union} and NoneType in get_args(annotation):
            (annotation,) = (a for a in get_args(annotation) if a is not NoneType)
        else:
            return annotation, extra


def _parser(metadata: list[Any]) -> Callable[..., Any] | None:
    found = [m.func for m in metadata if isinstance(m, BeforeValidator) and m.func in _UNITS]
    return cast("Callable[..., Any]", found[0]) if found else None


def kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What to write for a value of this type, with its unit."""
    plain, extra = _metadata(annotation, metadata)
    origin, args = get_origin(plain), get_args(plain)
    if parser := _parser(extra):
        return _UNITS[parser][0]
    names = args if origin is Literal else next((_enum(m) for m in extra if _enum(m)), ())
    if names:
        *others, last = (f"`{name}`" for name in names)
        return f"{', '.join(others)} or {last}"
    if origin is dict:
        return f"mapping of names to {kind(args[1])}".replace("to mapping", "to mappings")
    if origin is tuple:
        return f"list of {kind(args[0])}".replace("of mapping", "of mappings")
    if isinstance(plain, type) and issubclass(plain, Settings):
        return "mapping"
    if plain is int or plain is float:
        return _number(plain, extra)
    if plain is str:
        return "text"
    return "`true` or `false`" if plain is bool else "text, number, `true` or `false`"


def _enum(metadata: Any) -> tuple[str, ...]:
    """The values that an explicit JSON Schema allows."""
    made = metadata.json_schema if isinstance(metadata, WithJsonSchema) else None
    return tuple((made or {}).get("enum", ()))


def _number(plain: type, extra: list[Any]) -> str:
    bounds = {
        name: getattr(m, name) for m in extra for name in ("ge", "gt", "le") if getattr(m, name, None) is not None
    }
    for field in (m for m in extra if isinstance(m, FieldInfo)):
        bounds |= {
            n: getattr(b, n) for b in field.metadata for n in ("ge", "gt", "le") if getattr(b, n, None) is not None
        }
    words = "whole number" if plain is int else "number"
    if "ge" in bounds and "le" in bounds:
        return f"{words}, {bounds['ge']} to {bounds['le']}"
    return f"{words} above {bounds['gt']}" if "gt" in bounds else words


def written(value: Any, annotation: Any, metadata: Iterable[Any] = ()) -> Any:
    """A value of the program in the form of a stack file."""
    plain, extra = _metadata(annotation, metadata)
    args = get_args(plain)
    if parser := _parser(extra):
        return _UNITS[parser][1](value)
    if isinstance(value, Settings):
        fields = type(value).model_fields
        return {
            str(f.alias): written(getattr(value, name), f.annotation, f.metadata)
            for name, f in fields.items()
            if name in value.model_fields_set
        }
    if isinstance(value, dict):
        return {k: written(v, args[1]) for k, v in cast("dict[str, Any]", value).items()}
    if isinstance(value, tuple):
        return [written(v, args[0]) for v in cast("tuple[Any, ...]", value)]
    return value


def defaults(key: Key) -> dict[str, Any]:
    """The default of a key in each environment, in the form of a stack file; empty for a key that must be written."""
    if key.field.is_required():
        return {}
    plain = key.field.get_default(call_default_factory=True)
    if plain is None and _inner(key.field.annotation)[0]:  # its keys have defaults, but the mapping has none
        return dict.fromkeys(ENVIRONMENTS)
    value = None if plain is None else written(plain, key.field.annotation, key.field.metadata)
    return {name: _in_table(table, key.path, value) for name, table in ENVIRONMENTS.items()}


def _in_table(table: Any, path: tuple[str, ...], otherwise: Any) -> Any:
    found = table
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            return otherwise
        found = cast("Mapping[str, Any]", found)[part]
    return found


# -- docs/configuration.md


def reference() -> str:
    """The text of docs/configuration.md."""
    parts = [_HEAD]
    for path, model, keys in sections():
        title = ".".join(path) or ROOT
        rows = [f"| `{key.path[-1]}` | {_cell(_kind_of(key))} | {_default(key)} | {_cell(key.text)} |" for key in keys]
        table = "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows])
        parts.append(f"## {title}\n\n{inspect.cleandoc(model.__doc__ or '')}\n" + (f"\n{table}\n" if rows else ""))
    return "\n".join(parts)


def _kind_of(key: Key) -> str:
    model, within = _inner(key.field.annotation)
    if model is None:
        return kind(key.field.annotation, key.field.metadata)
    title = ".".join((*key.path, *within))
    words = kind(key.field.annotation, key.field.metadata)
    return f"[{words}](#{title.lower().replace('.', '')})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(key: Key) -> str:
    if key.field.is_required():
        return "**must be written**"
    by_value: dict[str, list[str]] = {}
    for environment, value in defaults(key).items():
        by_value.setdefault(_shown(key, value), []).append(environment)
    if len(by_value) == 1:
        return next(iter(by_value))
    return "; ".join(f"{', '.join(names)}: {shown}" for shown, names in by_value.items())


def _shown(key: Key, value: Any) -> str:
    inner = _metadata(key.field.annotation)[0]
    if value is None:
        return "not there"
    if isinstance(inner, type) and issubclass(inner, Settings):
        return "its keys' defaults"
    if value in ({}, []):
        return "none"
    return f"`{_flow(value)}`"


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in cast("Mapping[str, Any]", value).items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v) for v in cast("list[Any]", value)) + "]"
    return json.dumps(value) if isinstance(value, bool) else str(value)


# -- stacks/schema.json


def schema() -> dict[str, Any]:
    """The JSON Schema of a whole stack file. Other keys of Pulumi in the file are not restricted."""
    platform = Platform.model_json_schema(by_alias=True)
    models: dict[str, Any] = {**platform.pop("$defs"), "Platform": platform}
    for _, model, keys in sections():
        found = models[model.__name__]
        found.pop("title", None)
        found["description"] = inspect.cleandoc(model.__doc__ or "")
        for key in keys:
            found["properties"][key.path[-1]] = _property(key, found["properties"][key.path[-1]])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack file of kafkalogs",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "required": [ROOT],
                "properties": {ROOT: {"$ref": "#/$defs/Platform"}},
            }
        },
        "$defs": dict(sorted(models.items())),
    }


def _property(key: Key, made: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in made.items() if name not in {"title", "default", "description"}}
    if any(isinstance(m, NotNull) for m in key.field.metadata):
        (rest,) = (choice for choice in rest["anyOf"] if choice != {"type": "null"})
    if key.path[-1] in _NAMED:
        rest["propertyNames"] = _NAMES
    by_environment = defaults(key)
    told = " ".join(key.text.split())
    if len({json.dumps(value) for value in by_environment.values()}) > 1:
        told += f" Default: {_default(key).replace('`', '')}."
    default = by_environment.get("prod")
    return {"description": told, **rest, **({} if default is None else {"default": default})}


def files() -> dict[str, str]:
    """The text of each generated file, by its path in the repository."""
    return {SCHEMA: json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", REFERENCE: reference()}


def main() -> None:
    """Write the generated files."""
    root = Path(__file__).resolve().parents[3]
    for name, text in files().items():
        (root / name).write_text(text)
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
