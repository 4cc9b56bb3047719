from __future__ import annotations

import email.message
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from embedded.build.cache import EmbeddedError
from embedded.machine.source import REGISTRIES, TIMEOUT, choose_source


class Answer:
    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None: ...


REGISTRY = {"Docker-Distribution-Api-Version": "registry/2.0"}


def http_error(code: int, headers: dict[str, str]) -> urllib.error.HTTPError:
    message = email.message.Message()
    for name, value in headers.items():
        message[name] = value
    return urllib.error.HTTPError("https://registry/v2/", code, "no", message, None)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[str]]:
    """Make registries answer, or raise, what is given; returns the addresses that were asked."""

    def install(answer: Any) -> list[str]:
        asked: list[str] = []

        def urlopen(url: str, timeout: float) -> Answer:
            asked.append(url)
            assert timeout == TIMEOUT <= 5
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        return asked

    return install


@pytest.mark.parametrize("kind", ["pull", "build"])
def test_by_hand_asks_nobody(kind: str, monkeypatch: pytest.MonkeyPatch, answers: Callable[[Any], list[str]]) -> None:
    asked = answers(OSError("nobody should be asked"))
    monkeypatch.setenv("KAFKALOGS_SOURCE", kind)
    assert choose_source().kind == kind
    assert choose_source().reason == f"KAFKALOGS_SOURCE={kind}"
    assert not asked


def test_unknown_by_hand_names_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKALOGS_SOURCE", "download")
    with pytest.raises(EmbeddedError, match="'download' is not known: set it to pull or build"):
        choose_source()


@pytest.mark.parametrize("answer", [Answer(REGISTRY), http_error(401, REGISTRY)])
def test_registries_that_answer_are_pulled_from(answer: Any, answers: Callable[[Any], list[str]]) -> None:
    asked = answers(answer)
    assert choose_source().kind == "pull"
    assert sorted(asked) == sorted(f"https://{name}/v2/" for name in REGISTRIES)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (urllib.error.URLError("Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out"), "timed out"),
        (http_error(403, REGISTRY), "answered 403"),
        (http_error(401, {"Proxy": "sign in"}), "did not answer as a registry"),
        (Answer({"Content-Type": "text/html"}), "did not answer as a registry"),
    ],
)
def test_anything_else_means_building(answer: Any, reason: str, answers: Callable[[Any], list[str]]) -> None:
    answers(answer)
    chosen = choose_source()
    assert chosen.kind == "build"
    assert reason in chosen.reason
