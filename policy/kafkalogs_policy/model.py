"""What a rule is, what it finds, and what it is told of the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from .environments import STRICTEST, Demands
from .values import UnknownValueError, View, plain

Level = Literal["mandatory", "advisory"]


@dataclass(frozen=True)
class Violation:
    """What is wrong with a resource."""

    path: str
    """Where in its properties."""

    message: str
    """What is wrong, with the value."""

    remedy: str
    """What to do about it."""

    unknown: bool = False
    """Whether it is wrong only because the value is not known yet."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}; {self.remedy}" if self.path else f"{self.message}; {self.remedy}"


@dataclass(frozen=True)
class Context:
    """What a rule is told besides type and properties. By default: the strictest."""

    demands: Demands = STRICTEST
    """What the stack's environment demands."""

    protect: bool = False
    """Whether Pulumi refuses to delete the resource (its option `protect`)."""


STRICT: Final = Context()

Check = Callable[[str, Mapping[str, Any], Context], list[Violation]]
"""(type, properties, context) to violations."""


@dataclass(frozen=True)
class Member:
    """A resource among the others of its stack."""

    type: str
    name: str
    properties: Mapping[str, Any]
    protect: bool = False
    urn: str = ""
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """The URNs of the resources that each property was made of."""

    @cached_property
    def view(self) -> View:
        """Its properties."""
        return View(plain(self.properties))


Finding = tuple[Member, Violation]


@dataclass(frozen=True)
class Rule:
    """One rule of the pack. It may look at each resource, at all together, or both."""

    name: str
    title: str
    """What it demands, as a sentence."""

    applies: Callable[[str], bool]
    """Whether a type of resource is looked at."""

    examine: Callable[[str, View, Context], Iterator[Violation]] | None = None
    """What is wrong with a resource. What it cannot know, it reads all the same: that becomes a violation."""

    stack: Callable[[Sequence[Member], Demands], Iterator[Finding]] | None = None
    """What is wrong between resources."""

    level: Level = "mandatory"

    def check(self, type_: str, properties: Mapping[str, Any], context: Context = STRICT) -> list[Violation]:
        """What is wrong with a resource of this type with these properties."""
        if self.examine is None or not self.applies(type_):
            return []
        return list(each(self.examine(type_, View(plain(properties)), context)))

    def check_stack(self, members: Sequence[Member], demands: Demands = STRICTEST) -> list[Finding]:
        """What is wrong between the resources of a stack."""
        if self.stack is None:
            return []
        found: list[Finding] = []
        try:
            found += self.stack(members, demands)
        except (UnknownValueError, AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            told = f"something in the stack is not of the form that it must have ({type(error).__name__}: {error})"
            whole = next((member for member in members if member.type == "pulumi:pulumi:Stack"), Member("", "", {}))
            found.append((whole, Violation("", told, "write it as its documentation says")))
        return found


def each(*parts: Iterator[Violation]) -> Iterator[Violation]:
    """The violations of parts of a check that do not depend on each other: a value that one of them misses is a
    violation of its own, and the others are looked at all the same."""
    for part in parts:
        try:
            yield from part
        except UnknownValueError as error:
            yield unknown(error.path)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            # Kubernetes or AWS would refuse it too, but who passes here must have been understood.
            told = f"not of the form that it must have ({type(error).__name__}: {error})"
            yield Violation("", told, "write it as its documentation says")


def unknown(path: str) -> Violation:
    """The violation of a value that a rule needs and that is not known."""
    remedy = "give it a value that does not depend on a resource that is yet to be made"
    return Violation(path, "not known before the update, so the rule cannot be checked", remedy, unknown=True)
