"""From the raw configuration of a stack to `Platform`, with every problem of the file reported at once.

pydantic stops at the first layer of problems: it checks values against each other only when each single value is fine.
This module replaces a broken value by its default (or a stand-in) and remembers the path. So only the checks that need
the broken value are skipped; all others run.
"""

import copy
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from ..config.environments import merged
from ..config.models import Platform
from ..config.problems import MISSING, ConfigError, Path, Problem, closest, of_pydantic
from .broken import Broken
from .stack import problems_between

# Stand-ins for required values that are missing or broken; only the checks of this package see them.
_STAND_INS: Final[Mapping[str, Any]] = {
    "team": "unknown",
    "rate": "1B/s",
    "reads": ["unknown"],
    "roles": ["controller", "broker"],
    "replicas": 1,
    "region": "us-east-1",
    "account": "000000000000",
    "oidcProvider": "unknown.example",
    "bucket": "unknown",
    "subnets": ["subnet-00000000"],
    "securityGroups": ["sg-00000000"],
}


def load(raw: Mapping[str, Any]) -> Platform:
    """The configuration of a stack; `ConfigError` with all its problems."""
    if not isinstance(raw, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from a file
        raise ConfigError([Problem((), raw, "not a mapping; write keys with values below it")])
    platform, broken, problems = parse(merged(raw))
    problems = [*problems, *problems_between(platform, broken)]
    if problems:
        raise ConfigError(problems)
    return platform


def parse(raw: Mapping[str, Any]) -> tuple[Platform, Broken, list[Problem]]:
    """The models with stand-ins for broken values, the paths of the broken values, and their problems."""
    values: Any = copy.deepcopy(dict(raw))
    broken = Broken()
    problems: list[Problem] = []
    while True:
        try:
            return Platform.model_validate(values), broken, problems
        except ValidationError as error:
            found = [of_pydantic(d, _keys_at(tuple(d["loc"])[:-1])) for d in error.errors(include_url=False)]
        # Leave out what a stand-in causes, and the missing entry of a list whose entry is wrong.
        wrong = {problem.path for problem in found}
        problems += [
            p for p in found if broken.fine(*p.path) and not any(p.path == w[: len(p.path)] != w for w in wrong)
        ]
        before = copy.deepcopy(values)
        for problem in found:
            _repair(values, problem, broken)
        if values == before:  # a program passed what no stack file can hold, like keys that are not strings
            raise ConfigError(problems)


def _repair(values: Any, problem: Problem, broken: Broken) -> None:
    """Remove the value of `problem` from `values`, or put a stand-in there, so that the next attempt gets further."""
    path = problem.path
    lists = [i for i, part in enumerate(path) if isinstance(part, int)]
    if lists:  # an entry of a list: remove the whole list, which would differ from the file without the entry
        path = path[: lists[0]]
    if not path:  # a key at the top that is not a string
        return
    holder = values
    for part in path[:-1]:
        holder = holder[part]
    key = path[-1]
    if problem.value is MISSING and not lists:
        holder[key] = copy.deepcopy(_STAND_INS[str(key)])
    elif not lists and len(path) > 1 and _model_at(path) is not None and not isinstance(holder.get(key), dict):
        holder[key] = {}
    else:
        holder.pop(key, None)  # several problems may point at one list
        # The key that a misspelt key probably means is broken too.
        known = _keys_at(path[:-1])
        if key not in known and (meant := closest(key, known)):
            broken.add((*path[:-1], meant))
    broken.add(path)


def _model_at(path: Path) -> type[BaseModel] | None:
    """The model of the value at `path`; None where no model is."""
    annotation: Any = Platform
    for part in path:
        model = _model(annotation)
        if model is not None:
            annotation = next((f.annotation for f in model.model_fields.values() if f.alias == part), None)
        elif isinstance(part, int):  # a list: the first type argument is the type of its entries
            annotation = next(iter(get_args(annotation)), None)
        else:  # a mapping: the second type argument is the type of its values
            annotation = next(iter(get_args(annotation)[1:]), None)
    return _model(annotation)


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in `annotation`, which may be optional; None if the annotation is not a model."""
    optional = [a for a in get_args(annotation) if a is not NoneType] if isinstance(annotation, UnionType) else []
    kind = optional[0] if len(optional) == 1 else annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _keys_at(path: Path) -> list[str]:
    """The keys that are allowed in the mapping at `path`."""
    model = _model_at(path)
    return [str(field.alias) for field in model.model_fields.values()] if model else []
