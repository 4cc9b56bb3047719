"""The script's list of the services that may write each topic."""

import pytest
from kafkalogs.stream.script import shared


def test_a_service_with_a_topic_of_its_own_changes_nothing_in_the_script():
    before = {"logs.audit": ["auth", "billing"], "logs.shop": ["shop"], "logs.platform": ["*"], "orders": ["shop"]}
    assert shared(before) == {"logs.audit": ["auth", "billing"], "logs.platform": ["*"], "orders": ["shop"]}
    assert shared({**before, "logs.new": ["new"]}) == shared(before)
    assert shared({**before, "logs.audit": ["auth", "billing", "new"]}) != shared(before)
    assert shared(None) is None


@pytest.mark.parametrize(
    "writers", [{"logs.a": ["x') OR ('a"]}, {"logs'a": ["b"]}, {"logs.a": ["b=c"]}, {"logs.a": [""]}]
)
def test_a_name_that_is_more_than_a_name_is_refused(writers):
    with pytest.raises(ValueError, match="writers: "):
        shared(writers)
