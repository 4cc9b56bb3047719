"""Topics are deleted and made again under the same name, and the sinks stay those that knew the old ones."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.chaos.load import Load
from tests.chaos.state import SPACE
from tests.support import pipeline
from tests.support.lag import behind, ends
from tests.support.sandbox import Sandbox

AUDIT = "logs.audit"
AWAY = 30
"""Seconds without the topic; readers look for new topics every ten."""

READ_SECONDS = 300
OWNER = "setter-of-offsets"


def the_audit_topic_is_made_anew(platform: Sandbox, load: Load) -> None:
    """The topic of audit events is deleted, when all readers have read its end, and made again 30 s later.

    What a reader has not read is lost by design with the topic. So the load writes no audit event meanwhile, and the
    counts of all sinks are exact: offsets are used again, and no record hides or replaces another one.
    """
    with load.held(AUDIT), pipeline.inspector(platform, OWNER) as reader:
        until = ends(platform, reader, {AUDIT})
        for part in ("archive", "search", "audit", "stream"):
            read = f"{part} has read all audit events"
            platform.wait(read, lambda part=part: behind(platform, reader, part, until) == 0, READ_SECONDS)
        made_anew(platform, AUDIT, AWAY)


def made_anew(platform: Sandbox, topic: str, away: float) -> None:
    """Delete a topic with all its records, and make it again with the same settings."""
    found = platform.get("kafkatopic", topic, "--show-managed-fields")
    about = found["metadata"]
    # Pulumi owns the resource and must be able to change it afterwards.
    owners = [entry["manager"] for entry in about["managedFields"] if entry["operation"] == "Apply"]
    again = {key: found[key] for key in ("apiVersion", "kind", "spec")}
    again["metadata"] = {key: about[key] for key in ("name", "namespace", "labels", "annotations") if key in about}
    platform.kubectl(*SPACE, "delete", "kafkatopic", topic, "--timeout=120s")
    try:
        time.sleep(away)
    finally:
        owner = f"--field-manager={next(iter(owners), 'kubectl')}"
        platform.kubectl("apply", "--server-side", owner, "-f", "-", input=json.dumps(again))

    def there() -> bool:
        status: dict[str, Any] = platform.get("kafkatopic", topic).get("status", {})
        return status.get("topicId") not in (None, found["status"]["topicId"])

    platform.wait(f"{topic} is another topic", there, 120)
