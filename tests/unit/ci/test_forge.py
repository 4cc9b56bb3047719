"""One comment and one issue at GitHub and at GitLab: made, found again, changed; and what the API answers instead."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci import comment, forge, issue

from .forge_server import TOKEN, World, serving


@pytest.fixture(params=["github", "gitlab"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with serving(World(request.param)) as made:
        yield made


@pytest.fixture
def github() -> Iterator[World]:
    with serving(World("github")) as made:
        yield made


def env(world: World, tmp_path: Path, **more: str) -> dict[str, str]:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 5}}))
    if world.kind == "github":
        made = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/logs", "GITHUB_EVENT_PATH": str(event)}
        made |= {"GITHUB_API_URL": world.api, "GITHUB_TOKEN": TOKEN}
    else:
        made = {"GITLAB_CI": "true", "CI_PROJECT_ID": "7", "CI_MERGE_REQUEST_IID": "5", "CI_API_V4_URL": world.api}
        made |= {"GITLAB_TOKEN": TOKEN, "CI_PIPELINE_URL": "https://gitlab.example.com/acme/logs/-/pipelines/9"}
    return {**made, **more}


class Waits(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def of(world: World, tmp_path: Path, **more: str) -> tuple[forge.Forge, Waits]:
    made, waits = forge.here(env(world, tmp_path, **more)), Waits()
    made.sleep = waits
    return made, waits


def bodies(world: World, kind: str = "comments") -> list[str]:
    return [entry.get("description") or entry["body"] for entry in world.entries[kind]]


def test_the_first_comment_is_made_and_the_next_changes_it(world: World, tmp_path: Path):
    there, _ = of(world, tmp_path)
    for number in range(5):  # more than a page of others' words
        world.add("comments", f"word {number}")
    assert comment.comment(there, {"staging": "one"}, env(world, tmp_path)) == "made"
    assert comment.comment(there, {"staging": "two"}, env(world, tmp_path)) == "changed"
    ours = [text for text in bodies(world) if text.startswith(comment.MARKER)]
    assert len(world.entries["comments"]) == 6
    assert len(ours) == 1
    assert "two" in ours[0]
    assert "one" not in ours[0]
    assert any("page=3" in path for _, path in world.requests)


def test_a_comment_that_would_stay_the_same_is_not_written_again(world: World, tmp_path: Path):
    there, _ = of(world, tmp_path)
    for _ in range(2):
        comment.comment(there, {"staging": "one"}, env(world, tmp_path))
    assert [method for method, _ in world.requests if method != "GET"] == ["POST"]


def test_a_comment_of_somebody_else_with_our_marker_is_left_alone(world: World, tmp_path: Path):
    forger = {"user": {"login": "mallory"}} if world.kind == "github" else {"author": {"username": "mallory"}}
    world.add("comments", f"{comment.MARKER} all is well", **forger)
    world.add("comments", f"> {comment.MARKER} a quotation")
    there, _ = of(world, tmp_path)
    assert comment.comment(there, {"staging": "one"}, env(world, tmp_path)) == "made"
    assert bodies(world)[0] == f"{comment.MARKER} all is well"


def test_a_comment_that_was_made_unheard_is_not_made_twice(world: World, tmp_path: Path):
    world.deaf = 1
    there, waits = of(world, tmp_path)
    assert comment.comment(there, {"staging": "one"}, env(world, tmp_path)) == "changed"
    assert len(world.entries["comments"]) == 1
    assert waits == [2.0]


def test_a_fault_that_passes_is_outlasted_and_one_that_stays_is_told(world: World, tmp_path: Path):
    there, waits = of(world, tmp_path)
    world.trouble = [(500, {}, {"message": "oops"}), (503, {}, b"<html>")]
    assert comment.comment(there, {"staging": "one"}, env(world, tmp_path)) == "made"
    assert waits == [2.0, 4.0]
    world.trouble = [(500, {}, {"message": "oops"})] * forge.TRIES
    with pytest.raises(forge.ForgeError, match=r"500 oops; tried 6 times\. Run the job again later"):
        comment.comment(there, {"staging": "two"}, env(world, tmp_path))


@pytest.mark.parametrize(
    ("code", "headers", "waits"),
    [
        (429, {"Retry-After": "7"}, [7.0]),
        (403, {"Retry-After": "60"}, [60.0]),
        (429, {}, [60.0]),
        (429, {"RateLimit-Reset": "{soon}"}, [30.0]),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{soon}"}, [30.0]),
    ],
)
def test_a_rate_limit_is_waited_for(world: World, tmp_path: Path, code: int, headers: dict[str, str], waits: list[Any]):
    there, waited = of(world, tmp_path)
    soon = str(int(time.time()) + 31)
    world.trouble = [(code, {k: v.format(soon=soon) for k, v in headers.items()}, {"message": "slow down"})]
    assert comment.comment(there, {"staging": "one"}, env(world, tmp_path)) == "made"
    assert waited == pytest.approx(waits, abs=2)


def test_a_limit_that_lasts_an_hour_is_told_not_waited_for(world: World, tmp_path: Path):
    there, waited = of(world, tmp_path)
    world.trouble = [(429, {"Retry-After": "3600"}, {"message": "slow down"})]
    with pytest.raises(forge.ForgeError, match="it asks to wait 3600 s"):
        comment.comment(there, {"staging": "one"}, env(world, tmp_path))
    assert waited == []


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (401, {"message": "Bad credentials"}, "401 Bad credentials. .*_TOKEN"),
        (403, {"message": "Resource not accessible by integration"}, "403 Resource not accessible.*_TOKEN"),
        (404, {"message": "404 Project Not Found"}, "404 404 Project Not Found. There is no such thing"),
        (410, {"message": "Issues are disabled"}, "410 Issues are disabled"),
        (422, {"message": "Validation Failed", "errors": [{"field": "body"}]}, "422 Validation Failed .*body"),
    ],
)
def test_what_does_not_pass_is_told_at_once(world: World, tmp_path: Path, code: int, said: Any, told: str):
    there, waited = of(world, tmp_path)
    world.trouble = [(code, {}, said)]
    with pytest.raises(forge.ForgeError, match=told):
        comment.comment(there, {"staging": "one"}, env(world, tmp_path))
    assert waited == []


def test_the_token_is_nowhere_in_what_is_told(world: World, tmp_path: Path):
    there, _ = of(world, tmp_path)
    world.trouble = [(400, {}, {"message": f"you sent Bearer {TOKEN}"})]
    with pytest.raises(forge.ForgeError) as told:
        comment.comment(there, {"staging": "one"}, env(world, tmp_path))
    assert TOKEN not in str(told.value) + repr(there)
    assert "you sent Bearer ***" in str(told.value)


def test_the_token_goes_to_no_other_host(world: World, tmp_path: Path):
    with serving(World(world.kind)) as other:
        there, _ = of(world, tmp_path)
        world.trouble = [(302, {"Location": f"{other.api}/user"}, {})]
        with pytest.raises(forge.ForgeError, match=r"302.*It has moved"):
            comment.comment(there, {"staging": "one"}, env(world, tmp_path))
        world.trouble = [(200, {"Link": f'<{other.api}/user>; rel="next"'}, [])]
        with pytest.raises(forge.ForgeError, match="next page outside"):
            comment.comment(there, {"staging": "one"}, env(world, tmp_path))
        assert other.requests == []


def test_a_server_that_is_away_is_tried_and_then_told(tmp_path: Path):
    with serving(World("github")) as world:
        there, waited = of(world, tmp_path)
    with pytest.raises(forge.ForgeError, match=r"Connection refused.*tried 6 times"):
        comment.comment(there, {"staging": "one"}, env(world, tmp_path))
    assert waited == [2.0, 4.0, 8.0, 16.0, 32.0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set"),
        ({"GITHUB_ACTIONS": ""}, "here is neither"),
        ({"GITHUB_API_URL": "http://github.example.com/api"}, "is not https"),
    ],
)
def test_an_environment_that_lacks_something(github: World, tmp_path: Path, change: dict[str, str], told: str):
    with pytest.raises(forge.ForgeError, match=told):
        forge.here(env(github, tmp_path, **change))


def test_a_run_of_no_pull_request_has_nothing_to_comment(github: World, tmp_path: Path):
    given = env(github, tmp_path)
    (tmp_path / "event.json").write_text('{"ref": "refs/heads/main"}')
    with pytest.raises(forge.ForgeError, match="not of a pull request"):
        comment.comment(forge.here(given), {"staging": "one"}, given)


def test_a_comment_is_never_longer_than_the_forge_takes(world: World, tmp_path: Path):
    there, _ = of(world, tmp_path)
    page = {} if world.kind == "gitlab" else {"GITHUB_RUN_ID": "9", "GITHUB_SERVER_URL": "https://github.com"}
    plans = {"staging": "short", "prod": "```\n" + "word\n" * 400_000 + "```"}
    comment.comment(there, plans, {**page, **env(world, tmp_path)})
    (text,) = bodies(world)
    assert len(text) <= there.limit
    assert len(text) > there.limit - 100
    assert "short" in text
    assert "*Cut off here: the whole text is in the [run](https://" in text
    assert text.count("```") == 2, "the block of code is closed"


def test_drift_opens_one_issue_which_is_changed_and_then_closed(world: World, tmp_path: Path):
    there, _ = of(world, tmp_path)
    given = env(world, tmp_path)
    for number in range(3):
        world.add("issues", f"trouble {number}")
    assert issue.issue(there, {"staging": issue.ALL_WELL, "prod": issue.ALL_WELL}, given) == "not needed"
    assert issue.issue(there, {"staging": "a topic is gone", "prod": issue.ALL_WELL}, given) == "made"
    assert issue.issue(there, {"staging": "two topics are gone", "prod": None}, given) == "changed"
    (ours,) = [text for text in bodies(world, "issues") if text.startswith(issue.MARKER)]
    assert "## staging\n\ntwo topics are gone" in ours
    assert "## prod\n\n*There is no report" in ours
    assert world.entries["issues"][-1]["title"] == issue.TITLE
    assert issue.issue(there, {"staging": issue.ALL_WELL, "prod": issue.ALL_WELL}, given) == "closed"
    assert [entry["state"] for entry in world.entries["issues"]].count("closed") == 1
    assert issue.issue(there, {"staging": "again", "prod": issue.ALL_WELL}, given) == "made"


def test_the_programs_read_the_reports_and_end_with_a_sentence(
    github: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in env(github, tmp_path, KAFKALOGS_STATE=str(tmp_path), HEAD_SHA="0123456789abcdef").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "plan-staging.md").write_text("one topic more\n")
    assert comment.main(["staging", "prod"]) == 0
    (text,) = bodies(github)
    assert "## staging\n\none topic more\n" in text
    assert "## prod\n\n*There is no plan" in text
    assert issue.main(["staging"]) == 0
    assert capsys.readouterr().out == "comment made\nissue made\n"
    monkeypatch.setenv("GITHUB_TOKEN", "another")
    assert comment.main(["staging"]) == 1
    assert issue.main([]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: GET http://127.0.0.1")
    assert "another" not in said
    assert "which stacks?" in said
