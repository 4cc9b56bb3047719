"""Manifests that a preview shows although some of their values are not known yet.

`manifest_of` waits for all values that a builder reads. One unknown value, such as the address of a search domain that
does not exist yet, would hide the whole object from a preview and from its policies. `Unknowns` hides only that value.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pulumi

from .resources import Manifest, manifest_of, part

_Args = TypeVar("_Args")

_MARK = re.compile("(<<late [0-9]+>>)")  # of characters that JSON leaves as they are


class Unknowns:
    """Texts that are not known yet. While a manifest is built, a mark takes the place of each."""

    def __init__(self) -> None:
        self._marks: dict[str, pulumi.Output[str]] = {}

    def text(self, value: pulumi.Input[str]) -> pulumi.Input[str]:
        """`value` if it is known, or else its mark. A builder may put the mark into a text, but must not inspect it."""
        if not isinstance(value, pulumi.Output):
            return value
        mark = f"<<late {len(self._marks)}>>"
        self._marks[mark] = value
        return mark

    def manifest(self, build: Callable[[_Args], Manifest], marked: _Args, args: _Args) -> pulumi.Input[Manifest]:
        """The manifest that `build` makes of `args`, with only the marked values unknown. marked: `args` with marks.

        A name that contains a digest of an unknown value must come from `manifest_of`, see `named_by`.
        """
        manifest = manifest_of(build, marked)
        if not self._marks:
            return manifest
        return _filled(manifest, self._marks) if isinstance(manifest, dict) else manifest_of(build, args)


def _filled(value: Any, marks: Mapping[str, pulumi.Output[str]]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, marks) for key, item in cast("Manifest", value).items()}
    if isinstance(value, list | tuple):
        return [_filled(item, marks) for item in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    pieces = [marks.get(piece, piece) for piece in _MARK.split(value) if piece]
    if all(isinstance(piece, str) for piece in pieces):
        return value
    return pieces[0] if len(pieces) == 1 else pulumi.Output.concat(*pieces)


def named_by(around: pulumi.Input[Manifest], whole: pulumi.Input[Manifest]) -> Any:
    """The metadata of `around` with the name of `whole`, which contains a digest of the whole manifest."""
    about = part(around, "metadata")
    if not isinstance(about, dict) or isinstance(whole, dict):
        return part(whole, "metadata")
    return {**cast("Manifest", about), "name": name_of(whole)}


def name_of(manifest: pulumi.Input[Manifest]) -> pulumi.Input[str]:
    """The name in a manifest, known or not."""
    if isinstance(manifest, dict):
        return str(manifest["metadata"]["name"])
    return pulumi.Output.from_input(manifest).apply(lambda known: str(known["metadata"]["name"]))
