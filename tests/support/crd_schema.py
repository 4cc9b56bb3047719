"""Manifests against the genuine custom resource definitions; unknown fields, which Kubernetes drops silently, fail."""

from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from embedded.build.crds import crds


@cache
def validators() -> dict[str, Draft202012Validator]:
    """A validator for each kind."""
    with crds().open() as file:
        definitions = list(yaml.load_all(file, yaml.CSafeLoader))
    return {
        d["spec"]["names"]["kind"]: Draft202012Validator(
            strict(d["spec"]["versions"][0]["schema"]["openAPIV3Schema"], top=True)
        )
        for d in definitions
    }


def strict(schema: dict[str, Any], top: bool = False) -> dict[str, Any]:
    """An OpenAPI schema as JSON Schema that takes no unknown fields."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    done = {k: v for k, v in schema.items() if not k.startswith("x-") and k not in {"description", "format"}}
    if "properties" in done:
        done["properties"] = {k: strict(v) for k, v in done["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            done["additionalProperties"] = False
    if isinstance(done.get("additionalProperties"), dict):
        done["additionalProperties"] = strict(done["additionalProperties"])
    if "items" in done:
        done["items"] = strict(done["items"])
    for key in ("oneOf", "anyOf", "allOf"):
        done.pop(key, None)
    if top:  # the API server's own part
        done["properties"]["metadata"] = {"type": "object"}
    return done


def problems(manifest: dict[str, Any]) -> list[str]:
    """What the definition of its kind finds wrong with a manifest."""
    errors = validators()[manifest["kind"]].iter_errors(manifest)
    return [f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in errors]
