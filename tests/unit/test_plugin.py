"""The plugin that serves the components to other languages."""

import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path

import kafkalogs
import pulumi
import pytest
from pulumi.provider.experimental.component import ComponentProvider

HOST = Path(__file__).resolve().parents[2] / "components" / "__main__.py"
# what only programs in Python can use, since it takes another component
PYTHON_ONLY = {"LogPipeline"}
# what has inherited arguments, of which the schema would say nothing
INHERITING = {"ConnectRole", "StreamRole", "SecretsRole"}


def served() -> list[type[pulumi.ComponentResource]]:
    """What the host serves."""
    spec = importlib.util.spec_from_file_location("plugin_host", HOST)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.COMPONENTS


def public() -> list[type[pulumi.ComponentResource]]:
    """The components that the package offers."""
    offered = [getattr(kafkalogs, name) for name in kafkalogs.__all__]
    return [thing for thing in offered if inspect.isclass(thing) and issubclass(thing, pulumi.ComponentResource)]


def schema() -> dict:
    return json.loads(ComponentProvider(served(), "kafkalogs", None, "0.1.0").schema)


def test_every_public_component_is_served():
    assert {c.__name__ for c in public()} - PYTHON_ONLY - INHERITING <= {c.__name__ for c in served()}
    assert len(served()) == len(set(served())) >= 20


@pytest.mark.parametrize("name", sorted(PYTHON_ONLY))
def test_what_is_left_out_could_not_be_served(name):
    with pytest.raises(Exception, match="Can not determine resource reference"):
        ComponentProvider([*served(), getattr(kafkalogs, name)], "kafkalogs", None, "0.1.0")


def test_every_component_is_in_the_schema():
    assert set(schema()["resources"]) == {f"kafkalogs:index:{c.__name__}" for c in served()}


def test_every_input_and_output_is_described():
    found = schema()
    for name, resource in {**found["resources"], **found["types"]}.items():
        for kind in ("inputProperties", "properties"):
            for key, value in resource.get(kind, {}).items():
                assert value.get("description"), f"{name}.{key}"


def test_types_of_inputs():
    topic = schema()["resources"]["kafkalogs:index:LogTopic"]
    assert topic["inputProperties"]["partitions"]["type"] == "integer"
    assert "maxMessageBytes" not in topic["requiredInputs"]
    assert "retentionMs" in topic["requiredInputs"]


def test_a_program_in_another_language_reaches_the_parts():
    found = schema()["resources"]
    assert {"catalog", "topics"} <= set(found["kafkalogs:index:S3Sink"]["inputProperties"])
    assert "template" in found["kafkalogs:index:FlinkJob"]["requiredInputs"]


def test_programs_that_only_log_do_not_load_pulumi():
    code = "import sys, kafkalogs; print([m for m in sys.modules if m.split('.')[0] in ('pulumi', 'pydantic')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
