"""Reads the output of `pulumi preview --json`: which resources change, and their inputs before and after."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from .values import clean, mapping, sequence

_REPLACING: Final = frozenset(
    {"replace", "create-replacement", "delete-replaced", "read-replacement", "discard-replaced", "import-replacement"}
)
_QUIET: Final = frozenset({"same", "read", "refresh", "read-discard"})
"""Operations that change nothing."""

_KNOWN: Final = _REPLACING | _QUIET | {"create", "update", "delete", "import", "remove-pending-replace"}
_EVENT: Final = frozenset({"resourcePreEvent", "resOutputsEvent", "preludeEvent", "summaryEvent", "diagnosticEvent"})
_LONGEST_REASON: Final = 1500


class PlanError(ValueError):
    """The input is not a preview that can be reported; the error's text is one sentence for people."""


@dataclass(frozen=True)
class Step:
    """The planned operation on one resource."""

    op: str
    """create, update, replace, delete, same, or an operation of Pulumi that this module does not know."""

    urn: str
    type: str
    """Like kubernetes:kafka.strimzi.io/v1:KafkaTopic."""

    name: str
    """The name in Pulumi, not the name in the cluster."""

    parents: tuple[str, ...]
    """The types of the components that hold the resource, the outermost first."""

    old: Mapping[str, Any] | None
    """The inputs as deployed; None if the resource does not exist."""

    new: Mapping[str, Any] | None
    """The planned inputs; None if the resource is deleted."""

    was_protected: bool = False
    is_protected: bool = False
    was_kept: bool = False
    """Whether the resource itself stays when Pulumi deletes it from its state (`retainOnDelete`)."""

    custom: bool = True
    """False for components, which only group other resources."""

    changed: frozenset[str] | None = None
    """The paths that differ by Pulumi's comparison; None if Pulumi lists none."""

    @property
    def kind(self) -> str:
        """The last word of the type: KafkaTopic, Bucket. The whole type if it does not end in a word."""
        last = self.type.rpartition(":")[2]
        return last if re.fullmatch(r"\w+", last) else self.type

    @property
    def goes(self) -> bool:
        """Whether the existing resource is deleted, for good or to be replaced."""
        return self.op in {"delete", "replace"} and not self.was_kept

    @property
    def comes(self) -> bool:
        """Whether the resource is new."""
        return self.op in {"create", "import"}

    @property
    def stays(self) -> bool:
        """Whether the resource exists before and after."""
        return self.old is not None and self.new is not None

    @property
    def unprotected(self) -> bool:
        """Whether the resource loses its protection: Pulumi will no longer refuse to delete it."""
        return self.was_protected and not self.is_protected

    @property
    def quiet(self) -> bool:
        """Whether nothing changes, the protection included."""
        return self.op in _QUIET and self.was_protected == self.is_protected


@dataclass(frozen=True)
class Preview:
    """A preview of one stack."""

    project: str
    stack: str
    steps: tuple[Step, ...]
    """What changes."""

    config: Mapping[str, Any] | None
    """The value of `kafkalogs:platform` in the stack file; None if it is missing or cannot be read."""

    missing: tuple[str, ...] = ()
    """Operations that Pulumi counted but did not list."""


def read(text: str) -> Preview:
    """The preview in `text`, which may have other lines before it. Raises PlanError."""
    document = _document(text)
    _refuse_failed(document)
    try:
        steps = [_step(raw) for raw in sequence(document.get("steps"))]
        config = clean(document.get("config"))
    except RecursionError:
        raise PlanError("the preview's values are nested too deep; make the preview again") from None
    project, stack = _whose(document)
    counted = mapping(document.get("changeSummary"))
    listed = Counter(str(mapping(raw).get("op")) for raw in sequence(document.get("steps")))
    missing = tuple(
        f"{count} x {op}"
        for op, count in sorted(counted.items())
        if op not in _QUIET and isinstance(count, int) and listed[op] < count
    )
    return Preview(project, stack, tuple(step for step in _merged(steps) if not step.quiet), _platform(config), missing)


def _document(text: str) -> dict[str, Any]:
    """The first JSON object in `text` that can be a preview; programs print lines before it."""
    if not text.strip():
        raise PlanError("the input is empty; write: pulumi preview --json | kafkalogs plan")
    decoder = json.JSONDecoder()
    starts = [match.start() for match in re.finditer(r"^\s*\{", text, re.MULTILINE)]
    broken: json.JSONDecodeError | None = None
    found: list[dict[str, Any]] = []
    end = 0
    for start in starts:
        if start < end:
            continue
        try:
            value, end = decoder.raw_decode(text, text.index("{", start))
        except json.JSONDecodeError as error:
            broken = broken or error
            continue
        except RecursionError:
            raise PlanError("the input is nested too deep; make the preview again") from None
        found.append(cast("dict[str, Any]", value))
    previews = [value for value in found if _is_preview(value)]
    if any(_EVENT & value.keys() for value in found):
        raise PlanError("these are streamed events; run pulumi preview without PULUMI_ENABLE_STREAMING_JSON_PREVIEW")
    if len(previews) > 1:
        raise PlanError(f"the input holds {len(previews)} previews; give one preview at a time")
    # The rest of a broken preview may hold smaller objects, but none with a preview's keys.
    if not previews and broken and _QUOTED_KEY.search(text):
        raise PlanError(
            f"the preview is cut off or damaged at line {broken.lineno}: {broken.msg.lower()}; make it again"
        )
    if not previews:
        raise PlanError(_what_else(found, text))
    return previews[0]


