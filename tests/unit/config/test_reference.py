"""The generated pages are what the models say, and the schema tells editors what `load` would."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kafkalogs import ConfigError, load
from kafkalogs.checks.loading import parse
from kafkalogs.config import reference as config_reference
from kafkalogs.config.environments import merged

from tests.support.stack import VALID, changed
from tests.support.wrong_stacks import NAMES, SOON, WRONG, platform_of, stack_file, wrong
from tests.unit.checks.test_bad_input import BAD

REPOSITORY = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((REPOSITORY / config_reference.SCHEMA).read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def accepts(platform: object) -> bool:
    return VALIDATOR.is_valid({"config": {"kafkalogs:platform": platform}})


@pytest.mark.parametrize("name", config_reference.files())
def test_a_generated_file_is_what_the_models_say(name: str) -> None:
    written = (REPOSITORY / name).read_text()
    assert written == config_reference.files()[name], "run: .venv/bin/python -m kafkalogs.config.reference"


def test_every_key_is_documented_with_its_value_and_default() -> None:
    text = config_reference.reference()
    keys = [key for _, _, keys in config_reference.sections() for key in keys]
    assert len(keys) > 100
    for key in keys:
        assert key.text.endswith((".", '".')), f"{key.path}: no docstring"
        assert f"| `{key.path[-1]}` | " in text
    for line in (
        "| `operator` | `strimzi`, `embedded` or `auto` | local: `auto`; staging, prod: `strimzi` | Who runs Kafka",
        "| `auditFloor` | duration, like `24h` | local: `1h`; staging: `24h`; prod: `7d` | ",
        "| `memory` | size, like `10GiB` | `4GiB` | ",
        "| `rate` | bytes per second, like `2MiB/s` | **must be written** | ",
        "| `cpu` | cores, like `500m` or `2` | local: `100m`; staging, prod: `200m` | ",
        "| `tier` | whole number, 1 to 4 | `3` | ",
        "| `archive` | [mapping](#archive) | not there | ",
    ):
        assert f"\n{line}" in text


def test_links_lead_to_sections() -> None:
    text = config_reference.reference()
    headings = {line[3:].lower().replace(".", "").replace(":", "") for line in text.splitlines() if line[:3] == "## "}
    linked = {piece.split(")")[0] for piece in text.split("](#")[1:]}
    assert linked
    assert linked <= headings


# -- the schema


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_accepts_a_stack_file(name: str) -> None:
    assert [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(stack_file(name))] == []


def test_other_configuration_is_not_restricted() -> None:
    config = {"aws:region": "eu-central-1", "kafkalogs-policy:settings": {"x": 1}, "kafkalogs:platform": VALID}
    assert VALIDATOR.is_valid({"secretsprovider": "awskms://x", "config": config})


@pytest.mark.parametrize(
    "file", [None, [], {}, {"config": {}}, {"config": None}, {"config": {"kafkalogs:platform": 3}}]
)
def test_a_file_without_a_platform_is_refused(file: object) -> None:
    assert not VALIDATOR.is_valid(file)


ACCEPTED = [
    ("kafka.pools.kafka.cpu", 2),
    ("kafka.pools.kafka.cpu", 0.5),
    ("kafka.pools.kafka.cpu", "250m"),
    ("kafka.pools.kafka.cpu", "2"),
    ("kafka.pools.kafka.memory", "1.5GiB"),
    ("kafka.pools.kafka.memory", "2000 MB"),
    ("retention.application", "720m"),
    ("retention.debug", "90s"),
    ("services.nginx.rate", "500kB/s"),
    ("services.nginx.topic", None),
    ("kafka.rack", None),
    ("kafka.config", {"num.io.threads": 8, "compression.type": "zstd", "log.preallocate": False}),
    ("search", {}),
    ("exceptions", [{"rule": "non-root", "resource": "app-*", "reason": "an old image", "expires": SOON}]),
    ("compliance.archiveYears", {"audit": 10}),
]


@pytest.mark.parametrize(("path", "value"), ACCEPTED, ids=[f"{path}={value}" for path, value in ACCEPTED])
def test_the_schema_accepts_what_load_accepts(path: str, value: object) -> None:
    raw = changed((path, value))
    load(raw)
    assert accepts(raw)


# What a pattern cannot say of a single value: that an amount is zero, or larger than anything, or no day in a calendar.
ONLY_LOAD = (
    *("must be more than zero", "more than anything can be", "not a day of the calendar"),
    *("more than readers hold", "too little for a log event"),
)


def _single(raw: Any) -> bool:
    """Whether a single value of it is wrong in a way that a schema can tell."""
    return any(not any(text in problem.text for text in ONLY_LOAD) for problem in parse(merged(raw))[2])


def _wrong() -> Iterator[tuple[str, Any]]:
    for name, edits, line in WRONG:
        yield line, wrong(name, edits)
    for changes, line in BAD:
        yield line, changed(*changes)


REFUSED = [(line, raw) for line, raw in _wrong() if _single(raw) and "Infinity" not in line]


@pytest.mark.parametrize(("line", "raw"), REFUSED, ids=[line[:60] for line, _ in REFUSED])
def test_the_schema_refuses_what_load_refuses_of_a_single_value(line: str, raw: Any) -> None:
    assert not accepts(raw)


def test_most_mistakes_are_seen_in_the_editor() -> None:
    assert len(REFUSED) > 100


WEIRD: list[Any] = [None, True, 0, -1, 1.5, "", "x", "1", "24h", "10GiB", "1MiB/s"]
WEIRD += [[], {}, [None], {"x": None}, "https://x", "s3://xyz"]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if path not in {("services",), ("teams",)} or key in {"auth-service", "edge"}:
            yield from _paths(inner, (*path, key))


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_written_anywhere_is_accepted_or_refused_in_words(name: str) -> None:
    """No traceback; each problem has a remedy; and the schema refuses nothing that load accepts."""
    base = platform_of(name)
    accepted = 0
    for path in _paths(base):
        for value in WEIRD:
            raw = copy.deepcopy(base)
            holder = raw
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
            lines = _lines(raw)
            assert all(";" in line for line in lines), lines
            if not lines:
                accepted += 1
                assert accepts(raw), (path, value)
    assert accepted > 20


def _lines(raw: Any) -> list[str]:
    try:
        load(raw)
    except ConfigError as error:
        return str(error).splitlines()[1:]
    return []
