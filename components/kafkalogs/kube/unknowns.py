"""Manifests of which a preview knows all but what only the deployment will know.

`manifest_of` waits for all values of a manifest: one that is not known yet, such as the address of a search domain that
is to be made, would hide the whole object from a preview and from its policies. Here only that value is missing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pulumi

from .resources import Manifest, manifest_of, part

_Args = TypeVar("_Args")

_MARK = re.compile("(<<late [0-9]+>>)")  # of characters that JSON leaves as they are


class Unknowns:
    """Texts that are not known yet, each with a mark that stands for it while a manifest is built."""

    def __init__(self) -> None:
        self._marks: dict[str, pulumi.Output[str]] = {}

    def text(self, value: pulumi.Input[str]) -> pulumi.Input[str]:
        """`value`, or the mark that stands for it. A builder puts the mark into the manifest as it is, alone or in a
        longer text, and does not look at it."""
        if not isinstance(value, pulumi.Output):
            return value
        mark = f"<<late {len(self._marks)}>>"
        self._marks[mark] = value
        return mark

    def manifest(self, build: Callable[[_Args], Manifest], marked: _Args, args: _Args) -> pulumi.Input[Manifest]:
        """The manifest that `build` makes of `args`, known as far as its values are. marked: `args` with marks.

        It is for what a preview reads; a name that is a digest of an unknown value must come from `manifest_of`.
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
    """The metadata of `around`, with the name of `whole`: one that is a digest of all that is in it."""
    about = part(around, "metadata")
    if not isinstance(about, dict) or isinstance(whole, dict):
        return part(whole, "metadata")
    return {**cast("Manifest", about), "name": name_of(whole)}


def name_of(manifest: pulumi.Input[Manifest]) -> pulumi.Input[str]:
    """The name in a manifest, known or not."""
    if isinstance(manifest, dict):
        return str(manifest["metadata"]["name"])
    return pulumi.Output.from_input(manifest).apply(lambda known: str(known["metadata"]["name"]))
