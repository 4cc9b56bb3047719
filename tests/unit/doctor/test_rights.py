"""The doctor's rights in Kubernetes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kafkalogs import cli, load
from kafkalogs.doctor import declared as want
from kafkalogs.doctor.kubernetes import KubernetesReader
from kafkalogs.doctor.rights import role, secret_names
from kubernetes.client import ApiException

from tests.support.wrong_stacks import platform_of

from .world import World


@pytest.mark.parametrize("stack", ["local", "staging", "prod"])
def test_the_role_names_every_secret_and_no_key_of_an_authority(stack: str) -> None:
    declared = want.declared(load(platform_of(stack)))
    (secrets,) = [rule for rule in role(declared)["rules"] if rule["resources"] == ["secrets"]]
    assert secrets["verbs"] == ["get"]
    assert secrets["resourceNames"] == list(secret_names(declared))
    assert {"doctor", "logs-cluster-ca-cert", "logs-clients-ca-cert", "nginx"} <= set(secrets["resourceNames"])
    # Strimzi's authorities, and the platform's own
    assert not {"logs-cluster-ca", "logs-clients-ca", "platform-ca-key"} & set(secrets["resourceNames"])


def test_every_certificate_that_the_checks_look_for_is_named() -> None:
    world = World()
    assert {one.secret for one in world.certificates.values()} <= set(secret_names(world.declared))


class Core:
    """Kubernetes' API: it lets Secrets be read by name, and listed by nobody."""

    api_client = None

    def read_namespaced_secret(self, name: str, namespace: str, **_: Any) -> Any:
        if name == "gone":
            raise ApiException(status=404)
        if name == "hidden":
            raise ApiException(status=403)
        return SimpleNamespace(data={"ca.crt": "bm9uZQ=="})


def reader() -> KubernetesReader:
    def call(function: Any, what: str, remedy: str, *words: Any) -> Any:
        return function(*words, _request_timeout=1)

    access: Any = SimpleNamespace(namespace="n", core=Core(), call=call)
    return KubernetesReader(access)


def test_secrets_are_read_by_name_and_one_that_is_not_there_has_no_certificate() -> None:
    assert [one.secret for one in reader().certificates(["a", "gone", "b"])] == ["a", "b"]


def test_a_secret_that_may_not_be_read_is_an_error() -> None:
    with pytest.raises(ApiException):
        reader().certificates(["hidden"])


def test_the_command_prints_the_role(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "-s", "prod", "--role"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed == role(want.declared(load(platform_of("prod"))))
