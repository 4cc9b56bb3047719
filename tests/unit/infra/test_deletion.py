"""What goes quickly is not waited for ten minutes."""

import deletion
import pulumi
import pytest


def asked(kind: str, **options: object) -> pulumi.CustomTimeouts | None:
    args = pulumi.ResourceTransformationArgs(None, kind, "x", {"spec": 1}, pulumi.ResourceOptions(**options))
    if (made := deletion.limit(args)) is None:
        return args.opts.custom_timeouts
    assert made.props == {"spec": 1}
    assert made.opts.depends_on == args.opts.depends_on
    return made.opts.custom_timeouts


@pytest.mark.parametrize("kind", ["networking.k8s.io/v1:NetworkPolicy", "kafka.strimzi.io/v1:KafkaTopic"])
def test_what_goes_quickly_has_little_time_for_it(kind):
    timeouts = asked(f"kubernetes:{kind}", depends_on=[])
    assert (timeouts.create, timeouts.update, timeouts.delete) == (None, None, "90s")


@pytest.mark.parametrize("kind", ["core/v1:Namespace", "apps/v1:StatefulSet", "kafka.strimzi.io/v1:Kafka"])
def test_what_others_have_to_end_for_has_all_the_time(kind):
    assert asked(f"kubernetes:{kind}") is None


def test_a_resource_may_have_its_own_time():
    own = pulumi.CustomTimeouts(delete="1h")
    assert asked("kubernetes:core/v1:Secret", custom_timeouts=own) is own
