"""What AWS gives to what it makes, and what IAM would say to a request."""

import json
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import patch

from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from tests.support import graph
from tests.support.graph import Graph

PLACE = {"region": "eu-central-1", "account": "123456789012"}
ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/0A1B2C3D"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/archive-bucket-id"
PASSWORD = "only-in-secrets-manager"


class _Aws(graph._Echo):
    """Outside of a preview resources have what AWS gives them: ARNs, ids of keys, addresses."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        made, outputs = super().new_resource(args)
        if not self.preview and args.typ.startswith("aws:"):
            service = args.typ.split(":")[1].split("/")[0]
            outputs = {
                **outputs,
                "arn": f"arn:aws:{service}:eu-central-1:123456789012:key/{args.name}-id",
                "keyId": f"{args.name}-id",
                "endpoint": f"vpc-{args.name}-x1y2.eu-central-1.es.amazonaws.com",
            }
        return made, outputs

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        assert not self.preview, "a preview reads no secret"
        assert args.token == "aws:secretsmanager/getSecretVersion:getSecretVersion"
        return {"secretString": json.dumps({"username": "admin", "password": PASSWORD})}


def built(build: Callable[[], object], preview: bool = False) -> Graph:
    """What `build` registers."""
    with patch.object(graph, "_Echo", _Aws):
        return graph.registered(build, preview)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(pattern: str, text: str) -> bool:
    return fnmatchcase(text, re.sub(r"([\[\]])", r"[\1]", pattern))


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": _like,
    "ArnLike": _like,
    "Bool": lambda wanted, found: wanted == found,
    "NumericLessThan": lambda wanted, found: float(found) < float(wanted),
}


def _condition(statement: dict[str, Any], context: dict[str, str]) -> bool:
    for operator, tests in statement.get("Condition", {}).items():
        for key, wanted in tests.items():
            found = context.get(key)
            if operator == "Null":
                met = (found is None) == (wanted == "true")
            else:
                met = found is not None and any(_TESTS[operator](each, found) for each in _list(wanted))
            if not met:
                return False
    return True


def _said(statements: Iterable[dict[str, Any]], action: str, resource: str, context: dict[str, str]) -> set[str]:
    return {
        statement["Effect"]
        for statement in statements
        if any(_like(each, action) for each in _list(statement["Action"]))
        and any(_like(each, resource) for each in _list(statement["Resource"]))
        and _condition(statement, context)
    }


def answer(policy: dict[str, Any], action: str, resource: str, **context: str) -> str:
    """What a policy says of a request: Deny, Allow, or nothing. Keys of the context have __ for : and _ for -."""
    keys = {key.replace("__", ":").replace("_", "-"): value for key, value in context.items()}
    said = _said(policy["Statement"], action, resource, keys)
    return "Deny" if "Deny" in said else "Allow" if said else ""
