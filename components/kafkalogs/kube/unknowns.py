"""Manifests of which a preview knows all but what only the deployment will know.

`manifest_of` waits for all values of a manifest: one that is not known yet, such as the address of a search domain that
is to be made, would hide the whole object from a preview and from its policies. Here only that value is missing.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

import pulumi

from .resources import Manifest, manifest_from_values, part

_MARK = re.compile("(<<late [0-9]+>>)")  # of characters that JSON leaves as they are


def manifest_around(
    build: Callable[..., Manifest], *, late: Collection[str] = (), within: Collection[str] = (), **values: Any
) -> pulumi.Input[Manifest]:
    """The manifest that `build` makes of `values`, known as far as they are.

    late: values that are text, which `build` puts into the manifest as they are, alone or in a longer text, and does
    not look at. within: dicts of which this holds for each value. It is for what is read; a name that is a digest of
    such a value must come from `manifest_from_values`.
    """
    marks: dict[str, pulumi.Output[str]] = {}

    def marked(value: Any) -> Any:
        if not isinstance(value, pulumi.Output):
            return value
        mark = f"<<late {len(marks)}>>"
        marks[mark] = cast("pulumi.Output[str]", value)
        return mark

    given = dict(values)
    for name in late:
        given[name] = marked(given[name])
    for name in within:
        if isinstance(given[name], Mapping):
            given[name] = {key: marked(value) for key, value in cast("Manifest", given[name]).items()}
    manifest = manifest_from_values(build, **given)
    if not marks:
        return manifest
    return _filled(manifest, marks) if isinstance(manifest, dict) else manifest_from_values(build, **values)


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
