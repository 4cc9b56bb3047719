"""What holds of every plan, whatever the values: properties of the pure functions behind the rules."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs.plan import report, topics
from kafkalogs.plan.aws import Statement
from kafkalogs.plan.cost import Prices
from kafkalogs.plan.findings import KINDS
from kafkalogs.plan.markdown import code
from kafkalogs.plan.preview import PlanError, read
from kafkalogs.plan.rights import Right, gained
from kafkalogs.plan.values import Hidden, at, clean, hidden_in, number

from . import steps
from .steps import STRIMZI, step, topic

NAMES = st.sampled_from(["*", "logs.", "logs.a", "logs.audit", "x", ""])
RIGHTS = st.builds(
    Right,
    st.sampled_from(["topic", "group"]),
    st.sampled_from(["literal", "prefix"]),
    NAMES,
    st.sampled_from(["Read", "Write", "Describe", "All", "AlterConfigs", "DescribeConfigs"]),
    st.sampled_from(["*", "10.0.0.1"]),
)
SETS = st.frozensets(RIGHTS, max_size=5)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(
    [
        *(f"{STRIMZI}{kind}" for kind in ("KafkaTopic", "KafkaUser", "Kafka", "KafkaNodePool", "KafkaConnector")),
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
        "kubernetes:storage.k8s.io/v1:StorageClass",
        "kubernetes:apps/v1:StatefulSet",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/x:BucketServerSideEncryptionConfiguration",
        "aws:opensearch/domain:Domain",
        "some:other/thing:Thing",
    ]
)


@given(SETS)
def test_who_keeps_their_rights_gains_nothing(rights: frozenset[Right]) -> None:
    assert gained(rights, rights) == set()


@given(SETS, SETS)
def test_fewer_rights_gain_nothing(rights: frozenset[Right], less: frozenset[Right]) -> None:
    assert gained(rights | less, less) == set()


@given(SETS, SETS)
def test_what_is_gained_was_not_there_and_is_there_now(before: frozenset[Right], after: frozenset[Right]) -> None:
    for right in gained(before, after):
        assert right in after
        assert not any(had.covers(right) for had in before)


@given(SETS, SETS)
def test_every_new_right_follows_from_what_was_there_or_is_told(
    before: frozenset[Right], after: frozenset[Right]
) -> None:
    told = gained(before, after)
    for right in after:
        assert any(one.covers(right) for one in before) or any(one.covers(right) for one in told), right


@given(RIGHTS, RIGHTS, RIGHTS)
def test_covering_is_an_order(a: Right, b: Right, c: Right) -> None:
    assert a.covers(a)
    if a.covers(b) and b.covers(c):
        assert a.covers(c)


@given(RIGHTS, RIGHTS, st.sampled_from(["logs.a", "logs.audit", "x", "other"]))
def test_who_covers_a_right_reaches_what_it_reaches(a: Right, b: Right, name: str) -> None:
    if a.covers(b) and b.reaches("literal", name):
        assert a.reaches("literal", name)


def _retention(before: int | None, after: int | None) -> bool:
    config = [{} if value is None else {"retention.ms": value} for value in (before, after)]
    made = [steps.manifest("KafkaTopic", "t", {"config": each}) for each in config]
    return "retention" in steps.kinds(step("update", f"{STRIMZI}KafkaTopic", *made))


KEPT = st.none() | st.just(-1) | st.integers(1, 10**12)


@given(KEPT, KEPT)
def test_a_retention_is_cut_or_the_other_way_round_is_or_both_are_alike(before: int | None, after: int | None) -> None:
    alike = topics.kept_ms({"retention.ms": before}) == topics.kept_ms({"retention.ms": after})
    assert [_retention(before, after), _retention(after, before)].count(True) == (0 if alike else 1)


@given(st.integers(1, 100), st.integers(1, 100))
def test_every_change_of_partitions_is_told(before: int, after: int) -> None:
    made = [steps.changed(topic(), "spec", "partitions", to=count) for count in (before, after)]
    assert ("partitions" in steps.kinds(step("update", f"{STRIMZI}KafkaTopic", *made))) == (before != after)


@given(TYPES, JSON, JSON, st.sampled_from(["create", "update", "replace", "delete", "same", "import", "new-op"]))
def test_no_value_breaks_a_report(kind: str, old: Any, new: Any, op: str) -> None:
    """Whatever Pulumi prints: a report, or one sentence."""
    shapes = [
        {"metadata": value, "spec": value, "data": value, "rules": value, "policy": value} for value in (old, new)
    ]
    before = None if op in {"create", "import"} else shapes[0]
    after = None if op == "delete" else shapes[1]
    told = steps.told(step(op, kind, before, after))
    text = report.markdown(told)
    assert text.endswith("\n")
    assert all(danger.kind in KINDS for danger in told.dangers)
    assert told.exit_code in {0, 2, 3}


@given(TYPES, JSON)
def test_what_stays_the_same_is_not_dangerous(kind: str, value: Any) -> None:
    plain = json.loads(json.dumps(value))
    if list(hidden_in(clean(plain))):
        return
    same = {"metadata": {"name": "it"}, "spec": plain, "data": plain, "rules": plain}
    assert steps.kinds(step("update", kind, same, same)) == set()


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(PlanError):
        read(text)


WHOLE = steps.preview(step("delete", f"{STRIMZI}KafkaTopic", topic()))


@given(st.integers(0, len(WHOLE) - 1))
def test_a_preview_that_is_cut_off_is_never_read(end: int) -> None:
    with pytest.raises(PlanError):
        read(WHOLE[:end])


@given(st.integers(0, len(WHOLE)), st.integers(1, 40))
def test_a_damaged_preview_is_read_or_refused(start: int, length: int) -> None:
    """Some bytes are missing: no other error comes of it than the one that is said in a sentence."""
    with suppress(PlanError):
        report.markdown(report.report(read(WHOLE[:start] + WHOLE[start + length :]), Prices()))


@given(st.text())
def test_code_is_one_span_in_one_cell(text: str) -> None:
    shown = code(text)
    assert "|" not in shown
    assert "\n" not in shown
    assert shown.count("`") == 2 or shown == "(empty)"


@given(JSON)
def test_cleaning_twice_changes_nothing_and_at_never_fails(value: Any) -> None:
    once = clean(value)
    assert clean(once) == once
    found = at(once, "a", 0, "b")
    assert found is None or isinstance(found, Hidden) or number(found) is None or isinstance(number(found), int)


@given(st.sets(st.sampled_from(["s3:Get*", "s3:GetObject", "s3:*", "kms:*"]), min_size=1))
def test_a_statement_covers_itself_and_any_covers_less(actions: set[str]) -> None:
    whole = Statement({"Effect": "Allow", "Action": sorted(actions), "Resource": "*"})
    assert whole.covers(whole)
    for action in actions:
        assert whole.covers(Statement({"Effect": "Allow", "Action": action, "Resource": "arn:x"}))
        assert not whole.covers(Statement({"Effect": "Deny", "Action": action, "Resource": "arn:x"}))
