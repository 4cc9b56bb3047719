"""Names that belong to the platform: no service, topic or team takes one, whether the stack has the part or not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs import ConfigError, load, parts
from kafkalogs.checks import reserved
from kafkalogs.config import naming

from tests.support.stack import REMOVED, changed

BARE = changed(("services.mailer", REMOVED))
ON = {**BARE, "stream": {"plannedShare": 0.01}, "shipper": {"rate": "1KiB/s"}}
SERVICE: dict[str, Any] = {"team": "crm", "rate": "1KiB/s"}

TOPICS = sorted({name for part in parts.PARTS for name in part.topic_names})
USERS = sorted(parts.own_users())
GROUPS = sorted({prefix for part in parts.PARTS for prefix in part.group_prefixes})


def refusal(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        load(raw)
    return str(error.value)


@pytest.mark.parametrize("topic", [name for name in TOPICS if not name.startswith("logs.")])
def test_no_service_writes_a_topic_of_a_part_though_the_stack_lacks_the_part(topic: str) -> None:
    said = refusal(changed(("services.thief", {**SERVICE, "topic": topic}), base=BARE))
    assert f"services.thief.topic: '{topic}': this topic belongs to " in said
    assert "choose a name that begins with logs." in said


@pytest.mark.parametrize("topic", [name for name in TOPICS if name.startswith("logs.")])
def test_no_service_writes_a_topic_of_a_part_below_logs_where_the_stack_has_the_part(topic: str) -> None:
    raw = changed(("services.thief", {**SERVICE, "topic": topic}), base=ON)
    assert f"services.thief.topic: '{topic}': " in refusal(raw)


def test_a_topic_that_nobody_may_read_is_refused() -> None:
    said = refusal(changed(("services.mailer", {**SERVICE, "topic": "mail"}), base=BARE))
    assert "services.mailer.topic: 'mail': no reader may read it: all rights are on logs.*; choose a name" in said


@pytest.mark.parametrize("user", USERS)
def test_no_service_is_the_identity_of_a_part(user: str) -> None:
    said = refusal(changed((f"services.{user}", SERVICE), base=BARE))
    assert f"services.{user}: '{user}': the identity of " in said
    assert "choose another name" in said


@pytest.mark.parametrize(
    "name", ["platform-ca", "platform-ca-key", "postgres-credentials", "s3-credentials", "registry-tls", "x-tls"]
)
def test_no_service_takes_the_name_of_a_secret(name: str) -> None:
    assert f"services.{name}: '{name}': a Secret of the platform has this name" in refusal(
        changed((f"services.{name}", SERVICE), base=BARE)
    )


def test_no_service_takes_the_name_of_a_secret_that_the_stack_file_names() -> None:
    own = changed(("pager", {"routingKeySecret": "duty", "url": "https://events.example.org"}), base=ON)
    assert "services.duty: 'duty': a Secret" in refusal(changed(("services.duty", SERVICE), base=own))
    named = {"database": "db.example.org:5432/logs", "caSecrets": {"database": "rds"}}
    assert "services.rds: 'rds': a Secret" in refusal(
        changed(("endpoints", named), ("audit", {}), ("services.rds", SERVICE), base=BARE)
    )


@pytest.mark.parametrize("prefix", GROUPS)
def test_no_team_owns_the_consumer_groups_of_a_part(prefix: str) -> None:
    team = prefix.rstrip(".").partition(".")[0].rstrip("-")
    assert team
    raw = changed((f"teams.{team}", {"reads": ["logs.*"]}), base=BARE)
    if prefix.startswith(f"{team}."):
        assert f"teams.{team}: '{team}': its consumer groups would begin like those of " in refusal(raw)


@given(st.from_regex(r"[a-z][-a-z0-9]{0,20}[a-z0-9]", fullmatch=True) | st.sampled_from(["pager", "connect", "stream"]))
def test_a_team_that_is_let_in_shares_no_group_with_a_part(team: str) -> None:
    if reserved.team_problem(team) is None:
        own = naming.group_prefix(team)
        assert not any(own.startswith(prefix) or prefix.startswith(own) for prefix in GROUPS)
        names = [part.group for part in parts.PARTS if part.group]
        assert not any(group.startswith(own) for group in names)


@pytest.mark.parametrize("part", parts.PARTS, ids=lambda part: part.key)
def test_a_record_reserves_every_name_that_it_makes(part: Any) -> None:
    everything = {key: {} for key in parts.IMAGES}
    platform = load({**BARE, **everything, "stream": {"plannedShare": 0.01}, "shipper": {"rate": "1KiB/s"}})
    assert {topic.name for topic in part.topics(platform)} <= set(part.topic_names)
    assert {user.name for user in part.users(platform)} <= set(part.user_names)
    if part.group:
        assert any(part.group.startswith(prefix) for one in parts.PARTS for prefix in one.group_prefixes), (
            "another team could read with its group"
        )
