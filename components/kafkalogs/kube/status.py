"""What operators write into the status of their resources, in few words."""

import json
from collections.abc import Mapping
from typing import Any, cast

from .resources import Manifest


def why_not_ready(resource: Manifest) -> str:
    """Why a resource of Strimzi or Flink is not ready, in its operator's words; empty if it is ready."""
    status = _mapping(resource.get("status"))
    if resource.get("kind") == "FlinkDeployment":
        return _of_flink(status)
    listed = status.get("conditions")
    conditions = [_mapping(one) for one in cast("list[Any]", listed)] if isinstance(listed, list) else []
    by_type = {str(one.get("type")): one for one in conditions}
    if str(by_type.get("Ready", {}).get("status")) == "True":
        return ""
    if told := by_type.get("Ready") or by_type.get("NotReady"):
        return ": ".join(str(told[key]) for key in ("reason", "message") if told.get(key)) or "not Ready"
    return str(conditions[0].get("type")) if conditions else "the operator has not reconciled it"


def _of_flink(status: Mapping[str, Any]) -> str:
    state, error = str(status.get("lifecycleState") or ""), status.get("error")
    if state == "STABLE" and not error:
        return ""
    if not error:
        return f"the job is {state}" if state else "the operator has not reconciled it"
    try:
        told = _mapping(json.loads(str(error)))
    except ValueError:
        told = {"message": str(error)}
    return ": ".join(str(part) for part in (state, told.get("message") or told.get("type")) if part)


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