_QUOTED_KEY: Final = re.compile(r'"(steps|changeSummary|oldState|newState|diagnostics|config)"\s*:')


def _is_preview(value: dict[str, Any]) -> bool:
    lists = (value.get("steps"), value.get("diagnostics"))
    return "changeSummary" in value or any(isinstance(one, list) for one in lists)


def _what_else(found: list[dict[str, Any]], text: str) -> str:
    if any("deployment" in value or "checkpoint" in value for value in found):
        return "this is a stack's state, not a preview; write: pulumi preview --json | kafkalogs plan"
    if found:
        return "this JSON is not the output of `pulumi preview --json`: it has neither steps nor changeSummary"
    if "Previewing update" in text or re.search(r"^\s*Type\s+Name\s+Plan", text, re.MULTILINE):
        return "this is the preview in text form; run `pulumi preview --json`"
    return "there is no JSON in the input; write: pulumi preview --json | kafkalogs plan"


def _refuse_failed(document: Mapping[str, Any]) -> None:
    """A failed preview lists only the steps before the failure; a report of it would miss the rest."""
    errors = [
        _plain(str(entry.get("message", "")))
        for entry in map(mapping, sequence(document.get("diagnostics")))
        if entry.get("severity") == "error"
    ]
    if errors:
        first = errors[0].removeprefix("error: ").strip()
        shown = first if len(first) <= _LONGEST_REASON else f"{first[:_LONGEST_REASON]}..."
        raise PlanError(f"the preview failed, so the changes are not known: {shown}")
    if "changeSummary" not in document:
        raise PlanError("the preview has no changeSummary: it is not complete; run it again")


def _plain(text: str) -> str:
    """Text without colours, other control characters and the marks of secrets."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|<\{%[^%]*%\}>", "", text)
    text = re.sub(r"(?i)(ciphertext\W{1,5})[\w:+/=.-]+", r"\1[secret]", text)
    return re.sub(
        r"[^\n\t\x20-\x7e\u00a0-\u2027\u2030-\u205f\u2070-\ud7ff\ue000-\ufefe\U00010000-\U0010ffff]", "?", text
    )


def _step(raw: Any) -> Step:
    fields = mapping(raw)
    urn, op = fields.get("urn"), fields.get("op")
    if not isinstance(urn, str) or not isinstance(op, str):
        raise PlanError("a step of the preview has no urn or no op; the file is damaged")
    old, new = mapping(fields.get("oldState")), mapping(fields.get("newState"))
    # urn:pulumi:stack::project::types::name; only the name may contain ::
    _, _, qualified, name = [*urn.split("::", 3), "", "", ""][:4]
    *parents, _ = qualified.split("$")
    paths = [*mapping(fields.get("detailedDiff"))]
    for key in ("diffReasons", "replaceReasons"):
        paths += [str(path) for path in sequence(fields.get(key))]
    normal = "replace" if op in _REPLACING else op
    return Step(
        op=normal if op in _KNOWN else f"unknown operation {op}",
        urn=urn,
        type=str(new.get("type") or old.get("type") or qualified.rpartition("$")[2]),
        name=name,
        parents=tuple(parents),
        old=mapping(clean(old.get("inputs"))) if old else None,
        new=mapping(clean(new.get("inputs"))) if new and normal != "delete" else None,
        was_protected=bool(old.get("protect")),
        is_protected=bool(new.get("protect")) if new else bool(old.get("protect")),
        was_kept=bool(old.get("retainOnDelete")),
        custom=bool((new or old).get("custom", True)),
        changed=frozenset(paths) or None,
    )


def _merged(steps: list[Step]) -> list[Step]:
    """One step for each resource: with --show-replacement-steps a replacement has three."""
    merged: dict[str, Step] = {}
    for step in steps:
        before = merged.get(step.urn)
        if step.op == "replace" and before is not None:
            step = replace(
                before,
                old=before.old if before.old is not None else step.old,
                new=before.new if before.new is not None else step.new,
                was_protected=before.was_protected or step.was_protected,
            )
        if step.op == "replace":
            merged[step.urn] = step
    others = [step for step in steps if step.op != "replace"]
    return [*others, *merged.values()]


def _whose(document: Mapping[str, Any]) -> tuple[str, str]:
    """Project and stack, from the first step's URN: urn:pulumi:stack::project::type::name."""
    for raw in map(mapping, sequence(document.get("steps"))):
        parts = str(raw.get("urn", "")).split("::")
        if len(parts) > 1 and parts[0].startswith("urn:pulumi:"):
            return parts[1], parts[0].removeprefix("urn:pulumi:")
    return "", ""


def _platform(config: Any) -> Mapping[str, Any] | None:
    """The stack file's `kafkalogs:platform`, which Pulumi shows as a string of JSON."""
    value = mapping(config).get("kafkalogs:platform")
    if isinstance(value, Mapping) and isinstance(value.get("value"), str):  # pyright: ignore[reportUnknownMemberType]
        value = cast("Mapping[str, Any]", value)["value"]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None
