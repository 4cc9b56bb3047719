"""The recipe "Add a part" of docs/development.md: a folder, a model with its key, and one line of the list of parts.

A copy of the package gets the part `example` by these three steps and no other. All that must know all parts then knows
this one: the check of the stack file, images, rights, quotas, disks, reserved names, the doctor and the pipeline.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[3]

RECORD = '''"""The record of the example."""

from typing import Final

from ..catalog.part import INTERNAL_RESERVE, LEAST_RATE, Part, TopicSpec, UserSpec, allow
from ..config.models import Platform

TOPIC: Final = "example.state"


def _topics(platform: Platform) -> tuple[TopicSpec, ...]:
    return (
        TopicSpec(
            name=TOPIC,
            kind="internal",
            retention_class="internal",
            partitions=1,
            replicas=platform.kafka.replication_factor,
            config={"cleanup.policy": "compact", "min.insync.replicas": platform.kafka.min_in_sync_replicas},
            reserve=INTERNAL_RESERVE,
        ),
    )


def _users(_: Platform) -> tuple[UserSpec, ...]:
    acls = (allow("topic", TOPIC, "literal", "Read", "Write", "Describe"),)
    return (UserSpec(name="example", acls=acls, producer_byte_rate=LEAST_RATE),)


EXAMPLE: Final = Part(
    key="example",
    title="the example",
    images=("example",),
    topics=_topics,
    users=_users,
    group="example.all",
    reads=lambda _, log_classes: tuple(log_classes),
    topic_names=(TOPIC,),
    user_names=("example",),
    group_prefixes=("example.",),
    certificates=lambda _: ("example",),
    deploy="example.deploy:deploy",
)
'''
DEPLOY = '''"""The example of a stack."""

import pulumi

from ..kafka.identity import user_manifest, user_resource
from ..kafka.topic import topic_manifest, topic_resource
from ..kube.wiring import Wiring
from .record import EXAMPLE


def deploy(wiring: Wiring) -> pulumi.Resource | None:
    """Its topic and its identity."""
    here = (wiring.namespace, wiring.cluster)
    (topic,), (user,) = EXAMPLE.topics(wiring.platform), EXAMPLE.users(wiring.platform)
    topic_resource("example-state", topic_manifest(*here, topic), wiring.options())
    return user_resource("example-user", user_manifest(*here, user), wiring.options("shipper"))
'''
MODEL = '''class Example(PartSettings):
    """What the example is told."""

    words: Count = 1
    """How many words it says."""


'''
LOOK = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
import kafkalogs
from kafkalogs import ConfigError, load, parts
from kafkalogs.checks import disk
from kafkalogs.config import reference
from kafkalogs.doctor.declared import declared
from kafkalogs.kube.resources import known
from tests.support.render import render_config
assert kafkalogs.__file__.startswith(sys.argv[1])
base = json.loads(sys.argv[3])
def refused(**changes):
    try:
        load({**base, **changes})
    except ConfigError as error:
        return str(error)
    return ""
platform = load({**base, "example": {}})
want = declared(platform)
def missing():
    try:
        parts.check_images(platform, {})
    except ConfigError as error:
        return str(error)
rendered = render_config({"kafkalogs:platform": {**base, "example": {"words": 2}}}, "local")
print(json.dumps({
    "topics": [want.topics["example.state"].partitions, sorted(want.topics["example.state"].config)],
    "rights": sorted(str(acl) for acl in want.users["example"].acls),
    "quota": dict(want.users["example"].quotas),
    "group": [group.name for group in want.groups if group.part == "example" and group.topics],
    "certificates": "example" in want.certificates,
    "disk": [need.size for need in disk.part_needs(platform) if need.part == "example"],
    "images": missing(),
    "on": parts.switched_on(platform),
    "wrong": refused(example={"words": "two"}),
    "service": refused(services={**base["services"], "example": {"team": "a", "rate": "1KiB/s"}}),
    "topic": refused(services={**base["services"], "x": {"team": "a", "rate": "1KiB/s", "topic": "example.state"}}),
    "team": refused(teams={"example": {"reads": ["logs.*"]}}),
    "documented": "`words`" in reference.reference(),
    "made": sorted(one.name for one in rendered if one.name.startswith("example")),
    "labels": [
        one.properties["metadata"]["labels"]["kafkalogs.io/kind"] for one in rendered if one.name == "example-state"
    ],
}))
"""


def insert(file: Path, before: str, text: str) -> None:
    written = file.read_text()
    assert written.count(before) == 1, f"{file}: {before}"
    file.write_text(written.replace(before, f"{text}{before}"))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    components = tmp_path_factory.mktemp("components")
    package = components / "kafkalogs"
    shutil.copytree(REPO / "components" / "kafkalogs", package, ignore=shutil.ignore_patterns("__pycache__"))
    # 1. its folder
    (package / "example").mkdir()
    (package / "example" / "__init__.py").write_text('"""The example."""\n')
    (package / "example" / "record.py").write_text(RECORD)
    (package / "example" / "deploy.py").write_text(DEPLOY)
    # 2. its model, and the key of the stack file
    insert(package / "config" / "parts.py", "class Monitoring(PartSettings)", MODEL)
    models = package / "config" / "models.py"
    insert(models, "from .parts import", "from .parts import Example\n")
    insert(
        models,
        "    compliance: Compliance",
        '    example: Annotated[Example | None, NotNull()] = None\n    """It."""\n\n',
    )
    # 3. one line of the list (and what it imports)
    insert(package / "parts.py", "from .pager.record", "from .example.record import EXAMPLE\n")
    insert(package / "parts.py", "    MONITORING,\n)", "    EXAMPLE,\n")
    base = {
        "operator": "embedded",
        "kafka": {"pools": {"kafka": {"roles": ["controller", "broker"], "replicas": 3, "memory": "1Gi"}}},
        "services": {"shop": {"team": "a", "rate": "1KiB/s"}},
    }
    infra = [str(REPO / folder) for folder in (".", "infra")]
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(components), infra[1], json.dumps(base)],
        capture_output=True,
        text=True,
        cwd=REPO,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_doctor_expects_its_topic_rights_quota_group_and_certificate(seen: dict[str, Any]) -> None:
    assert seen["topics"] == [1, ["cleanup.policy", "min.insync.replicas"]]
    assert seen["rights"] == [f"allow {what} on topic literal example.state" for what in ("Describe", "Read", "Write")]
    limits = {"request_percentage": 200, "controller_mutation_rate": 10}
    assert seen["quota"] == {"producer_byte_rate": 1024 * 1024, **limits}
    assert seen["group"] == ["example.all"]
    assert seen["certificates"]


def test_disks_and_images_are_planned_with_it(seen: dict[str, Any]) -> None:
    assert seen["disk"] == [3 * 16 * 1024 * 1024]
    assert "example: 'on': its image example comes from make cluster; run it, or remove example" in seen["images"]
    assert "example" in seen["on"]


def test_its_names_are_reserved(seen: dict[str, Any]) -> None:
    assert "services.example: 'example': the identity of the example" in seen["service"]
    assert "services.x.topic: 'example.state': this topic belongs to the example" in seen["topic"]
    assert "teams.example: 'example': its consumer groups would begin like those of the example" in seen["team"]


def test_its_keys_are_checked_and_documented(seen: dict[str, Any]) -> None:
    assert "kafkalogs:platform.example.words: 'two'" in seen["wrong"]
    assert seen["documented"]


def test_the_pipeline_makes_it_with_labels(seen: dict[str, Any]) -> None:
    assert seen["made"] == ["example-state", "example-user"]
    assert seen["labels"] == ["internal"]
